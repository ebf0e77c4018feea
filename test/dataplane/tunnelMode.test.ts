/** IKEv2's tunnel mode: IP packets in ESP themselves, held to their selectors. RFC 4301 §5, RFC 6040, RFC 7296 §3.13. */

import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { decapsulateEcn } from '../../src/dataplane/ecn.ts';
import { COUNTERS_PER_SESSION, type InnerSelector, newSource, PacketPath } from '../../src/dataplane/index.ts';
import { Selectors } from '../../src/dataplane/selectors.ts';
import { packetCiphers } from '../../src/esp/index.ts';
import { parseAddress, parseIpv4 } from '../../src/net/index.ts';
import { concat } from '../../src/wire/index.ts';
import { ipv4Packet, ipv6Packet, readIpv4, readIpv6, slowChecksum } from '../net/slow.ts';
import { seededEnvironment } from '../sim/random.ts';
import {
  CLIENT,
  CLIENT6,
  crypto,
  End,
  innerPacket,
  innerPacket6,
  installPair,
  join,
  OTHER_CLIENT,
  openNativeTunnel,
  openTunnel,
  SERVER,
  SERVER6,
  suites,
  toClientKeys,
  toGatewayKeys,
  toGatewaySpi,
  turned,
  useSas,
} from './ends.ts';
import { espOpen, espSeal } from './slow.ts';

const SEED = 7296;
/** TCP with SYN and an MSS of 1460. */
const SYN = Uint8Array.of(...[1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0x60, 2, 0, 0, 0, 0, 0, 0], 2, 4, 5, 180);

for (const protection of ['udp', 'esp'] as const) {
  for (const [name, suite] of Object.entries(suites)) {
    test(`packets of both versions cross as they are: ${name}, ${protection}`, () => {
      const [client, gateway] = [new End(), new End()];
      openNativeTunnel(client, gateway, { protection, suite, inner6: CLIENT6 });
      join(client, gateway);
      const up = [innerPacket(CLIENT, SERVER), innerPacket6(CLIENT6, SERVER6), innerPacket(CLIENT, SERVER, 1372)];
      const down = [innerPacket(SERVER, CLIENT), innerPacket6(SERVER6, CLIENT6, 1360)];
      for (const packet of up) client.plane.fromTun(packet);
      for (const packet of down) gateway.plane.fromTun(packet);
      assert.deepEqual(gateway.packets, up);
      assert.deepEqual(client.packets, down);
      assert.equal(gateway.counter(0, 'packetsFromPeer'), 3);
      assert.equal(
        gateway.counter(0, 'bytesFromPeer'),
        up.reduce((sum, { length }) => sum + length, 0),
      );
      assert.equal(gateway.counter(0, 'messagesFromPeer'), 3);
      assert.equal(gateway.counter(0, 'packetsToPeer'), 2);
      assert.deepEqual(
        gateway.eventsOf('firstPacket').map(({ direction }) => direction),
        ['fromPeer', 'toPeer'],
      );
      // What is on the wire is what a plain reading of RFC 4303 says.
      const opened = espOpen(crypto, suite, toClientKeys(suite, 1), gateway.sent[1]!.bytes);
      assert.equal(opened?.nextHeader, 41);
      assert.deepEqual(opened?.payload, down[1]);
      assert.equal(gateway.sent[1]!.protocol, protection === 'udp' ? 'udp' : 'esp');
    });
  }
}

test('an SA with extended sequence numbers carries it too', () => {
  const [client, gateway] = [new End(), new End()];
  openNativeTunnel(client, gateway, { extendedSequence: true });
  join(client, gateway);
  for (let i = 0; i < 300; i++) client.plane.fromTun(innerPacket(CLIENT, SERVER, i));
  assert.equal(gateway.packets.length, 300);
});

