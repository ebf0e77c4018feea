/** L2TP in a guest over IKEv2 and over IKEv1 with certificates, and EAP inside of pppd. */

import assert from 'node:assert/strict';
import type { Case } from '../case.ts';
import { Authority, HOLDER, type Issued, type KeyKind, SERVER_NAME } from '../ikev2/authority.ts';
import { ADDRESSES, type Lab } from '../lab.ts';
import { GATEWAY_INNER_ADDRESS } from '../ours.ts';
import { type Certificates, type Ipsec, type Method, USER } from '../stock/options.ts';
import { SERVER_INNER_ADDRESS, SERVER_INNER_NETWORK } from '../stock/server.ts';
import { ping, serveHttp, transfer } from '../traffic.ts';

interface Row {
  readonly name: string;
  readonly version: 1 | 2;
  /** Keys of the certificates of IKE; none: pre-shared keys. */
  readonly keys?: KeyKind;
  readonly method: Method;
  readonly path: 'nat' | 'direct';
  /** strongSwan's proposals of ESP. */
  readonly esp?: string;
}

const ROWS: readonly Row[] = [
  { name: 'l2tp psk nat', version: 2, method: 'mschapv2', path: 'nat' },
  {
    name: 'l2tp ecdsa esn direct',
    version: 2,
    keys: 'p256',
    method: 'eap-mschapv2',
    path: 'direct',
    esp: 'aes256gcm16-ecp256-esn',
  },
  { name: 'l2tp rsa nat', version: 2, keys: 'rsa3072', method: 'eap-tls', path: 'nat' },
  { name: 'l2tp rsa nat', version: 1, keys: 'rsa3072', method: 'eap-md5', path: 'nat' },
];

export const cases: readonly Case[] = ROWS.flatMap((row) => {
  const name = (side: string) => `ikev${row.version} ${side} ${row.name} ${row.method}`;
  return [
    { name: name('gateway'), beside: name(''), seconds: 120, run: (lab: Lab) => atGateway(lab, row) },
    { name: name('client'), beside: name(''), seconds: 120, run: (lab: Lab) => atClient(lab, row) },
  ];
});

const NAMES: readonly string[] = [ADDRESSES.stockServer, ADDRESSES.ourGateway];

async function authorityOf(lab: Lab, { keys, method }: Row): Promise<Authority> {
  return Authority.of(lab.folder, keys ?? 'p256', `l2tp-${method}-${keys}`, NAMES);
}

const certificatesOf = ({ root }: Authority, { certificate, key }: Issued): Certificates => ({
  root,
  certificate,
  key,
});

/** What strongSwan does in this row. */
function ipsecOf({ version, keys, esp }: Row, certificates: Certificates): Partial<Ipsec> {
  return { version, ...(keys === undefined ? {} : { certificates }), ...(esp === undefined ? {} : { esp }) };
}

async function atGateway(lab: Lab, row: Row): Promise<void> {
  const { method, path, version, keys } = row;
  await lab.topology.masquerade(path === 'nat');
  const [gateway, client, authority] = await Promise.all([lab.ourGateway(), lab.stockClient(1), authorityOf(lab, row)]);
  const own = certificatesOf(authority, authority.issued(HOLDER));
  // An initiator of IKEv1 cannot say whom it wants, so that the gateway states its subject.
  const remoteIdentity = version === 1 ? `"CN=${SERVER_NAME}"` : gateway.address;
  const certificates = { ...own, identity: HOLDER, remoteIdentity };
  const needed = keys !== undefined || method === 'eap-tls';
  await Promise.all([
    gateway.start({
      methods: [method],
      more: {
        ike: { versions: [version], ...(keys === undefined ? {} : { authentication: ['certificate'] }) },
        eap: { certified_users: 'any' },
        ...(needed ? { certificates: { authority: authority.directory } } : {}),
      },
    }),
    client.configure({
      method,
      server: gateway.address,
      ...ipsecOf(row, certificates),
      pppCertificates: own,
      ...(method === 'eap-tls' ? { user: { name: HOLDER, password: '' } } : {}),
    }),
    serveHttp(gateway),
  ]);
  const link = await client.connect();
  assert.equal(link.remote, GATEWAY_INNER_ADDRESS);
  const [session] = await gateway.sessions();
  assert.equal(session?.innerAddress, link.local);
  assert.equal(session?.user, method === 'eap-tls' ? HOLDER : USER.name);
  assert.match(String(session?.ike), new RegExp(`^IKEv${version} `));
  if (method === 'eap-tls') assert.match(await client.logs(), /PRF label = EXPORTER_EAP_TLS_Key_Material/, 'TLS 1.3');
  if (row.esp?.endsWith('-esn')) assert.match(await client.describe(), /ESP:\S+\/ESN/);
  await ping(client, link.remote);
  await ping(gateway, link.local);
  await transfer(client, link.remote);
  await client.disconnect('ppp');
  assert.deepEqual(await client.leftovers(), []);
  assert.deepEqual(await gateway.leftovers(), []);
  await gateway.stop();
}

async function atClient(lab: Lab, row: Row): Promise<void> {
  const { method, path, version, keys } = row;
  await lab.topology.masquerade(path === 'nat');
  const [server, client, authority] = await Promise.all([lab.stockServer(), lab.ourClient(1), authorityOf(lab, row)]);
  const own = certificatesOf(authority, authority.server);
  await server.configure({
    method,
    ...ipsecOf(row, { ...own, identity: server.address }),
    pppCertificates: own,
  });
  await serveHttp(server);
  const needed = keys !== undefined || method === 'eap-tls';
  await client.start({
    server: server.address,
    method,
    user: method === 'eap-tls' ? { name: HOLDER, password: 'none' } : USER,
    routes: SERVER_INNER_NETWORK,
    more: {
      ike_version: version,
      ...(version === 2 ? { tunnel: 'l2tp' } : {}),
      // We offer extended sequence numbers where we are told to alone.
      ...(row.esp === undefined ? {} : { esp_proposals: [row.esp] }),
      ike_authentication: [keys === undefined ? 'psk' : 'certificate'],
      ...(needed ? { certificate: authority.issued(HOLDER).file, ca: [authority.rootFile] } : {}),
    },
  });
  await client.up();
  if (row.esp?.endsWith('-esn')) assert.match(await server.describe(), /ESP:\S+\/ESN/);
  await ping(client, SERVER_INNER_ADDRESS);
  await transfer(client, SERVER_INNER_ADDRESS);
  await client.disconnect();
  assert.deepEqual(await server.leftovers(), []);
}
