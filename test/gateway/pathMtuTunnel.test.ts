/**
 * IKEv2's tunnel mode learns what its path carries: told by ICMP, by probes alone, anew after a change; MSS, DF and the
 * ICMP of both IP versions follow. RFC 8899.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CONFIRM_INTERVAL, MOST_PROBES, PROBE_TIMEOUT, RAISE_INTERVAL } from '../../src/session/pathMtuSearch.ts';
import { innerPacket6 } from '../dataplane/ends.ts';
import { ipv4Packet } from '../sim/packets.ts';
import { eapClient, profile, V2Client, V2Gateway, v2GatewayConfig } from './ikev2World.ts';
import { connected, exchange, SECOND, SERVER, USERS, world } from './world.ts';

const POOL6 = '2001:db8:100::/48';
const OUTSIDE = '203.0.113.9';
const OUTSIDE6 = '2001:db8:ffff::1';
/** IPv4, UDP, SPI and sequence number, IV, ICV, trailer and the padding that may stand there, with AES-GCM. */
const AROUND = 20 + 8 + 8 + 8 + 16 + 2;
const PADDING = 4;

interface Options {
  readonly discovers?: { readonly gateway: boolean; readonly client: boolean };
  readonly ike?: string;
  readonly forceEncapsulation?: boolean;
}

function ends(
  narrow: { mtu: number; icmp: boolean } | undefined,
  { discovers = { gateway: true, client: true }, ike, forceEncapsulation = false }: Options = {},
) {
  const network = world(5);
  const ikeV2 = { forceEncapsulation, ...(ike === undefined ? {} : { profile: profile([ike]) }) };
  const config = v2GatewayConfig({}, ikeV2);
  const inner = { ...config.network, ipv6Pool: POOL6, pathMtuDiscovery: discovers.gateway };
  const gateway = new V2Gateway(network, SERVER, { ...config, network: inner }, USERS);
  const client = new V2Client(network, '192.0.2.2', eapClient('ann', { pathMtuDiscovery: discovers.client }, ikeV2));
  for (const end of [gateway, client]) end.narrow = narrow && { ...narrow };
  connected(network, gateway, client);
  return { network, gateway, client };
}

type World = ReturnType<typeof ends>;

const mtus = ({ gateway, client }: World) => [gateway.gateway.sessions()[0]!.pathMtu, client.client.view().pathMtu];

function near(actual: number | undefined, wanted: number, within = PADDING): void {
  assert.ok(actual !== undefined && actual <= wanted && actual > wanted - within, `${actual} is not ${wanted}`);
}

/** A packet of `length` bytes from behind the gateway that may not be fragmented. */
function whole(to: string, length: number): Uint8Array {
  const packet = ipv4Packet(OUTSIDE, to, new Uint8Array(length - 20));
  const view = new DataView(packet.buffer, packet.byteOffset);
  packet[6]! |= 0x40;
  // The header checksum is one's complement: what is added to one word is taken from the sum.
  const sum = (~view.getUint16(10) & 0xffff) + 0x4000;
  view.setUint16(10, ~((sum & 0xffff) + (sum >>> 16)) & 0xffff);
  return packet;
}

/** Sends packets to the client. @returns the MTU that ICMP told the sender; undefined where it arrived */
function toldToSender(here: World, family: 4 | 6, length: number): number | undefined {
  const { network, gateway, client } = here;
  const { localAddress, localAddress6 } = client.up!.network;
  const packet = family === 4 ? whole(localAddress, length) : innerPacket6(OUTSIDE6, localAddress6!, length - 40);
  gateway.packets.length = client.packets.length = 0;
  gateway.plane.fromTun(packet);
  network.run(network.now + SECOND);
  const [icmp] = gateway.packets;
  if (icmp === undefined) {
    assert.deepEqual(client.packets, [packet], 'it arrived');
    return undefined;
  }
  const view = new DataView(icmp.buffer, icmp.byteOffset);
  if (family === 4) {
    assert.deepEqual([icmp[20], icmp[21]], [3, 4], 'fragmentation needed');
    return view.getUint16(26);
  }
  assert.deepEqual([icmp[40], icmp[41]], [2, 0], 'packet too big');
  return view.getUint32(44);
}