test('beside it sessions over L2TP go on, and both kinds of client reach each other', () => {
  const [native, lac] = [new End(), new End()];
  const gateway = new End({ clientToClient: true });
  openNativeTunnel(native, gateway, { channel: 1, slot: 0, seed: 1 });
  openTunnel(lac, gateway, {
    ...{ channel: 2, slot: 1, seed: 2, inner: OTHER_CLIENT, clientAddress: { address: '192.0.2.3', port: 4500 } },
  });
  native.wire = lac.wire = (datagram) => gateway.plane.receive(turned(datagram));
  gateway.wire = (datagram) => (datagram.remote.address === '192.0.2.3' ? lac : native).plane.receive(turned(datagram));
  native.plane.fromTun(innerPacket(CLIENT, OTHER_CLIENT));
  lac.plane.fromTun(innerPacket(OTHER_CLIENT, CLIENT));
  assert.equal(readIpv4(lac.packets[0]!).ttl, 63);
  assert.equal(readIpv4(native.packets[0]!).ttl, 63);
  assert.deepEqual(gateway.packets, []);
});

test('an SA is replaced under traffic without loss', () => {
  const [client, gateway] = [new End(), new End()];
  openNativeTunnel(client, gateway);
  join(client, gateway);
  let sent = 0;
  const send = () => {
    client.plane.fromTun(innerPacket(CLIENT, SERVER, 50 + sent++));
    gateway.plane.fromTun(innerPacket(SERVER, CLIENT));
  };
  send();
  installPair(client, gateway, 1, suites.cbc, 2, { mode: 'tunnel' });
  send();
  useSas(client, gateway, 1, 2);
  send();
  client.plane.post({ type: 'removeSa', inboundSpi: 0x10000001 });
  gateway.plane.post({ type: 'removeSa', inboundSpi: toGatewaySpi(1) });
  send();
  assert.equal(gateway.packets.length, 4);
  assert.equal(client.packets.length, 4);
});

/** A gateway with a client in tunnel mode, and a way to seal what no honest client sends. */
function forged(options: Parameters<typeof openNativeTunnel>[2] = {}) {
  const [client, gateway] = [new End(), new End()];
  openNativeTunnel(client, gateway, options);
  let sequence = 0;
  const send = (payload: Uint8Array, nextHeader: number, tos = 0) =>
    gateway.plane.receive({
      protocol: 'udp',
      local: { address: '192.0.2.1', port: 4500 },
      remote: { address: '192.0.2.2', port: 4500 },
      tos,
      bytes: espSeal(
        crypto,
        suites.gcm,
        toGatewayKeys(suites.gcm, 1),
        toGatewaySpi(1),
        ++sequence,
        payload,
        nextHeader,
      ),
    });
  return { client, gateway, send };
}

test('what an authentic peer may not send is refused by name', () => {
  const good = innerPacket(CLIENT, SERVER);
  const cases: readonly [string, Uint8Array, number][] = [
    ['inner-source', innerPacket('10.10.10.9', SERVER), 4],
    ['inner-malformed', good.subarray(0, 30), 4],
    ['inner-malformed', innerPacket6(CLIENT6, SERVER6), 4],
    ['inner-malformed', new Uint8Array(0), 4],
    ['session-not-open', innerPacket6(CLIENT6, SERVER6), 41],
    ['next-header', good, 17],
  ];
  for (const [code, payload, nextHeader] of cases) {
    const { gateway, send } = forged();
    send(payload, nextHeader);
    gateway.plane.tick(1e6);
    assert.deepEqual(gateway.drops(), { [code]: 1 });
    assert.deepEqual(gateway.packets, []);
  }
  const { gateway, send } = forged();
  send(new Uint8Array(20), 59);
  send(concat(good, new Uint8Array(40)), 4);
  gateway.plane.tick(1e6);
  assert.deepEqual(gateway.drops(), {});
  assert.deepEqual(gateway.packets, [good]);
});

test('without a session nothing passes, and a closed one takes no more', () => {
  const { gateway, send } = forged();
  gateway.plane.post({ type: 'closeSession', slot: 0 });
  send(innerPacket(CLIENT, SERVER), 4);
  gateway.plane.fromTun(innerPacket(SERVER, CLIENT));
  gateway.plane.tick(1e6);
  assert.deepEqual(gateway.drops(), { 'tunnel-mode': 1, 'no-session': 1 });
});

test('random authentic contents are refused without harm', () => {
  const { gateway, send } = forged({ inner6: CLIENT6 });
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom(4, 41, 17, 59), fc.nat(255), (bytes, next, tos) => {
      if (bytes.length > 0) bytes[0] = (next === 41 ? 0x60 : 0x45) | (bytes[0]! & 0x0a);
      send(bytes, next, tos);
    }),
    { seed: SEED, numRuns: 500 },
  );
  for (const packet of gateway.packets) assert.ok(packet.length >= 20);
  send(innerPacket(CLIENT, SERVER), 4);
  assert.deepEqual(gateway.packets.at(-1), innerPacket(CLIENT, SERVER));
});

