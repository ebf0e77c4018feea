/** Child SAs in other shapes: made after the IKE SA (RFC 6023), narrowed, one too many; networks and domains told. */

import assert from 'node:assert/strict';
import type { Case } from '../case.ts';
import { OUR_INNER, OUR_NETWORKS, PSK, STOCK_INNER, STOCK_NETWORKS } from '../ikev2/connections.ts';
import { type StockConnection, several } from '../ikev2/several.ts';
import { SERVER } from '../ikev2/wire.ts';
import type { Lab } from '../lab.ts';
import { sh } from '../process.ts';
import { ping } from '../traffic.ts';

const IKE = 'aes256-sha256-ecp256';
const ESP = 'aes256gcm16-ecp256';
const SECRETS = `ike-lab { secret = "${PSK}" }`;
const AUTH = 'local { auth = psk }\n remote { auth = psk }';
/** A network behind either server, beside the one of the tunnels. */
const BEHIND = '10.75.0.0/24';
const DOMAIN = 'corp.example.org';

export const cases: readonly Case[] = [
  { name: 'ikev2 gateway childless, subnets, a second child', beside: 'ikev2 eap', seconds: 120, run: atGateway },
  { name: 'ikev2 client routes told', beside: 'ikev2 eap', seconds: 120, run: atClient },
];

async function atGateway(lab: Lab): Promise<void> {
  const wire = await lab.wire();
  const [gateway, client] = [wire.ourGateway(), wire.strongSwan('client')];
  const connection = (more: Pick<StockConnection, 'name' | 'selectors' | 'children'>, lines = ''): StockConnection => ({
    ike: IKE,
    esp: ESP,
    lines: `remote_addrs = ${SERVER}\n vips = 0.0.0.0, ::\n ${AUTH}\n ${lines}`,
    ...more,
  });
  await Promise.all([
    gateway.start({
      users: [],
      more: {
        ike: { versions: [2], authentication: ['psk'] },
        network: { ipv6_pool: OUR_NETWORKS[1] },
        remote_access: { pre_shared_key: true, subnets: [...OUR_NETWORKS, BEHIND], domains: [DOMAIN] },
      },
    }),
    client.start(
      several(
        [
          connection({ name: 'childless', selectors: `remote_ts = ${OUR_NETWORKS.join(', ')}` }, 'childless = force'),
          connection({ name: 'wide', selectors: 'remote_ts = 0.0.0.0/0, ::/0' }),
          connection({
            name: 'two',
            children: { ipv4: `remote_ts = ${OUR_NETWORKS[0]}`, ipv6: `remote_ts = ${OUR_NETWORKS[1]}` },
          }),
        ],
        { secrets: SECRETS },
      ),
    ),
  ]);

  await client.initiate('childless');
  await client.logged(/generating IKE_AUTH request 1 \[ IDi (?!.* SA ).*\]/, 1);
  await client.logged(/generating CREATE_CHILD_SA request 2 \[ SA No KE TSi TSr \]/, 1);
  await ping(client, OUR_INNER.v4);
  await ping(client, OUR_INNER.v6);
  await client.terminate('childless');
  assert.deepEqual(await gateway.leftovers(), []);

  const seen = client.log().length;
  await client.initiate('wide');
  await client.logged(/parsed IKE_AUTH response 1 \[ .*CPRP\(ADDR ADDR6 DNS .*SUBNET.*\)/, 1, seen);
  assert.match(await client.sas(), new RegExp(`remote +${OUR_NETWORKS[0]} .*${BEHIND}`));
  await ping(client, OUR_INNER.v4);
  await client.terminate('wide');
  assert.deepEqual(await gateway.leftovers(), []);

  // One session has one pair of selectors: a child SA for others is refused, and the first goes on.
  await client.initiate('ipv4');
  await assert.rejects(client.initiate('ipv6'), /NO_ADDITIONAL_SAS/);
  await gateway.reason('no-additional-sas', 5);
  await ping(client, OUR_INNER.v4);
  await client.swanctl('--rekey', '--child', 'ipv4');
  await ping(client, OUR_INNER.v4);
  await client.terminate('two');
  assert.deepEqual(await gateway.leftovers(), []);
  await gateway.stop();
}

async function atClient(lab: Lab): Promise<void> {
  const wire = await lab.wire();
  const [server, client] = [wire.strongSwan('server'), wire.ourClient()];
  await server.holdAddresses(STOCK_INNER.v4, BEHIND.replace(/0\/24$/, '1'));
  const connection: StockConnection = {
    name: 'split',
    ike: IKE,
    esp: ESP,
    lines: `pools = v4\n ${AUTH}`,
    selectors: `local_ts = ${STOCK_NETWORKS[0]}, ${BEHIND}`,
  };
  await server.start(
    several([connection], { secrets: SECRETS, pool: `subnet = ${STOCK_NETWORKS[0]}, ${BEHIND}\n 25 = ${DOMAIN}` }),
  );
  // Without a word of ours about routes.
  await client.startWith({ server: SERVER, ike_version: 2, psk: PSK, ipv6: false });
  const { device } = await client.up();
  const routes = await sh(client, `ip route show dev ${device}`);
  for (const network of [STOCK_NETWORKS[0], BEHIND]) assert.match(routes, new RegExp(`^${network} `, 'm'));
  await server.logged(/generating IKE_AUTH response 1 \[ .*CPRP\(ADDR[^)]* SUBNET[^)]*\)/, 1);
  await ping(client, STOCK_INNER.v4);
  await ping(client, BEHIND.replace(/0\/24$/, '1'));
  await client.disconnect();
  await server.none();
}
