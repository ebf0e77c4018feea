/** A stock Linux client connects to our gateway: each method, through NAT and with native ESP. */

import assert from 'node:assert/strict';
import type { Case } from '../case.ts';
import type { Lab } from '../lab.ts';
import { assertEncapsulation, ROWS, type Row } from '../matrix.ts';
import { GATEWAY_INNER_ADDRESS } from '../ours.ts';
import { ping, serveHttp, transfer } from '../traffic.ts';

export const cases: readonly Case[] = ROWS.map((row) => ({
  name: `gateway ${row.name}`,
  beside: row.name,
  seconds: 120,
  run: (lab) => connectTwice(lab, row),
}));

async function connectTwice(lab: Lab, { method, path, order }: Row): Promise<void> {
  await lab.topology.masquerade(path === 'nat');
  const [gateway, client] = await Promise.all([lab.ourGateway(), lab.stockClient(1)]);
  await Promise.all([
    gateway.start({ methods: [method] }),
    client.configure({ method, server: gateway.address }),
    serveHttp(gateway),
  ]);

  const link = await client.connect();
  assert.equal(link.remote, GATEWAY_INNER_ADDRESS);
  const session = await gateway.session();
  assert.equal(session.innerAddress, link.local);
  assert.equal(session.encapsulation, path === 'nat' ? 'udp' : 'esp');
  await assertEncapsulation(client, path);
  await ping(client, link.remote);
  await ping(gateway, link.local);
  await transfer(client, link.remote);
  await client.disconnect(order);
  assert.deepEqual(await client.leftovers(), []);
  assert.deepEqual(await gateway.leftovers(), []);

  // After PPP was ended first, xl2tpd still holds the tunnel that IPsec no longer carries, and would not dial anew.
  await client.configure({ method, server: gateway.address });
  const again = await client.connect();
  await ping(client, again.remote);
  await gateway.disconnect((await gateway.session()).id);
  assert.deepEqual(await client.leftovers(), []);
  assert.deepEqual(await gateway.leftovers(), []);
  await gateway.stop();
}