const selector = (first: string, last: string, protocol = 0, firstPort = 0, lastPort = 0xffff): InnerSelector => ({
  ...{ first, last, protocol, firstPort, lastPort },
});

test('what the selectors do not cover is refused in both directions; our side is told so', () => {
  const session = {
    localSelectors: [
      selector('198.51.100.0', '198.51.100.255', 6, 80, 443),
      selector('198.51.100.9', '198.51.100.9', 1),
    ],
    remoteSelectors: [selector(CLIENT, CLIENT)],
  };
  const tcp = (port: number) => Uint8Array.of(0x9c, 0x40, port >> 8, port & 255, ...new Uint8Array(16));
  const packet = (protocol: number, payload: Uint8Array, toServer: boolean) =>
    ipv4Packet({
      source: parseIpv4(toServer ? CLIENT : SERVER)!,
      destination: parseIpv4(toServer ? SERVER : CLIENT)!,
      protocol,
      payload,
    });
  const { gateway, send } = forged({ session });
  send(packet(6, tcp(443), true), 4);
  send(packet(1, Uint8Array.of(8, 0, 0, 0), true), 4);
  assert.equal(gateway.packets.length, 2);
  send(packet(6, tcp(444), true), 4);
  send(packet(17, tcp(443), true), 4);
  // Its ports are not to be seen.
  send(
    ipv4Packet({
      source: parseIpv4(CLIENT)!,
      destination: parseIpv4(SERVER)!,
      protocol: 6,
      offset: 3,
      payload: tcp(443),
    }),
    4,
  );
  assert.equal(gateway.packets.length, 2);
  const from443 = Uint8Array.of(1, 187, 0x9c, 0x40, ...new Uint8Array(16));
  gateway.plane.fromTun(packet(6, from443, false));
  assert.equal(gateway.sent.length, 1);
  gateway.plane.fromTun(packet(6, tcp(80), false));
  assert.equal(gateway.sent.length, 1);
  const answer = readIpv4(gateway.packets[2]!);
  assert.deepEqual([answer.protocol, answer.payload[0], answer.payload[1]], [1, 3, 13]);
  assert.deepEqual([answer.source, answer.destination], [parseIpv4(CLIENT), parseIpv4(SERVER)]);
  gateway.plane.tick(1e6);
  assert.deepEqual(gateway.drops(), { selectors: 4 });
});

test('selectors decide as RFC 7296 §3.13.1 reads', () => {
  const hosts = ['10.0.0.1', '10.0.0.2', '10.0.1.1', '2001:db8::1', '2001:db8::2', '2001:db9::1'] as const;
  const ranges = [
    ['10.0.0.1', '10.0.0.1'],
    ['10.0.0.0', '10.0.0.255'],
    ['0.0.0.0', '255.255.255.255'],
    ['2001:db8::', '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff'],
    ['2001:db8::2', '2001:db8::2'],
  ] as const;
  const anySelector = fc
    .tuple(
      fc.constantFrom(...ranges),
      fc.constantFrom(0, 6, 17, 50),
      fc.constantFrom([0, 0xffff], [53, 53], [1000, 2000]),
    )
    .map(([[first, last], protocol, ports]) => selector(first, last, protocol, ports[0], ports[1]));
  const selectors = fc.array(anySelector, { minLength: 1, maxLength: 3 });
  const value = (text: string) => parseAddress(text)!.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
  const port = fc.constantFrom(53, 1500, 9);
  fc.assert(
    fc.property(
      ...([selectors, selectors, fc.constantFrom(...hosts), fc.constantFrom(...hosts)] as const),
      ...([fc.constantFrom(6, 17, 50), port, port, fc.boolean()] as const),
      (local, remote, from, to, protocol, sourcePort, destinationPort, fromPeer) => {
        const [source, destination] = [parseAddress(from)!, parseAddress(to)!];
        if (source.length !== destination.length) return;
        const payload = Uint8Array.of(
          sourcePort >> 8,
          sourcePort & 255,
          destinationPort >> 8,
          destinationPort & 255,
          0,
          0,
        );
        const packet =
          source.length === 4
            ? ipv4Packet({ source, destination, protocol, payload })
            : ipv6Packet({ source, destination, nextHeader: protocol, payload });
        const fits = (list: readonly InnerSelector[], host: string, port: number) =>
          list.some((one) => {
            if (one.first.includes(':') !== host.includes(':')) return false;
            if (value(host) < value(one.first) || value(host) > value(one.last)) return false;
            if (one.protocol !== 0 && one.protocol !== protocol) return false;
            if (one.firstPort === 0 && one.lastPort === 0xffff) return true;
            // ESP shows no ports.
            return protocol !== 50 && port >= one.firstPort && port <= one.lastPort;
          });
        const expected =
          fits(fromPeer ? remote : local, from, sourcePort) && fits(fromPeer ? local : remote, to, destinationPort);
        assert.equal(new Selectors(local, remote).fits(packet, 0, packet.length, fromPeer), expected);
      },
    ),
    { seed: SEED, numRuns: 1000 },
  );
});

