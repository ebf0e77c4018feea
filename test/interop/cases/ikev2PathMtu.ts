/** A path that loses what is too long without a word: our probes are answered by strongSwan, and a download goes through whole. */

import assert from 'node:assert/strict';
import type { Case } from '../case.ts';
import { Authority } from '../ikev2/authority.ts';
import {
  OUR_INNER,
  ourClientProfile,
  ourGatewayConfig,
  STOCK_INNER,
  stockClient,
  stockServer,
} from '../ikev2/connections.ts';
import type { Lab } from '../lab.ts';
import type { OurClient, OurGateway } from '../ours.ts';
import { type Machine, sh } from '../process.ts';
import { download, serveHttp } from '../traffic.ts';

const WAY = 'ecdsa';
/** A virtual Ethernet link drops what is longer than its other end takes, and tells nobody. */
const NARROW = 1400;
/** The search's own, and the blocks of the ciphers. */
const WITHIN = 32;
/** Three tries of one second for each size that is too long. */
const LEARNED = 45;

export const cases: readonly Case[] = [
  { name: 'ikev2 gateway narrow path', run: atGateway },
  { name: 'ikev2 client narrow path', run: atClient },
].map((one) => ({ ...one, beside: 'ikev2 narrow', seconds: 120 }));

const makeNarrow = (machine: Machine) => sh(machine, `ip link set eth0 mtu ${NARROW}`);

/** @returns what our end has learned, in words */
async function learned(end: OurGateway | OurClient): Promise<string> {
  const { detail = '' } = await end.line('path MTU', ({ name }) => name === 'path MTU', LEARNED);
  const mtu = Number.parseInt(String(detail), 10);
  assert.ok(mtu <= NARROW && mtu > NARROW - WITHIN, `${detail}`);
  assert.match(String(detail), /\(probed\)$/);
  return String(detail);
}

async function atGateway(lab: Lab): Promise<string> {
  const [wire, authority] = await Promise.all([lab.wire(), Authority.of(lab.folder, 'p256')]);
  const [gateway, client] = [wire.ourGateway(), wire.strongSwan('client')];
  await makeNarrow(wire.client);
  await Promise.all([
    gateway.start({ more: ourGatewayConfig(WAY, authority) }),
    client.start(stockClient(WAY, authority)),
  ]);
  await serveHttp(gateway);
  await client.initiate('net');
  const detail = await learned(gateway);
  const { bytes, longestGap } = await download(client, OUR_INNER.v4, 1, 0);
  await client.terminate();
  assert.deepEqual(await gateway.leftovers(), []);
  await gateway.stop();
  return `${detail}, ${Math.round(bytes / 1e6)} MB, longest gap ${longestGap} ms`;
}

async function atClient(lab: Lab): Promise<string> {
  const [wire, authority] = await Promise.all([lab.wire(), Authority.of(lab.folder, 'p256')]);
  const [server, client] = [wire.strongSwan('server'), wire.ourClient()];
  await makeNarrow(wire.server);
  await server.holdAddresses(STOCK_INNER.v4, STOCK_INNER.v6);
  await server.start(stockServer(WAY, authority));
  await serveHttp(server);
  await client.startWith(ourClientProfile(WAY, authority));
  await client.up();
  const detail = await learned(client);
  const { bytes, longestGap } = await download(client, STOCK_INNER.v4, 1, 0);
  await client.disconnect();
  await server.none();
  return `${detail}, ${Math.round(bytes / 1e6)} MB, longest gap ${longestGap} ms`;
}
