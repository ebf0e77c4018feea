/** Bulk data without the kernel's offloads; every other case has them on. */

import assert from 'node:assert/strict';
import type { Case } from '../case.ts';
import type { Lab } from '../lab.ts';
import { SERVER_INNER_ADDRESS, SERVER_INNER_NETWORK } from '../stock/server.ts';
import { ping, serveHttp, transfer } from '../traffic.ts';

const METHOD = 'mschapv2';

export const cases: readonly Case[] = [
  { name: 'offloads off gateway', beside: 'offloads off', seconds: 90, run: atGateway },
  { name: 'offloads off client', beside: 'offloads off', seconds: 90, run: atClient },
];

async function atGateway(lab: Lab): Promise<void> {
  await lab.topology.masquerade(true);
  const [gateway, client] = await Promise.all([lab.ourGateway(), lab.stockClient(1)]);
  await Promise.all([
    gateway.start({ more: { network: { offloads: false } } }),
    client.configure({ method: METHOD, server: gateway.address }),
    serveHttp(gateway),
  ]);
  const link = await client.connect();
  await ping(client, link.remote);
  await transfer(client, link.remote);
  await client.disconnect('ppp');
  assert.deepEqual(await gateway.leftovers(), []);
  await gateway.stop();
}

async function atClient(lab: Lab): Promise<void> {
  await lab.topology.masquerade(true);
  const [server, client] = await Promise.all([lab.stockServer(), lab.ourClient(2)]);
  await server.configure({ method: METHOD });
  await serveHttp(server);
  const options = { server: server.address, method: METHOD, routes: SERVER_INNER_NETWORK } as const;
  await client.connect({ ...options, more: { offloads: false } });
  await ping(client, SERVER_INNER_ADDRESS);
  await transfer(client, SERVER_INNER_ADDRESS);
  await client.disconnect();
  assert.deepEqual(await server.leftovers(), []);
}