test('the outer header shows DSCP and ECN of the inner one, or the DSCP that is wanted', () => {
  const source = parseIpv4(SERVER)!;
  const destination = parseIpv4(CLIENT)!;
  for (const [dscp, tos, outer] of [
    ['copy', 0xb8, 0xb8],
    ['copy', 0x02, 0x02],
    ['copy', 0xbb, 0xbb],
    [0, 0xb9, 0x01],
    [46, 0x03, 0xbb],
  ] as const) {
    const [client, gateway] = [new End(), new End()];
    openNativeTunnel(client, gateway, { session: { dscp }, inner6: CLIENT6 });
    gateway.plane.fromTun(ipv4Packet({ source, destination, tos, payload: new Uint8Array(9) }));
    gateway.plane.fromTun(innerPacket6(SERVER6, CLIENT6, 50, { trafficClass: tos }));
    assert.deepEqual(
      gateway.sent.map((datagram) => datagram.tos),
      [outer, outer],
    );
  }
});

test('congestion that the outer header shows reaches the inner one, by RFC 6040 §4.2', () => {
  // Rows: inner Not-ECT, ECT(1), ECT(0), CE; columns: outer the same. -1: dropped.
  const table = [
    [0, 0, 0, -1],
    [1, 1, 1, 3],
    [2, 1, 2, 3],
    [3, 3, 3, 3],
  ];
  const [source, destination] = [parseIpv4(CLIENT)!, parseIpv4(SERVER)!];
  for (const [inner, row] of table.entries()) {
    for (const [outer, expected] of row.entries()) {
      const v4 = ipv4Packet({ source, destination, tos: 0xb8 | inner, payload: new Uint8Array(5) });
      const v6 = innerPacket6(CLIENT6, SERVER6, 5, { trafficClass: 0xb8 | inner });
      assert.equal(decapsulateEcn(v4, 0, outer), expected >= 0);
      assert.equal(decapsulateEcn(v6, 0, outer), expected >= 0);
      if (expected < 0) continue;
      assert.equal(readIpv4(v4).tos, 0xb8 | expected);
      assert.equal(slowChecksum(v4.subarray(0, 20)), 0);
      assert.equal(readIpv6(v6).trafficClass, 0xb8 | expected);
    }
  }
  const { gateway, send } = forged();
  send(innerPacket(CLIENT, SERVER), 4, 3);
  gateway.plane.tick(1e6);
  assert.deepEqual(gateway.drops(), { 'outer-congestion': 1 });
});

test('too big for the tunnel: answered towards our side with the MTU, IPv6 with packet too big', () => {
  const [client, gateway] = [new End(), new End()];
  openNativeTunnel(client, gateway, { inner6: CLIENT6 });
  gateway.plane.fromTun(innerPacket6(SERVER6, CLIENT6, 1400));
  gateway.plane.fromTun(innerPacket(SERVER, CLIENT, 1400, { flags: 2 }));
  assert.deepEqual(gateway.sent, []);
  const v6 = readIpv6(gateway.packets[0]!);
  assert.deepEqual(
    [v6.nextHeader, v6.payload[0], new DataView(v6.payload.buffer, v6.payload.byteOffset).getUint32(4)],
    [58, 2, 1400],
  );
  const v4 = readIpv4(gateway.packets[1]!);
  assert.deepEqual([v4.payload[0], v4.payload[1]], [3, 4]);
});

