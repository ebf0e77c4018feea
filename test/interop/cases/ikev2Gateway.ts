/** Stock strongSwan as client of our gateway's native IKEv2: each way to prove oneself. */

import assert from 'node:assert/strict';
import type { Case } from '../case.ts';
import { Authority } from '../ikev2/authority.ts';
import { KEYS, OUR_INNER, ourGatewayConfig, stockClient, usersOf, WAYS, type Way } from '../ikev2/connections.ts';
import type { Lab } from '../lab.ts';
import { ping, serveHttp, transfer } from '../traffic.ts';

export const cases: readonly Case[] = WAYS.map((way, at) => ({
  name: `ikev2 gateway ${way}`,
  beside: `ikev2 ways ${Math.floor(at / 2)}`,
  seconds: 120,
  run: (lab) => connectTwice(lab, way),
}));

async function connectTwice(lab: Lab, way: Way): Promise<void> {
  const [wire, authority] = await Promise.all([lab.wire(), Authority.of(lab.folder, KEYS[way])]);
  const [gateway, client] = [wire.ourGateway(), wire.strongSwan('client')];
  await Promise.all([
    gateway.start({ users: usersOf(way), more: ourGatewayConfig(way, authority) }),
    client.start(stockClient(way, authority)),
  ]);
  await serveHttp(gateway);

  await client.initiate('net');
  const [session] = await gateway.sessions();
  const [v4, v6] = await client.virtualAddresses();
  assert.equal(session?.innerAddress, v4);
  assert.equal(session?.encapsulation, 'udp');
  await ping(client, OUR_INNER.v4);
  await ping(gateway, v4!);
  await ping(client, OUR_INNER.v6);
  await ping(gateway, v6!);
  await transfer(client, OUR_INNER.v4);
  await transfer(client, `[${OUR_INNER.v6}]`);
  await client.terminate();
  assert.deepEqual(await gateway.leftovers(), []);

  await client.initiate('net');
  await ping(client, OUR_INNER.v4);
  const seen = client.log().length;
  await gateway.disconnect((await gateway.sessions())[0]!.id);
  await client.logged(/parsed INFORMATIONAL request \d+ \[ D \]/, 10, seen);
  await client.none();
  assert.deepEqual(await gateway.leftovers(), []);
  await gateway.stop();
}
