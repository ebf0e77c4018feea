/** Several clients behind the same NAT at once, all carrying traffic. */

import assert from 'node:assert/strict';
import type { Case } from '../case.ts';
import type { Lab, Which } from '../lab.ts';
import { GATEWAY_INNER_ADDRESS, type OurGateway } from '../ours.ts';
import { USERS } from '../stock/options.ts';
import { ping, serveHttp, transfer } from '../traffic.ts';

const METHOD = 'mschapv2';
const ROUTES = '10.74.0.0/24';

export const cases: readonly Case[] = [
  { name: 'shared stock stock', run: (lab) => twoStock(lab, 1, 2) },
  { name: 'shared stock stock same private address', run: (lab) => twoStock(lab, 1, 3) },
  { name: 'shared ours ours', run: (lab) => twoOurs(lab, 1, 2) },
  { name: 'shared ours ours same private address', run: (lab) => twoOurs(lab, 1, 3) },
  { name: 'shared stock ours', run: stockAndOurs },
];

/** All clients come from the router's one outer address; client 3 through a second NAT and with client 1's address. */
async function startGateway(lab: Lab): Promise<OurGateway> {
  await lab.topology.masquerade(true);
  const gateway = await lab.ourGateway();
  await Promise.all([gateway.start(), serveHttp(gateway)]);
  return gateway;
}

async function twoStock(lab: Lab, first: Which, second: Which): Promise<void> {
  const gateway = await startGateway(lab);
  const clients = await Promise.all([lab.stockClient(first), lab.stockClient(second)]);
  for (const [at, client] of clients.entries()) {
    await client.configure({ method: METHOD, server: gateway.address, user: USERS[at]! });
  }
  for (const client of clients) await client.connect();
  await assertShared(gateway);
  for (const client of clients) await ping(client, GATEWAY_INNER_ADDRESS);
  await Promise.all(clients.map((client) => transfer(client, GATEWAY_INNER_ADDRESS)));
  await clients[0].disconnect('ppp');
  await ping(clients[1], GATEWAY_INNER_ADDRESS);
  await clients[1].disconnect('ppp');
  assert.deepEqual(await gateway.leftovers(), []);
  await gateway.stop();
}

async function twoOurs(lab: Lab, first: Which, second: Which): Promise<void> {
  const gateway = await startGateway(lab);
  const clients = await Promise.all([lab.ourClient(first), lab.ourClient(second)]);
  await Promise.all(
    clients.map((client, at) =>
      client.connect({ method: METHOD, server: gateway.address, user: USERS[at]!, routes: ROUTES }),
    ),
  );
  await assertShared(gateway);
  for (const client of clients) await ping(client, GATEWAY_INNER_ADDRESS);
  await Promise.all(clients.map((client) => transfer(client, GATEWAY_INNER_ADDRESS)));
  await clients[0].disconnect();
  await ping(clients[1], GATEWAY_INNER_ADDRESS);
  await clients[1].disconnect();
  assert.deepEqual(await gateway.leftovers(), []);
  await gateway.stop();
}

async function stockAndOurs(lab: Lab): Promise<void> {
  const gateway = await startGateway(lab);
  const [stock, ours] = await Promise.all([lab.stockClient(1), lab.ourClient(1)]);
  await stock.configure({ method: METHOD, server: gateway.address, user: USERS[0]! });
  await stock.connect();
  await ours.connect({ method: METHOD, server: gateway.address, user: USERS[1]!, routes: ROUTES });
  await assertShared(gateway);
  for (const client of [stock, ours]) await ping(client, GATEWAY_INNER_ADDRESS);
  await Promise.all([stock, ours].map((client) => transfer(client, GATEWAY_INNER_ADDRESS)));
  await ours.disconnect();
  await ping(stock, GATEWAY_INNER_ADDRESS);
  await stock.disconnect('l2tp');
  assert.deepEqual(await gateway.leftovers(), []);
  await gateway.stop();
}

/** Two sessions from one outer address. */
async function assertShared(gateway: OurGateway): Promise<void> {
  const sessions = await Promise.all(USERS.map((user) => gateway.session(user)));
  assert.equal(new Set(sessions.map(({ peer }) => peer.address)).size, 1, 'one outer address');
  assert.equal(new Set(sessions.map(({ peer }) => peer.port)).size, 2, 'two outer ports');
  assert.equal(new Set(sessions.map(({ innerAddress }) => innerAddress)).size, 2, 'two inner addresses');
}