test('a moved peer is followed for packets of every type of service', () => {
  const [client, gateway] = [new End(), new End()];
  openNativeTunnel(client, gateway);
  const packet = ipv4Packet({
    source: parseIpv4(SERVER)!,
    destination: parseIpv4(CLIENT)!,
    tos: 8,
    payload: new Uint8Array(9),
  });
  gateway.plane.fromTun(packet);
  const remote = { address: '203.0.113.7', port: 61000 };
  gateway.plane.post({ type: 'moveChannel', channel: 1, local: { address: '192.0.2.1', port: 4500 }, remote });
  gateway.plane.fromTun(packet);
  assert.deepEqual(gateway.sent[1]!.remote, remote);
  assert.equal(gateway.sent[1]!.tos, 8);
});

test('only the packet’s own bytes are written, whatever it holds and whatever stands around it', () => {
  const given: Uint8Array[] = [];
  const nothing = (): void => {};
  const writeTun = (bytes: Uint8Array, at: number, length: number) => void given.push(bytes.slice(at, at + length));
  const path = new PacketPath(
    { sendUdp: nothing, sendEsp: nothing, event: nothing, writeTun },
    {
      counters: new Float64Array(COUNTERS_PER_SESSION),
      newCipher: packetCiphers(crypto),
      environment: seededEnvironment(3),
    },
  );
  const keys = toGatewayKeys(suites.cbc, 1);
  const [local, remote] = ['192.0.2.1', '192.0.2.2'].map((address) => ({ address, port: 4500 }));
  const ports = { localL2tpPort: 0, remoteL2tpPort: 0 };
  path.command({
    type: 'openChannel',
    record: { channel: 1, protection: 'udp', local: local!, remote: remote!, ...ports },
  });
  path.command({
    type: 'installSa',
    record: {
      ...{ channel: 1, inboundSpi: 7000, outboundSpi: 8000, mode: 'tunnel', suite: suites.cbc },
      ...{ inboundKeys: keys, outboundKeys: keys, replayWindow: 64 },
    },
  });
  path.command({ type: 'useSa', channel: 1, outboundSpi: 8000 });
  path.command({
    type: 'openTunnelSession',
    session: { slot: 0, channel: 1, peerAddress: CLIENT, peerPrefixes: [CLIENT6], mtuToPeer: 1400, mss: 100 },
  });
  const source = newSource();
  source.remote.set([192, 0, 2, 2]);
  source.local.set([192, 0, 2, 1]);
  source.remotePort = source.localPort = 4500;
  let sequence = 0;
  const honest = fc.constantFrom(
    innerPacket(CLIENT, SERVER),
    innerPacket6(CLIENT6, SERVER6),
    innerPacket6(CLIENT6, SERVER6, 60, { nextHeader: 60 }),
    ipv4Packet({ source: parseIpv4(CLIENT)!, destination: parseIpv4(SERVER)!, protocol: 6, tos: 2, payload: SYN }),
  );
  const changes = fc.array(fc.tuple(fc.nat(60), fc.nat(255)), { maxLength: 4 });
  fc.assert(
    fc.property(honest, changes, fc.nat(80), fc.constantFrom(4, 41), fc.nat(3), (packet, changed, cut, next, tos) => {
      const payload = packet.slice(0, Math.max(0, packet.length - (cut > 40 ? cut - 40 : 0)));
      for (const [at, value] of changed) if (at < payload.length) payload[at] = value;
      const esp = espSeal(crypto, suites.cbc, keys, 7000, ++sequence, payload, next);
      const buffer = new Uint8Array(esp.length + 200).fill(0xa5);
      buffer.set(esp, 100);
      source.tos = tos;
      path.fromUdp('natT', buffer, 100, esp.length, source);
      const around = [...buffer.subarray(0, 100), ...buffer.subarray(100 + esp.length)];
      assert.ok(around.every((byte) => byte === 0xa5));
    }),
    { seed: SEED, numRuns: 1000 },
  );
  assert.ok(given.length > 100);
});
