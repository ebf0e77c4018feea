/** Post-quantum pre-shared keys of RFC 8784 with strongSwan: used, unknown, different, and missing where they must be. */

import assert from 'node:assert/strict';
import type { Case } from '../case.ts';
import { OUR_INNER, PSK, STOCK_INNER, STOCK_NETWORKS } from '../ikev2/connections.ts';
import { type StockConnection, several } from '../ikev2/several.ts';
import { SERVER } from '../ikev2/wire.ts';
import type { Lab } from '../lab.ts';
import { ping } from '../traffic.ts';

const ESP = 'aes256gcm16-ecp256';
/** IKE proposals that all differ, by which strongSwan as a server knows which connection is meant. */
const IKE = { used: 'aes256-sha256-ecp256', optional: 'aes256-sha384-ecp384' };
const KEY = `0x${'c3'.repeat(32)}`;
const OTHER_KEY = `0x${'5a'.repeat(32)}`;
const SECRETS = `ike-lab { secret = "${PSK}" }
  ppk-lab { id = lab\n secret = ${KEY} }
  ppk-wrong { id = wrong\n secret = ${OTHER_KEY} }
  ppk-strange { id = strange\n secret = ${KEY} }`;
const AUTH = 'local { auth = psk }\n remote { auth = psk }';
const REFUSED = /parsed IKE_AUTH response 1 \[ N\(AUTH_FAILED\) \]/;

export const cases: readonly Case[] = [
  { name: 'ikev2 gateway ppk', beside: 'ikev2 ppk', seconds: 120, run: atGateway },
  { name: 'ikev2 client ppk', beside: 'ikev2 ppk', seconds: 120, run: atClient },
];

async function atGateway(lab: Lab): Promise<void> {
  const wire = await lab.wire();
  const [gateway, client] = [wire.ourGateway(), wire.strongSwan('client')];
  const connection = (name: string, lines: string): StockConnection => ({
    name,
    ike: IKE.used,
    esp: ESP,
    lines: `remote_addrs = ${SERVER}\n vips = 0.0.0.0\n ${AUTH}\n ${lines}`,
    selectors: 'remote_ts = 10.74.0.0/24',
  });
  const start = (required: boolean) =>
    gateway.start({
      users: [],
      more: {
        ike: {
          versions: [2],
          authentication: ['psk'],
          ppk: {
            required,
            keys: [
              { id: 'lab', secret: KEY },
              { id: 'wrong', secret: KEY },
            ],
          },
        },
        remote_access: { pre_shared_key: true },
      },
    });
  await Promise.all([
    start(true),
    client.start(
      several(
        [
          connection('used', 'ppk_id = lab\n ppk_required = yes'),
          connection('wrong', 'ppk_id = wrong\n ppk_required = no'),
          connection('strange', 'ppk_id = strange\n ppk_required = no'),
          connection('none', ''),
        ],
        { secrets: SECRETS },
      ),
    ),
  ]);
  const connect = async (name: string, pattern: RegExp) => {
    const seen = client.log().length;
    await client.initiate(name);
    await client.logged(pattern, 1, seen);
    await ping(client, OUR_INNER.v4);
    await client.swanctl('--rekey', '--ike', name);
    await ping(client, OUR_INNER.v4);
    await client.terminate(name);
    assert.deepEqual(await gateway.leftovers(), []);
  };
  await connect('used', /parsed IKE_AUTH response 1 \[ .*N\(PPK_ID\)/);
  for (const [name, code] of [
    ['wrong', 'ppk-mismatch'],
    ['strange', 'ppk-unknown'],
    ['none', 'ppk-required'],
  ] as const) {
    const seen = client.log().length;
    await assert.rejects(client.initiate(name), /initiate failed/);
    await client.logged(REFUSED, 1, seen);
    await gateway.reason(code, 5);
  }
  await gateway.stop();

  await start(false);
  await connect('strange', /generating IKE_AUTH request 1 \[ .*N\(NO_PPK\) N\(PPK_ID\)/);
  await gateway.stop();
}

async function atClient(lab: Lab): Promise<void> {
  const wire = await lab.wire();
  const [server, client] = [wire.strongSwan('server'), wire.ourClient()];
  await server.holdAddresses(STOCK_INNER.v4);
  const connection = (name: keyof typeof IKE, lines: string): StockConnection => ({
    name,
    ike: IKE[name],
    esp: ESP,
    lines: `pools = v4\n ${AUTH}\n ${lines}`,
    selectors: `local_ts = ${STOCK_NETWORKS[0]}`,
  });
  await server.start(
    several([connection('used', 'ppk_id = lab\n ppk_required = yes'), connection('optional', 'ppk_required = no')], {
      secrets: SECRETS,
    }),
  );
  const profile = {
    server: SERVER,
    ike_version: 2,
    psk: PSK,
    ipv6: false,
    routes: [STOCK_NETWORKS[0]],
    ppk_file: wire.write('client', 'ppk', KEY),
  };
  const seen = server.log().length;
  await client.startWith({ ...profile, proposals: [IKE.used], ppk_id: 'lab', ppk_required: true });
  await client.up();
  await server.logged(/parsed IKE_AUTH request 1 \[ .*N\(PPK_ID\)/, 1, seen);
  await ping(client, STOCK_INNER.v4);
  await client.disconnect();
  await server.none();

  // The server has it, and does without where it need not be.
  await client.startWith({ ...profile, proposals: [IKE.optional], ppk_id: 'unheard' });
  await client.up();
  await ping(client, STOCK_INNER.v4);
  await client.disconnect();
  await server.none();

  await client.startWith({ ...profile, proposals: [IKE.optional], ppk_id: 'unheard', ppk_required: true });
  assert.notEqual(await client.over(), 0);
  await client.line('a refusal', (line) => /"(ppk-required|authentication-failed)"/.test(JSON.stringify(line)), 1);
}
