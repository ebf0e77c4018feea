/** IPv6 inside whole connections: a /64 for each session by router advertisement, beside IPv4. RFC 5072, RFC 4861, RFC 4862. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClientConfig } from '../../src/client/index.ts';
import { parseAddress, parsePrefix, prefixContains } from '../../src/net/index.ts';
import { innerPacket6 } from '../dataplane/ends.ts';
import type { LinkQuality } from '../sim/network.ts';
import { ipv4Packet } from '../sim/packets.ts';
import { ClientEnd, GatewayEnd } from '../sim/stack.ts';
import { clientConfig, connected, exchange, gatewayConfig, logText, SECOND, SERVER, USERS, world } from './world.ts';

const POOL = '2001:db8:100::/48';
const SOMEONE = '2001:db8:ffff::1';

const withIpv6 = (more: Partial<ClientConfig> = {}) => {
  const config = clientConfig(more);
  return { ...config, ppp: { ...config.ppp, network: { ipv6: true } } };
};

function gatewayWithIpv6(network: ReturnType<typeof world>): GatewayEnd {
  const config = gatewayConfig();
  return new GatewayEnd(network, SERVER, { ...config, network: { ...config.network, ipv6Pool: POOL } }, USERS);
}

/** The client's address, once it has learned of it. */
function addressOf(client: ClientEnd): string | undefined {
  return client.client.view().innerPrefix?.split('/')[0];
}

function learned(network: ReturnType<typeof world>, client: ClientEnd): string {
  network.run(network.now + 40 * SECOND, () => addressOf(client) !== undefined);
  const address = addressOf(client);
  assert.ok(address !== undefined, `the client has an IPv6 address:\n${logText(client)}`);
  return address;
}

function crosses(network: ReturnType<typeof world>, gateway: GatewayEnd, client: ClientEnd, address: string): void {
  const out = innerPacket6(address, SOMEONE);
  const back = innerPacket6(SOMEONE, address);
  gateway.packets.length = client.packets.length = 0;
  client.plane.fromTun(out);
  gateway.plane.fromTun(back);
  network.run(network.now + SECOND);
  assert.deepEqual(gateway.packets, [out]);
  assert.deepEqual(client.packets, [back]);
}

const qualities: Record<string, Partial<LinkQuality>> = {
  'a good path': {},
  'a path that loses a tenth': { drop: 0.1 },
};
for (const [name, quality] of Object.entries(qualities)) {
  test(`a client makes its address of the prefix that it was given, over ${name}`, () => {
    const network = world(11, quality);
    const gateway = gatewayWithIpv6(network);
    const client = new ClientEnd(network, '192.0.2.2', withIpv6());
    connected(network, gateway, client);
    const address = learned(network, client);
    const [view] = gateway.gateway.sessions();
    assert.equal(view!.innerPrefix, '2001:db8:100:1::/64');
    assert.ok(prefixContains(parsePrefix(view!.innerPrefix!)!, parseAddress(address)!));
    if (quality.drop !== undefined) return;
    crosses(network, gateway, client, address);
    exchange(network, gateway, client, 'IPv4 beside it');
    // Another address of the same prefix is the client's too (privacy addresses); another prefix is not.
    crosses(network, gateway, client, '2001:db8:100:1:dead:beef::1');
    gateway.packets.length = 0;
    client.plane.fromTun(innerPacket6('2001:db8:100:2::1', SOMEONE));
    network.run(network.now + SECOND);
    assert.deepEqual(gateway.packets, []);
  });
}

test('two clients have prefixes of their own; a prefix rests when its session ends, and its user gets it again', () => {
  const network = world(12);
  const gateway = gatewayWithIpv6(network);
  const ann = new ClientEnd(network, '192.0.2.2', withIpv6());
  const bob = new ClientEnd(network, '192.0.2.3', {
    ...withIpv6(),
    ppp: { credentials: { user: 'bob', password: USERS.bob }, network: { ipv6: true } },
  });
  connected(network, gateway, ann);
  connected(network, gateway, bob);
  assert.match(learned(network, ann), /^2001:db8:100:1:/);
  assert.match(learned(network, bob), /^2001:db8:100:2:/);
  ann.disconnect();
  network.run(network.now + 20 * SECOND);
  const again = new ClientEnd(network, '192.0.2.4', withIpv6());
  connected(network, gateway, again);
  assert.match(learned(network, again), /^2001:db8:100:1:/);
  crosses(network, gateway, again, addressOf(again)!);
});

test('a client without IPv6 connects as ever to a gateway that has it, and one with it to a gateway without', () => {
  const network = world(13);
  const gateway = gatewayWithIpv6(network);
  const plain = new ClientEnd(network, '192.0.2.2', clientConfig());
  connected(network, gateway, plain);
  exchange(network, gateway, plain, 'IPv4 alone');
  assert.equal(gateway.gateway.sessions()[0]!.innerPrefix, undefined);

  const other = world(14);
  const without = new GatewayEnd(other, SERVER, gatewayConfig(), USERS);
  const client = new ClientEnd(other, '192.0.2.2', withIpv6());
  connected(other, without, client);
  exchange(other, without, client, 'IPv4 alone');
  assert.equal(addressOf(client), undefined);
});

test('a session over IPv6 stays for hours: the advertisement is repeated before its lifetime ends', () => {
  const network = world(15);
  const gateway = gatewayWithIpv6(network);
  const client = new ClientEnd(network, '192.0.2.2', withIpv6());
  connected(network, gateway, client);
  const address = learned(network, client);
  const before = gateway.plane.counters[2]!;
  network.run(network.now + 4 * 3600 * SECOND);
  // Eight in four hours, and the two early ones.
  const advertisements = gateway.plane.counters[2]! - before;
  assert.ok(advertisements >= 8 && advertisements <= 12, `${advertisements} advertisements`);
  crosses(network, gateway, client, address);
});

test('rates of the configuration hold for sessions of both versions', () => {
  const network = world(16);
  const config = gatewayConfig({ sessionRates: { limitFromPeer: { bitsPerSecond: 80_000, burstBytes: 2000 } } });
  const gateway = new GatewayEnd(network, SERVER, { ...config, network: { ...config.network, ipv6Pool: POOL } }, USERS);
  const client = new ClientEnd(network, '192.0.2.2', withIpv6());
  connected(network, gateway, client);
  const address = learned(network, client);
  network.run(network.now + SECOND);
  gateway.packets.length = 0;
  for (let i = 0; i < 10; i++) client.plane.fromTun(innerPacket6(address, SOMEONE, 960));
  network.run(network.now + 10);
  assert.equal(gateway.packets.length, 2);
});

test('with numbered data messages over a path that reorders, packets come in order', () => {
  const network = world(17, { jitter: 30 });
  const gateway = new GatewayEnd(
    network,
    SERVER,
    gatewayConfig({ l2tp: { sequencing: true }, reorder: { packets: 32, milliseconds: 100 } }),
    USERS,
  );
  const client = new ClientEnd(network, '192.0.2.2', clientConfig());
  connected(network, gateway, client);
  exchange(network, gateway, client, 'the LNS numbers, the LAC follows');
  gateway.packets.length = 0;
  const packets = Array.from({ length: 20 }, (_, i) => innerPacket4(client.up!.network.localAddress, i));
  for (const packet of packets) {
    client.plane.fromTun(packet);
    network.run(network.now + 5);
  }
  network.run(network.now + SECOND);
  assert.deepEqual(gateway.packets, packets);
});

function innerPacket4(from: string, i: number): Uint8Array {
  return ipv4Packet(from, '203.0.113.9', Uint8Array.of(i, i, i));
}
