/** Whole gateways and clients learn what their path carries: told by ICMP, by probes alone, anew after a change. RFC 8899. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ipv4DontFragment } from '../../src/net/index.ts';
import { CONFIRM_INTERVAL, MOST_PROBES, PROBE_TIMEOUT, RAISE_INTERVAL } from '../../src/session/pathMtuSearch.ts';
import { ipv4Packet } from '../sim/packets.ts';
import { ClientEnd, GatewayEnd } from '../sim/stack.ts';
import { clientConfig, connected, exchange, gatewayConfig, SECOND, SERVER, USERS, world } from './world.ts';

const MTU = 1300;
/** The largest outer packet that the peers’ MRUs of 1400 bytes leave room for. */
const WIDE = 1476;
/** ESP's padding leaves no difference between sizes that are so near. */
const PADDING = 16;
const DONT_FRAGMENT_AT = 6;
const network6 = gatewayConfig().network;

function ends(narrow: { mtu: number; icmp: boolean } | undefined, discovers = { gateway: true, client: true }) {
  const network = world(5);
  const config = gatewayConfig({ network: { ...network6, pathMtuDiscovery: discovers.gateway } });
  const gateway = new GatewayEnd(network, SERVER, config, USERS);
  const client = new ClientEnd(network, '192.0.2.2', clientConfig({ pathMtuDiscovery: discovers.client }));
  for (const end of [gateway, client]) end.narrow = narrow && { ...narrow };
  connected(network, gateway, client);
  return { network, gateway, client };
}

type World = ReturnType<typeof ends>;

const mtus = ({ gateway, client }: World) => [gateway.gateway.sessions()[0]!.pathMtu, client.client.view().pathMtu];

function near(actual: number | undefined, wanted: number): void {
  assert.ok(actual !== undefined && Math.abs(actual - wanted) < PADDING, `${actual} is not ${wanted}`);
}

/** A packet of `length` bytes from behind the gateway that may not be fragmented. */
function whole({ client }: World, length: number): Uint8Array {
  const packet = ipv4Packet('203.0.113.9', client.up!.network.localAddress, new Uint8Array(length - 20));
  packet[DONT_FRAGMENT_AT]! |= 0x40;
  // The header checksum is one's complement: what is added to one word is taken from the sum.
  const view = new DataView(packet.buffer, packet.byteOffset);
  const sum = (~view.getUint16(10) & 0xffff) + 0x4000;
  view.setUint16(10, ~((sum & 0xffff) + (sum >>> 16)) & 0xffff);
  assert.ok(ipv4DontFragment(packet, 0));
  return packet;
}

/** Sends a large packet to the client. @returns the MTU that ICMP told the sender; undefined where it arrived */
function toldToSender(here: World, length: number): number | undefined {
  const { network, gateway, client } = here;
  gateway.packets.length = client.packets.length = 0;
  gateway.plane.fromTun(whole(here, length));
  network.run(network.now + SECOND);
  const [icmp] = gateway.packets;
  if (icmp === undefined) {
    assert.equal(client.packets.length, 1, 'it arrived');
    return undefined;
  }
  assert.deepEqual([icmp[20], icmp[21]], [3, 4], 'fragmentation needed');
  return (icmp[26]! << 8) | icmp[27]!;
}

for (const icmp of [true, false]) {
  test(`a narrow path is learned at both ends ${icmp ? 'from ICMP' : 'by probes alone'}, and nothing is fragmented`, () => {
    const here = ends({ mtu: MTU, icmp });
    const { network, gateway, client } = here;
    network.run(network.now + (icmp ? SECOND : 40 * SECOND));
    for (const mtu of mtus(here)) near(mtu, MTU);
    gateway.fragmented = client.fragmented = 0;
    const inner = toldToSender(here, 1400)!;
    assert.ok(inner > MTU - 120 && inner < MTU - 50, `${inner}`);
    assert.equal(toldToSender(here, inner), undefined);
    exchange(network, gateway, client, 'small ones');
    assert.deepEqual([gateway.fragmented, client.fragmented], [0, 0]);
    const { timeline } = gateway.gateway.sessions()[0]!;
    const { detail } = timeline.find(({ name }) => name === 'path MTU')!;
    assert.match(detail!, icmp ? /^1300 \(ICMP from 192\.0\.2\.254\)$/ : /^1\d\d\d \(probed\)$/);
  });
}

test('a wide path is proved by one probe, and an idle one is left alone', () => {
  const here = ends(undefined);
  const { network } = here;
  network.run(network.now + SECOND);
  assert.deepEqual(mtus(here), [WIDE, WIDE]);
  assert.equal(toldToSender(here, 1400), undefined, 'the whole MRU');
});

test('a black hole is left within its bound; until then packets pass in fragments, and later whole again', () => {
  const here = ends(undefined);
  const { network, gateway, client } = here;
  network.run(network.now + SECOND);
  for (const end of [gateway, client]) end.narrow = { mtu: 1400, icmp: false };
  // Traffic goes on, for an idle path is not looked at.
  const until = network.now + CONFIRM_INTERVAL + (MOST_PROBES + 1) * PROBE_TIMEOUT;
  while (network.now < until) exchange(network, gateway, client, 'on and on');
  assert.equal(toldToSender(here, 1180), undefined);
  network.run(network.now + 40 * SECOND);
  for (const mtu of mtus(here)) near(mtu, 1400);
  for (const end of [gateway, client]) end.narrow = undefined;
  network.run(network.now + RAISE_INTERVAL + SECOND);
  assert.deepEqual(mtus(here), [WIDE, WIDE]);
});

test('ends of which one does not ask live together', () => {
  for (const discovers of [
    { gateway: true, client: false },
    { gateway: false, client: true },
  ]) {
    const here = ends({ mtu: MTU, icmp: false }, discovers);
    here.network.run(here.network.now + 40 * SECOND);
    const [ofGateway, ofClient] = mtus(here);
    near(discovers.gateway ? ofGateway : ofClient, MTU);
    assert.equal(discovers.gateway ? ofClient : ofGateway, undefined);
    exchange(here.network, here.gateway, here.client, 'as ever');
  }
});

test('what ICMP claims of other peers, other SAs, or more than is known, changes nothing', () => {
  const here = ends(undefined);
  const { network, gateway } = here;
  network.run(network.now + SECOND);
  const peer = { address: '192.0.2.2', port: 0 };
  const claims = [
    { remote: { address: '192.0.2.3', port: 0 }, mtu: 1300 },
    { remote: peer, mtu: 1300, spi: 0x01020304 },
    { remote: peer, mtu: 9000 },
  ];
  for (const claim of claims) gateway.perform((now) => gateway.gateway.receive({ type: 'pathMtu', ...claim }, now));
  network.run(network.now + SECOND);
  assert.equal(mtus(here)[0], WIDE);
  gateway.perform((now) => gateway.gateway.receive({ type: 'pathMtu', remote: peer, mtu: 600 }, now));
  network.run(network.now + SECOND);
  assert.equal(mtus(here)[0], 1280);
});