for (const icmp of [true, false]) {
  for (const forceEncapsulation of [true, false]) {
    const way = `${icmp ? 'from ICMP' : 'by probes alone'}, ${forceEncapsulation ? 'in UDP' : 'native'}`;
    test(`a narrow path is learned at both ends ${way}, and nothing is fragmented`, () => {
      const MTU = 1400;
      const here = ends({ mtu: MTU, icmp }, { forceEncapsulation });
      const { network, gateway, client } = here;
      network.run(network.now + (icmp ? SECOND : 40 * SECOND));
      for (const mtu of mtus(here)) near(mtu, MTU);
      gateway.fragmented = client.fragmented = 0;
      const least = MTU - AROUND - 2 * PADDING;
      for (const family of [4, 6] as const) {
        const inner = toldToSender(here, family, 1450)!;
        assert.ok(inner >= least && inner <= MTU - AROUND + 8, `${inner}`);
        assert.equal(toldToSender(here, family, inner), undefined);
      }
      exchange(network, gateway, client, 'small ones');
      assert.deepEqual([gateway.fragmented, client.fragmented], [0, 0]);
      const { timeline } = gateway.gateway.sessions()[0]!;
      const { detail } = timeline.find(({ name }) => name === 'path MTU')!;
      assert.match(detail!, icmp ? /^1400 \(ICMP from 192\.0\.2\.254\)$/ : /^1\d\d\d \(probed\)$/);
    });
  }
}

test('a wide path is proved by one probe, and an idle one is left alone', () => {
  const here = ends(undefined);
  const { network, gateway } = here;
  network.run(network.now + SECOND);
  assert.deepEqual(mtus(here), [1500, 1500]);
  const probes = () => gateway.log.filter(({ text }) => text.includes('PATH_MTU_PROBE')).length;
  const before = probes();
  network.run(network.now + 3600 * SECOND);
  assert.equal(probes(), before);
});

test('where the ciphers of IKE pad to blocks, the size is less than a block below what the path carries', () => {
  for (const mtu of [1500, 1492, 1300]) {
    const here = ends({ mtu, icmp: false }, { ike: 'aes256-sha256-x25519' });
    here.network.run(here.network.now + 60 * SECOND);
    for (const learned of mtus(here)) near(learned, mtu, 2 * 16);
    const inner = toldToSender(here, 4, 1480)!;
    here.gateway.fragmented = 0;
    assert.equal(toldToSender(here, 4, inner), undefined);
    assert.equal(here.gateway.fragmented, 0);
  }
});

test('IPv6 keeps its 1280 bytes where the path has less room: in fragments', () => {
  const here = ends({ mtu: 1300, icmp: true });
  const { network, gateway } = here;
  network.run(network.now + 5 * SECOND);
  for (const mtu of mtus(here)) near(mtu, 1300);
  gateway.fragmented = 0;
  assert.equal(toldToSender(here, 6, 1280), undefined);
  assert.equal(gateway.fragmented, 1);
});

test('a black hole is left within its bound; until then packets pass in fragments, and later whole again', () => {
  const here = ends(undefined);
  const { network, gateway, client } = here;
  network.run(network.now + SECOND);
  for (const end of [gateway, client]) end.narrow = { mtu: 1400, icmp: false };
  // Traffic goes on, for an idle path is not looked at.
  const until = network.now + CONFIRM_INTERVAL + (MOST_PROBES + 1) * PROBE_TIMEOUT;
  while (network.now < until) exchange(network, gateway, client, 'on and on');
  assert.equal(toldToSender(here, 4, 1200), undefined);
  network.run(network.now + 40 * SECOND);
  for (const mtu of mtus(here)) near(mtu, 1400);
  for (const end of [gateway, client]) end.narrow = undefined;
  network.run(network.now + RAISE_INTERVAL + SECOND);
  assert.deepEqual(mtus(here), [1500, 1500]);
});

test('ends of which one does not ask live together', () => {
  for (const discovers of [
    { gateway: true, client: false },
    { gateway: false, client: true },
  ]) {
    const here = ends({ mtu: 1300, icmp: false }, { discovers });
    here.network.run(here.network.now + 40 * SECOND);
    const [ofGateway, ofClient] = mtus(here);
    near(discovers.gateway ? ofGateway : ofClient, 1300);
    assert.equal(discovers.gateway ? ofClient : ofGateway, undefined);
    exchange(here.network, here.gateway, here.client, 'as ever');
  }
});

