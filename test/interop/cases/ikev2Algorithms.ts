/** Each kind of key that signs in IKEv2, and each key exchange, with strongSwan: connected, renewed, and traffic each time. */

import assert from 'node:assert/strict';
import type { Case } from '../case.ts';
import { HOLDER, SERVER_NAME } from '../ikev2/authority.ts';
import { OUR_INNER, OUR_NETWORKS, STOCK_INNER, STOCK_NETWORKS } from '../ikev2/connections.ts';
import { type Made, MadeAuthority, type MadeKey } from '../ikev2/madeAuthority.ts';
import { several } from '../ikev2/several.ts';
import type { StrongSwan } from '../ikev2/strongSwan.ts';
import { SERVER } from '../ikev2/wire.ts';
import type { Lab } from '../lab.ts';
import { ping } from '../traffic.ts';

interface Row {
  readonly name: string;
  readonly key: MadeKey;
  /** How strongSwan signs, and what it wants of us. */
  readonly auth?: string;
  readonly ike: string;
  readonly esp: string;
  /** In strongSwan's log, of its own signature and of ours. */
  readonly signatures: readonly [own: string, ours: string];
  /** In strongSwan's list of SAs. */
  readonly listed: string;
}

const ROWS: readonly Row[] = [
  {
    name: 'ed25519',
    key: 'ed25519',
    ike: 'chacha20poly1305-prfsha256-curve25519',
    esp: 'chacha20poly1305-curve25519',
    signatures: ['ED25519', 'ED25519'],
    listed: 'CHACHA20_POLY1305/PRF_HMAC_SHA2_256/CURVE_25519',
  },
  {
    name: 'ed448',
    key: 'ed448',
    ike: 'aes256gcm16-prfsha512-curve448',
    esp: 'aes256gcm16-curve448',
    signatures: ['ED448', 'ED448'],
    listed: 'AES_GCM_16-256/PRF_HMAC_SHA2_512/CURVE_448',
  },
  {
    name: 'p384',
    key: 'p384',
    ike: 'aes192-sha384-ecp384',
    esp: 'aes192-sha384-ecp384',
    signatures: ['ECDSA_WITH_SHA384_DER', 'ECDSA_WITH_SHA384_DER'],
    listed: 'AES_CBC-192/HMAC_SHA2_384_192/PRF_HMAC_SHA2_384/ECP_384',
  },
  {
    name: 'p521',
    key: 'p521',
    ike: 'aes256-sha512-ecp521',
    esp: 'aes256-sha512-ecp521',
    signatures: ['ECDSA_WITH_SHA512_DER', 'ECDSA_WITH_SHA512_DER'],
    listed: 'AES_CBC-256/HMAC_SHA2_512_256/PRF_HMAC_SHA2_512/ECP_521',
  },
  {
    name: 'pss',
    key: 'rsa3072',
    auth: 'ike:rsa/pss-sha512-sha384-sha256',
    ike: 'aes128gcm16-prfsha384-modp4096',
    esp: 'aes128gcm16-modp3072',
    signatures: ['RSA_EMSA_PSS_SHA2_512', 'RSA_EMSA_PSS_SHA2_256'],
    listed: 'AES_GCM_16-128/PRF_HMAC_SHA2_384/MODP_4096',
  },
];

export const cases: readonly Case[] = [
  { name: `ikev2 gateway ${namesOf()}`, beside: 'ikev2 algorithms', seconds: 120, run: atGateway },
  { name: `ikev2 client ${namesOf()}`, beside: 'ikev2 algorithms', seconds: 120, run: atClient },
];

function namesOf(): string {
  return ROWS.map(({ name }) => name).join(' ');
}

interface Party extends Row {
  readonly authority: MadeAuthority;
  readonly server: Made;
  readonly client: Made;
}

/** Where our client is told by the name of the server which row it is. */
const serverOf = ({ name }: Row) => `${name}.example.org`;

let made: Promise<readonly Party[]> | undefined;

/** Made once for both roles. */
function parties(): Promise<readonly Party[]> {
  made ??= Promise.all(
    ROWS.map(async (row) => {
      const authority = await MadeAuthority.of(row.key, `Authority of ${row.name}`);
      const [server, client] = await Promise.all([
        authority.issue('server', [serverOf(row), SERVER_NAME]),
        authority.issue('client', [HOLDER]),
      ]);
      return { ...row, authority, server, client };
    }),
  );
  return made;
}

