/** EAP in IKEv2 beyond the ways that every client has: EAP-GTC, and EAP alone (RFC 5998). */

import assert from 'node:assert/strict';
import type { Case } from '../case.ts';
import { Authority, HOLDER, SERVER_NAME } from '../ikev2/authority.ts';
import { OUR_INNER, ourClientProfile, ourGatewayConfig, STOCK_INNER, STOCK_NETWORKS } from '../ikev2/connections.ts';
import { type StockConnection, several } from '../ikev2/several.ts';
import type { StrongSwanOptions } from '../ikev2/strongSwan.ts';
import { SERVER } from '../ikev2/wire.ts';
import type { Lab } from '../lab.ts';
import { USER } from '../stock/options.ts';
import { ping } from '../traffic.ts';

const IKE = 'aes256-sha256-ecp256';
const ESP = 'aes256gcm16-ecp256';
const SECRETS = `eap-lab { id = ${USER.name}\n secret = "${USER.password}" }`;

export const cases: readonly Case[] = [
  { name: 'ikev2 gateway eap-gtc, eap-only', beside: 'ikev2 eap', seconds: 120, run: atGateway },
  { name: 'ikev2 client eap-gtc, eap-only', beside: 'ikev2 eap', seconds: 120, run: atClient },
];

async function atGateway(lab: Lab): Promise<void> {
  const [wire, authority] = await Promise.all([lab.wire(), Authority.of(lab.folder, 'p256')]);
  const [gateway, client] = [wire.ourGateway(), wire.strongSwan('client')];
  const remote = `remote { auth = pubkey\n id = ${SERVER_NAME}\n cacerts = root.pem }`;
  const connection = (name: string, lines: string): StockConnection => ({
    name,
    ike: IKE,
    esp: ESP,
    lines: `remote_addrs = ${SERVER}\n vips = 0.0.0.0\n ${lines}`,
    selectors: 'remote_ts = 10.74.0.0/24',
  });
  const tls = `local { auth = eap-tls\n id = ${HOLDER}\n certs = own.pem }`;
  const options = several(
    [
      connection('gtc', `local { auth = eap-gtc\n id = ${USER.name}\n eap_id = ${USER.name} }\n ${remote}`),
      connection('only', `${tls}\n remote { auth = eap-tls\n id = ${SERVER_NAME} }`),
    ],
    { secrets: SECRETS, files: filesOf(authority, authority.issued(HOLDER)) },
  );
  const config = ourGatewayConfig('eap-tls', authority);
  await Promise.all([
    gateway.start({ users: [USER], more: { ...config, remote_access: { eap: ['eap-tls', 'eap-gtc'] } } }),
    client.start(options),
  ]);
  const connect = async (name: string, method: string, pattern: RegExp) => {
    const seen = client.log().length;
    await client.initiate(name);
    const [session] = await gateway.sessions();
    assert.equal(session?.authentication, method);
    assert.equal(session?.user, method === 'eap-gtc' ? USER.name : HOLDER);
    await ping(client, OUR_INNER.v4);
    await client.logged(pattern, 1, seen);
    await client.terminate(name);
    assert.deepEqual(await gateway.leftovers(), []);
  };
  await connect('gtc', 'eap-gtc', /requesting EAP_GTC authentication, sending EAP_NAK/);
  await gateway.stop();

  await gateway.start({ users: [], more: { ...config, remote_access: { eap: ['eap-tls'], eap_only: true } } });
  await connect('only', 'eap-tls', /allow mutual EAP-only authentication/);
  await gateway.stop();
}

async function atClient(lab: Lab): Promise<void> {
  const [wire, authority] = await Promise.all([lab.wire(), Authority.of(lab.folder, 'p256')]);
  const [server, client] = [wire.strongSwan('server'), wire.ourClient()];
  await server.holdAddresses(STOCK_INNER.v4);
  await server.start(stockServer(authority));
  const profile = { ...ourClientProfile('eap-tls', authority), ipv6: false, routes: [STOCK_NETWORKS[0]] };

  const gtc = {
    ...ourClientProfile('eap-mschapv2', authority),
    auth: ['eap-gtc'],
    ipv6: false,
    routes: profile.routes,
  };
  await client.startWith(gtc);
  await client.up();
  await ping(client, STOCK_INNER.v4);
  await server.logged(/EAP method EAP_GTC succeeded, no MSK established/, 1);
  await client.disconnect();
  await server.none();

  const seen = server.log().length;
  await client.startWith({ ...profile, server_identity: ONLY, eap_only: true });
  await client.up();
  await ping(client, STOCK_INNER.v4);
  await server.logged(/parsed IKE_AUTH request 1 \[ .*N\(EAP_ONLY\)/, 1, seen);
  await server.logged(/generating IKE_AUTH response 1 \[ IDr EAP\/REQ\/(ID|TLS) \]/, 1, seen);
  await client.disconnect();
  await server.none();

  // Who does not say so is not served by EAP alone.
  await client.startWith({ ...profile, server_identity: ONLY });
  assert.notEqual(await client.over(), 0);
  await server.logged(/configured EAP-only authentication, but peer does not support it/, 1, seen);
}

/** The identity of the connection that proves itself by EAP alone; its certificate is for that as well. */
const ONLY = SERVER;

function stockServer(authority: Authority): StrongSwanOptions {
  const connection = (name: string, lines: string): StockConnection => ({
    name,
    ike: IKE,
    esp: ESP,
    lines: `pools = v4\n ${lines}`,
    selectors: `local_ts = ${STOCK_NETWORKS[0]}`,
  });
  return several(
    [
      connection(
        'gtc',
        `local { auth = pubkey\n id = ${SERVER_NAME}\n certs = own.pem }\n remote { auth = eap-gtc\n eap_id = %any }`,
      ),
      connection(
        'only',
        `local { auth = eap-tls\n id = ${ONLY}\n certs = own.pem }\n remote { auth = eap-tls\n eap_id = %any }`,
      ),
    ],
    {
      secrets: SECRETS,
      files: filesOf(authority, authority.server),
      settings: 'plugins { eap-gtc { backend = generic } }',
    },
  );
}

const filesOf = (authority: Authority, own: { readonly certificate: string; readonly key: string }) => ({
  'x509ca/root.pem': authority.root,
  'x509/own.pem': own.certificate,
  'private/own.pem': own.key,
});