test('renewals go on while the path is searched, and the search while IKE renews', () => {
  const here = ends({ mtu: 1300, icmp: false }, {});
  const { network, gateway, client } = here;
  for (let i = 0; i < 20; i++) {
    for (const inboundSpi of client.installed.sas.keys()) {
      client.perform((now) => client.client.receive({ type: 'saExpiring', channel: 1, inboundSpi, why: 'bytes' }, now));
    }
    network.run(network.now + 2 * SECOND);
    exchange(network, gateway, client, `renewal ${i}`);
  }
  for (const mtu of mtus(here)) near(mtu, 1300);
});

test('a client that moves asks the new path', () => {
  const here = ends({ mtu: 1300, icmp: true });
  const { network, gateway, client } = here;
  network.run(network.now + SECOND);
  for (const end of [gateway, client]) end.narrow = undefined;
  client.relocate('192.0.2.77', undefined);
  client.perform((now) => client.client.command({ type: 'moved', address: '192.0.2.77' }, now));
  network.run(network.now + 5 * SECOND);
  exchange(network, gateway, client, 'from elsewhere');
  assert.deepEqual(mtus(here), [1500, 1500]);
});

test('what ICMP claims of other peers, other SAs, or more than is known, changes nothing', () => {
  const here = ends(undefined);
  const { network, gateway } = here;
  network.run(network.now + SECOND);
  const claims = [
    { remote: { address: '192.0.2.3', port: 0 }, mtu: 1300 },
    { remote: { address: '192.0.2.2', port: 0 }, mtu: 1300, spi: 0x01020304 },
    { remote: { address: '192.0.2.2', port: 4500 }, mtu: 9000 },
  ];
  for (const claim of claims) gateway.perform((now) => gateway.gateway.receive({ type: 'pathMtu', ...claim }, now));
  network.run(network.now + SECOND);
  assert.equal(mtus(here)[0], 1500);
});

test('who leaves while it asks the path says so before it is gone', () => {
  for (const wait of [0, 100, 1500, 4000]) {
    const { network, gateway, client } = ends({ mtu: 1300, icmp: false });
    network.run(network.now + wait);
    const left = network.now;
    client.disconnect();
    network.run(left + 10 * SECOND, () => client.closed !== undefined);
    assert.ok(network.now <= left + 2 * SECOND, 'in bounded time');
    network.run(network.now + SECOND);
    assert.deepEqual(gateway.gateway.sessions(), [], `left after ${wait} ms`);
  }
});

test('a gateway that stops while it asks the path says so before it ends', () => {
  for (const wait of [0, 100, 1500, 4000]) {
    const { network, gateway, client } = ends({ mtu: 1300, icmp: false });
    network.run(network.now + wait);
    const stopped = network.now;
    drain(gateway);
    assert.ok(network.run(stopped + 10 * SECOND, () => gateway.drained));
    assert.ok(network.now <= stopped + 2 * SECOND, 'in bounded time');
    gateway.powerOff();
    network.run(network.now + SECOND);
    assert.equal(client.closed?.reason.code, 'peer-deleted', `stopped after ${wait} ms`);
  }
});

test('a gateway that owes nobody a goodbye stops at once, and one whose client is silent does in bounded time', () => {
  const quiet = ends(undefined, { discovers: { gateway: false, client: false } });
  quiet.network.run(quiet.network.now + SECOND);
  drain(quiet.gateway);
  assert.ok(quiet.gateway.drained);

  const { network, gateway, client } = ends({ mtu: 1300, icmp: false });
  client.powerOff();
  network.run(network.now + 100);
  const stopped = network.now;
  drain(gateway);
  assert.equal(gateway.drained, false);
  assert.ok(network.run(stopped + 10 * SECOND, () => gateway.drained));
  assert.equal(network.now - stopped, 2 * SECOND);
});

function drain(gateway: V2Gateway): void {
  const reason = { code: 'gateway-stopped', reason: 'The gateway was stopped.' };
  gateway.perform((now) => gateway.gateway.command({ type: 'drain', reason }, now));
}
