/** Gateways and clients on the simulated network, for the tests of what keeps a connection up. */

import assert from 'node:assert/strict';
import type { ClientConfig } from '../../src/client/index.ts';
import type { GatewayConfig } from '../../src/gateway/index.ts';
import { secretTable } from '../../src/ike/v1/index.ts';
import { utf8 } from '../../src/wire/index.ts';
import { type LinkQuality, PERFECT, SimulatedNetwork } from '../sim/network.ts';
import { ipv4Packet } from '../sim/packets.ts';
import type { ClientEnd, GatewayEnd } from '../sim/stack.ts';

export const SERVER = '198.51.100.1';
export const PSK = utf8('a shared secret of some length');
export const USERS = { ann: 'correct horse', bob: 'battery staple' };
export const SECOND = 1000;

export const gatewayConfig = (more: Partial<GatewayConfig> = {}): GatewayConfig => ({
  ike: { secrets: secretTable([{ secret: PSK }]) },
  network: { pool: ['10.9.0.0/24'], localAddress: '10.9.0.1' },
  ...more,
});

export const clientConfig = (more: Partial<ClientConfig> = {}, user: keyof typeof USERS = 'ann') => ({
  remote: { address: SERVER, port: 500 },
  ike: { secrets: secretTable([{ secret: PSK }]) },
  ppp: { credentials: { user, password: USERS[user] } },
  ...more,
});

export function world(seed = 7, quality: Partial<LinkQuality> = {}): SimulatedNetwork {
  return new SimulatedNetwork(seed, { ...PERFECT, ...quality });
}

/** Runs until the client is up, fails with both logs otherwise. */
export function connected(network: SimulatedNetwork, gateway: GatewayEnd, client: ClientEnd): void {
  client.connect();
  const user = client.config.ppp.credentials?.user;
  const isUp = () =>
    client.up !== undefined && gateway.gateway.sessions().some((view) => view.phase === 'up' && view.user === user);
  const up = network.run(network.now + 30 * SECOND, () => client.closed !== undefined || isUp());
  assert.ok(up && isUp(), `the client came up:\n${logText(client, gateway)}`);
}

export function logText(...ends: readonly { readonly log: readonly { layer: string; text: string }[] }[]): string {
  return ends.flatMap(({ log }) => log.map((entry) => `${entry.layer} ${entry.text}`)).join('\n');
}

/** An inner packet of the client. @returns whether the gateway got it within a second */
export function sends(network: SimulatedNetwork, gateway: GatewayEnd, client: ClientEnd, word: string): boolean {
  const packet = ipv4Packet(client.up!.network.localAddress, '203.0.113.9', utf8(word));
  gateway.packets.length = 0;
  client.plane.fromTun(packet);
  network.run(network.now + SECOND);
  return gateway.packets.some((bytes) => Buffer.from(bytes).equals(packet));
}

/** An inner packet to the client. @returns whether it got it within a second */
export function receives(network: SimulatedNetwork, gateway: GatewayEnd, client: ClientEnd, word: string): boolean {
  const packet = ipv4Packet('203.0.113.9', client.up!.network.localAddress, utf8(word));
  client.packets.length = 0;
  gateway.plane.fromTun(packet);
  network.run(network.now + SECOND);
  return client.packets.some((bytes) => Buffer.from(bytes).equals(packet));
}

/** Both ways, from the client first. */
export function exchange(network: SimulatedNetwork, gateway: GatewayEnd, client: ClientEnd, word: string): void {
  assert.ok(sends(network, gateway, client, `${word} out`), `${word}: to the gateway\n${logText(gateway, client)}`);
  assert.ok(receives(network, gateway, client, `${word} back`), `${word}: to the client\n${logText(gateway, client)}`);
}
