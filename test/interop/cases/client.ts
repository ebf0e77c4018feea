/** Our client connects to a stock Linux server: each method, through NAT and with native ESP. */

import assert from 'node:assert/strict';
import type { Case } from '../case.ts';
import type { Lab } from '../lab.ts';
import { assertEncapsulation, ROWS, type Row } from '../matrix.ts';
import { SERVER_INNER_ADDRESS, SERVER_INNER_NETWORK } from '../stock/server.ts';
import { ping, serveHttp, transfer } from '../traffic.ts';

export const cases: readonly Case[] = ROWS.map((row) => ({
  name: `client ${row.name}`,
  beside: row.name,
  seconds: 120,
  run: (lab) => connectTwice(lab, row),
}));

async function connectTwice(lab: Lab, { method, path, order }: Row): Promise<void> {
  await lab.topology.masquerade(path === 'nat');
  const [server, client] = await Promise.all([lab.stockServer(), lab.ourClient(1)]);
  await server.configure({ method });
  await serveHttp(server);
  const options = { server: server.address, method, routes: SERVER_INNER_NETWORK };

  await client.connect(options);
  await assertEncapsulation(server, path);
  await ping(client, SERVER_INNER_ADDRESS);
  await transfer(client, SERVER_INNER_ADDRESS);
  await client.disconnect();
  assert.deepEqual(await server.leftovers(), []);

  await client.connect(options);
  await ping(client, SERVER_INNER_ADDRESS);
  await server.disconnect(order);
  await client.over();
  assert.deepEqual(await server.leftovers(), []);
}
