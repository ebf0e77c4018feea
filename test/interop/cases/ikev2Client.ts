/** Our client at stock strongSwan's native IKEv2: each way to prove oneself. */

import assert from 'node:assert/strict';
import type { Case } from '../case.ts';
import { Authority } from '../ikev2/authority.ts';
import { KEYS, ourClientProfile, STOCK_INNER, stockServer, WAYS, type Way } from '../ikev2/connections.ts';
import type { Lab } from '../lab.ts';
import { sh } from '../process.ts';
import { ping, serveHttp, transfer } from '../traffic.ts';

export const cases: readonly Case[] = WAYS.map((way, at) => ({
  name: `ikev2 client ${way}`,
  beside: `ikev2 ways ${Math.floor(at / 2)}`,
  seconds: 120,
  run: (lab) => connectTwice(lab, way),
}));

async function connectTwice(lab: Lab, way: Way): Promise<void> {
  const [wire, authority] = await Promise.all([lab.wire(), Authority.of(lab.folder, KEYS[way])]);
  const [server, client] = [wire.strongSwan('server'), wire.ourClient()];
  await server.holdAddresses(STOCK_INNER.v4, STOCK_INNER.v6);
  await server.start(stockServer(way, authority));
  await serveHttp(server);

  await client.startWith(ourClientProfile(way, authority));
  const { localAddress, device } = await client.up();
  const v6 = /inet6 (fd73::[0-9a-f]+)\//.exec(await sh(client, `ip -o -6 address show dev ${device}`))?.[1];
  assert.match(await server.sas(), /net: #\d+, reqid \d+, INSTALLED, TUNNEL-in-UDP/);
  await ping(client, STOCK_INNER.v4);
  await ping(server, String(localAddress));
  await ping(client, STOCK_INNER.v6);
  await ping(server, v6!);
  await transfer(client, STOCK_INNER.v4);
  await transfer(client, `[${STOCK_INNER.v6}]`);
  const seen = server.log().length;
  await client.disconnect();
  await server.logged(/parsed INFORMATIONAL request \d+ \[ D \]/, 10, seen);
  await server.none();

  await client.startWith(ourClientProfile(way, authority));
  await client.up();
  await ping(client, STOCK_INNER.v4);
  await server.terminate();
  assert.equal(await client.over(), 1);
  await client.reason('peer-deleted', 1);
  await server.none();
}