async function atGateway(lab: Lab): Promise<void> {
  const [wire, rows] = await Promise.all([lab.wire(), parties()]);
  const [gateway, client] = [wire.ourGateway(), wire.strongSwan('client')];
  const [first, ...more] = rows.map(({ name, server }) => ({
    certificate: wire.write('server', `${name}.pem`, server.certificate + server.key),
  }));
  const ca = rows.map(({ name, authority }) => wire.write('server', `${name}-ca.pem`, authority.root));
  const connections = rows.map((row) => ({
    ...row,
    lines: `remote_addrs = ${SERVER}\n vips = 0.0.0.0, ::
      local { auth = ${authOf(row)}\n id = ${HOLDER}\n certs = ${row.name}.pem }
      remote { auth = ${authOf(row)}\n id = ${SERVER_NAME}\n cacerts = ${row.name}.pem }`,
    selectors: `remote_ts = ${OUR_NETWORKS.join(', ')}`,
  }));
  await Promise.all([
    gateway.start({
      users: [],
      more: {
        network: { ipv6_pool: OUR_NETWORKS[1] },
        certificates: { ...first, more, ca },
        ike: { versions: [2], authentication: ['certificate'] },
        remote_access: { eap: [] },
      },
    }),
    client.start(several(connections, { files: filesOf(rows, 'client') })),
  ]);
  for (const row of rows) {
    const seen = client.log().length;
    await client.initiate(row.name);
    await ping(client, OUR_INNER.v4);
    await assertAlgorithms(client, row, seen);
    await client.swanctl('--rekey', '--child', row.name);
    await client.swanctl('--rekey', '--ike', row.name);
    await client.logged(/IKE_SA \w+\[\d+\] rekeyed between/, 5, seen);
    await client.logged(/CHILD_SA .* established[\s\S]*CHILD_SA .* established/, 5, seen);
    await ping(client, OUR_INNER.v6);
    await client.terminate(row.name);
  }
  assert.deepEqual(await gateway.leftovers(), []);
  await gateway.stop();
}

async function atClient(lab: Lab): Promise<void> {
  const [wire, rows] = await Promise.all([lab.wire(), parties()]);
  const [server, client] = [wire.strongSwan('server'), wire.ourClient()];
  // The first message is answered by the first connection, whichever is meant.
  const ike = rows.map((row) => row.ike).join(', ');
  const connections = rows.map((row) => ({
    ...row,
    ike,
    lines: `pools = v4, v6
      local { auth = ${authOf(row)}\n id = ${serverOf(row)}\n certs = ${row.name}.pem }
      remote { auth = ${authOf(row)}\n cacerts = ${row.name}.pem }`,
    selectors: `local_ts = ${STOCK_NETWORKS.join(', ')}`,
  }));
  await server.holdAddresses(STOCK_INNER.v4, STOCK_INNER.v6);
  await server.start(several(connections, { files: filesOf(rows, 'server') }));
  for (const row of rows) {
    const seen = server.log().length;
    const { name } = row;
    await client.startWith({
      server: SERVER,
      server_identity: serverOf(row),
      ike_version: 2,
      certificate: wire.write('client', `${name}.pem`, row.client.certificate + row.client.key),
      ca: [wire.write('client', `${name}-ca.pem`, row.authority.root)],
      proposals: [row.ike],
      esp_proposals: [row.esp],
      routes: [...STOCK_NETWORKS],
    });
    await client.up();
    await ping(client, STOCK_INNER.v4);
    await assertAlgorithms(server, row, seen);
    await server.swanctl('--rekey', '--child', name);
    await server.swanctl('--rekey', '--ike', name);
    await server.logged(/IKE_SA \w+\[\d+\] rekeyed between/, 5, seen);
    await ping(client, STOCK_INNER.v6);
    await client.disconnect();
  }
  await server.none();
}

const authOf = ({ auth = 'pubkey' }: Row) => auth;

async function assertAlgorithms(stock: StrongSwan, { signatures, listed }: Row, seen: number): Promise<void> {
  await stock.logged(new RegExp(`\\(myself\\) with ${signatures[0]}\\S* successful`), 1, seen);
  await stock.logged(new RegExp(`authentication of '[^']*' with ${signatures[1]}\\S* successful`), 1, seen);
  assert.ok((await stock.sas()).includes(listed), `${listed} in ${await stock.sas()}`);
}

function filesOf(rows: readonly Party[], side: 'server' | 'client'): Record<string, string> {
  return Object.fromEntries(
    rows.flatMap((row) => [
      [`x509ca/${row.name}.pem`, row.authority.root],
      [`x509/${row.name}.pem`, row[side].certificate],
      [`private/${row.name}.pem`, row[side].key],
    ]),
  );
}
