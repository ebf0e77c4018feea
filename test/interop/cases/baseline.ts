/** The lab itself: a stock client connects to a stock server. When this fails, no other result means anything. */

import assert from 'node:assert/strict';
import type { Case } from '../case.ts';
import type { Lab } from '../lab.ts';
import { assertEncapsulation, ROWS, type Row } from '../matrix.ts';
import { SERVER_INNER_ADDRESS } from '../stock/server.ts';
import { ping, serveHttp, transfer } from '../traffic.ts';

export const cases: readonly Case[] = ROWS.map((row, at) => ({
  name: `stock-to-stock ${row.name}`,
  run: (lab) => connectOnce(lab, row, at === 0),
}));

async function connectOnce(lab: Lab, { method, path, order }: Row, withTransfer: boolean): Promise<void> {
  await lab.topology.masquerade(path === 'nat');
  const [server, client] = await Promise.all([lab.stockServer(), lab.stockClient(1)]);
  await Promise.all([server.configure({ method }), client.configure({ method, server: server.address })]);
  const link = await client.connect();
  assert.equal(link.remote, SERVER_INNER_ADDRESS);
  await assertEncapsulation(client, path);
  await ping(client, link.remote);
  if (withTransfer) {
    await serveHttp(server);
    await transfer(client, link.remote);
  }
  await client.disconnect(order);
  assert.deepEqual(await client.leftovers(), []);
  assert.deepEqual(await server.leftovers(), []);
}
