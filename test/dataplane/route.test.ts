import assert from 'node:assert/strict';
import test from 'node:test';
import { ICMP_ERRORS_PER_SECOND } from '../../src/dataplane/index.ts';
import { parseIpv4, planMtu } from '../../src/net/index.ts';
import { concat } from '../../src/wire/index.ts';
import { ipv4Packet, readIpv4, reassemble, segmentIsRight, slowChecksum, tcpSegment } from '../net/slow.ts';
import {
  CLIENT,
  End,
  innerPacket,
  join,
  joinThroughNat,
  OTHER_CLIENT,
  openTunnel,
  SERVER,
  suites,
  turned,
} from './ends.ts';

/** Two clients of one gateway; each has a wire of its own. */
function twoClients(clientToClient: boolean, mtuToPeer = 1400) {
  const gateway = new End({ clientToClient, localAddress: '10.10.10.1' });
  const [a, b] = [new End(), new End()];
  const ends = { '192.0.2.2': a, '192.0.2.3': b } as Record<string, End>;
  gateway.wire = (datagram) => ends[datagram.remote.address]!.plane.receive(turned(datagram));
  for (const [i, client] of [a, b].entries()) {
    client.wire = (datagram) => gateway.plane.receive(turned(datagram));
    openTunnel(client, gateway, {
      clientAddress: { address: `192.0.2.${i + 2}`, port: 4500 },
      channel: i + 1,
      slot: i,
      seed: i + 1,
      inner: `10.10.10.${i + 2}`,
      suite: i === 0 ? suites.gcm : suites.sha512,
      session: { mtuToPeer },
    });
  }
  return { gateway, a, b };
}

test('clients with equal tunnel, session, port and NAT address stay apart', () => {
  const gateway = new End();
  const clients = [0, 1, 2].map((i) => {
    const client = new End();
    const natAddress = { address: '203.0.113.5', port: 20_000 + i };
    const clientAddress = { address: '10.0.0.5', port: 4500 };
    openTunnel(client, gateway, {
      channel: i + 1,
      slot: i,
      seed: i + 1,
      inner: `10.10.10.${i + 2}`,
      clientAddress,
      natAddress,
    });
    joinThroughNat(client, gateway, natAddress);
    return client;
  });
  for (const [i, client] of clients.entries()) {
    const inner = `10.10.10.${i + 2}`;
    client.plane.fromTun(innerPacket(inner, SERVER, 40 + i));
    assert.deepEqual(gateway.packets.at(-1), innerPacket(inner, SERVER, 40 + i));
    gateway.plane.fromTun(innerPacket(SERVER, inner, 50 + i));
    assert.deepEqual(client.packets, [innerPacket(SERVER, inner, 50 + i)]);
    // With the right ids but another's address it is spoofing all the same.
    client.plane.fromTun(innerPacket(`10.10.10.${((i + 1) % 3) + 2}`, SERVER));
    assert.equal(gateway.packets.length, i + 1);
    assert.equal(gateway.counter(i, 'dropped'), 1);
  }
});

test('behind one NAT without UDP encapsulation, by SPI alone', () => {
  const gateway = new End();
  const clients = [new End(), new End()];
  for (const [i, client] of clients.entries()) {
    const clientAddress = { address: '203.0.113.5', port: 0 };
    openTunnel(client, gateway, {
      protection: 'esp',
      channel: i + 1,
      slot: i,
      seed: i + 1,
      inner: `10.10.10.${i + 2}`,
      clientAddress,
    });
    client.wire = (datagram) => gateway.plane.receive(turned(datagram));
    client.plane.fromTun(innerPacket(`10.10.10.${i + 2}`, SERVER, i));
  }
  assert.deepEqual(gateway.packets, [innerPacket(CLIENT, SERVER, 0), innerPacket(OTHER_CLIENT, SERVER, 1)]);
});

test('MSS is clamped on SYN in both directions, checksums stay right', () => {
  const [client, gateway] = [new End(), new End()];
  join(client, gateway);
  const { mtu, mss } = planMtu({
    outerFamily: 4,
    pathMtu: 1500,
    esp: { suite: suites.gcm, udpEncapsulation: true },
    lengthBit: true,
    sequencing: false,
    addressControl: true,
    compressProtocol: false,
  });
  openTunnel(client, gateway, { session: { mtuToPeer: mtu, mss } });
  const check = (packet: Uint8Array | undefined, expected: number) => {
    const { source, destination, payload } = readIpv4(packet!);
    assert.equal((payload[22]! << 8) | payload[23]!, expected);
    assert.ok(segmentIsRight(payload, concat(source, destination)));
  };
  const syn = (from: string, to: string, value: number) => {
    const [source, destination] = [parseIpv4(from)!, parseIpv4(to)!];
    const options = Uint8Array.of(2, 4, value >> 8, value & 255);
    const payload = tcpSegment(options, 2, new Uint8Array(0), concat(source, destination));
    return ipv4Packet({ source, destination, protocol: 6, payload });
  };
  client.plane.fromTun(syn(CLIENT, SERVER, 1460));
  check(gateway.packets[0], 1378);
  gateway.plane.fromTun(syn(SERVER, CLIENT, 1460));
  check(client.packets[0], 1378);
  client.plane.fromTun(syn(CLIENT, SERVER, 1200));
  check(gateway.packets[1], 1200);
  // A client that does not clamp: the gateway does it on the way in.
  const [careless, second] = [new End(), new End()];
  openTunnel(careless, second, { session: { mss: 9000 } });
  openTunnel(new End(), second, { session: { mss: 1300 } });
  careless.plane.fromTun(syn(CLIENT, SERVER, 1460));
  second.plane.receive(turned(careless.sent[0]!));
  check(second.packets[0], 1300);
});

test('a packet that fits exactly goes whole in an outer packet of exactly the path’s MTU', () => {
  for (const suite of Object.values(suites)) {
    for (const protection of ['udp', 'esp'] as const) {
      const shape = { outerFamily: 4, pathMtu: 1492, esp: { suite, udpEncapsulation: protection === 'udp' } } as const;
      const header = { lengthBit: true, sequencing: true, addressControl: true, compressProtocol: false };
      const { mtu, mss, overhead } = planMtu({ ...shape, ...header });
      const [client, gateway] = [new End(), new End()];
      openTunnel(client, gateway, { protection, suite, session: { sequencing: true, mtuToPeer: mtu, mss } });
      gateway.plane.fromTun(innerPacket(SERVER, CLIENT, mtu - 20, { flags: 2 }));
      const outer = gateway.sent[0]!.bytes.length + 20 + (protection === 'udp' ? 8 : 0);
      assert.equal(outer, mtu + overhead);
      assert.ok(outer <= 1492 && outer > 1492 - 16);
    }
  }
});

test('too big and not to be fragmented: ICMP tells the MTU back into the TUN device', () => {
  const [client, gateway] = [new End(), new End()];
  join(client, gateway);
  openTunnel(client, gateway);
  const packet = innerPacket(SERVER, CLIENT, 1381, { flags: 2 });
  gateway.plane.fromTun(packet);
  assert.deepEqual(client.packets, []);
  const error = readIpv4(gateway.packets[0]!);
  assert.deepEqual(error.source, parseIpv4(CLIENT), 'not the host’s own address, which the kernel would refuse');
  assert.deepEqual(error.destination, parseIpv4(SERVER));
  assert.equal(error.protocol, 1);
  assert.deepEqual([...error.payload.subarray(0, 2)], [3, 4]);
  assert.equal((error.payload[6]! << 8) | error.payload[7]!, 1400);
  assert.equal(slowChecksum(error.payload), 0);
  assert.deepEqual(error.payload.subarray(8), packet.subarray(0, 548));
  assert.equal(gateway.counter(0, 'dropped'), 1);
  gateway.plane.tick(0);
  assert.deepEqual(gateway.drops(), { 'too-big': 1 });
});

test('ICMP errors are bounded a second', () => {
  const [client, gateway] = [new End(), new End()];
  openTunnel(client, gateway);
  const packet = innerPacket(SERVER, CLIENT, 1381, { flags: 2 });
  const burst = () => {
    for (let i = 0; i < ICMP_ERRORS_PER_SECOND + 50; i++) gateway.plane.fromTun(packet);
  };
  burst();
  assert.equal(gateway.packets.length, ICMP_ERRORS_PER_SECOND);
  gateway.plane.tick(10_000);
  burst();
  assert.equal(gateway.packets.length, 2 * ICMP_ERRORS_PER_SECOND);
});

test('too big and free to be fragmented: fragments arrive and make the packet again', () => {
  for (const protection of ['none', 'udp', 'esp'] as const) {
    const [client, gateway] = [new End(), new End()];
    join(client, gateway);
    openTunnel(client, gateway, { protection, suite: suites.cbc, session: { mtuToPeer: 576 } });
    for (const size of [557, 1400, 4000, 60_000]) {
      client.packets.length = 0;
      const packet = innerPacket(SERVER, CLIENT, size);
      gateway.plane.fromTun(packet);
      assert.equal(client.packets.length, Math.ceil(size / 552));
      assert.ok(client.packets.every((fragment) => fragment.length <= 576));
      assert.deepEqual(reassemble(client.packets), readIpv4(packet).payload);
    }
    assert.equal(gateway.counter(0, 'packetsToPeer'), client.counter(0, 'packetsFromPeer'));
  }
});

test('between clients: dropped unless allowed', () => {
  const { gateway, a, b } = twoClients(false);
  a.plane.fromTun(innerPacket(CLIENT, OTHER_CLIENT));
  assert.deepEqual(b.packets, []);
  assert.deepEqual(gateway.packets, []);
  gateway.plane.tick(0);
  assert.deepEqual(gateway.drops(), { 'client-to-client': 1 });
  gateway.plane.post({ type: 'configure', clientToClient: true });
  a.plane.fromTun(innerPacket(CLIENT, OTHER_CLIENT));
  assert.equal(b.packets.length, 1);
});

test('between clients the path is the router: TTL goes down, the kernel sees nothing', () => {
  const { gateway, a, b } = twoClients(true);
  a.plane.fromTun(innerPacket(CLIENT, OTHER_CLIENT, 500, { ttl: 64 }));
  assert.deepEqual(b.packets, [innerPacket(CLIENT, OTHER_CLIENT, 500, { ttl: 63 })]);
  assert.deepEqual(gateway.packets, []);
  assert.equal(gateway.counter(0, 'packetsFromPeer'), 1);
  assert.equal(gateway.counter(1, 'packetsToPeer'), 1);
  b.plane.fromTun(innerPacket(OTHER_CLIENT, CLIENT, 3));
  assert.equal(a.packets.length, 1);
});

test('towards the kernel TTL is left alone: the kernel lowers it', () => {
  const { gateway, a } = twoClients(true);
  a.plane.fromTun(innerPacket(CLIENT, SERVER, 10, { ttl: 1 }));
  assert.deepEqual(gateway.packets, [innerPacket(CLIENT, SERVER, 10, { ttl: 1 })]);
});

test('between clients a TTL of 1 is answered with time exceeded from the gateway', () => {
  const { a, b } = twoClients(true);
  const packet = innerPacket(CLIENT, OTHER_CLIENT, 60, { ttl: 1 });
  a.plane.fromTun(packet);
  assert.deepEqual(b.packets, []);
  const error = readIpv4(a.packets[0]!);
  assert.deepEqual([error.source, error.destination], [parseIpv4('10.10.10.1'), parseIpv4(CLIENT)]);
  assert.deepEqual([...error.payload.subarray(0, 2)], [11, 0]);
  assert.deepEqual(error.payload.subarray(8), packet);
});

test('between clients a packet too big for the second tunnel is answered or fragmented', () => {
  const { gateway, a, b } = twoClients(true, 600);
  // The first client's own end would not let it out: it is given room there.
  openTunnel(a, new End(), { channel: 1, slot: 0, seed: 1, session: { mtuToPeer: 1400 } });
  a.plane.fromTun(innerPacket(CLIENT, OTHER_CLIENT, 900, { flags: 2 }));
  const error = readIpv4(a.packets[0]!);
  assert.deepEqual(error.source, parseIpv4('10.10.10.1'));
  assert.equal((error.payload[6]! << 8) | error.payload[7]!, 600);
  assert.deepEqual(b.packets, []);
  a.plane.fromTun(innerPacket(CLIENT, OTHER_CLIENT, 900));
  assert.deepEqual(reassemble(b.packets), readIpv4(innerPacket(CLIENT, OTHER_CLIENT, 900)).payload);
  assert.deepEqual(gateway.packets, []);
});

test('a peer that a NAT has moved is told once; packets follow when the control plane says so', () => {
  const [client, gateway] = [new End(), new End()];
  openTunnel(client, gateway);
  const moved = { address: '192.0.2.99', port: 31_000 };
  const from = (remote: typeof moved) => {
    client.plane.fromTun(innerPacket(CLIENT, SERVER));
    gateway.plane.receive({ ...turned(client.sent.at(-1)!), remote });
  };
  from({ address: '192.0.2.2', port: 4500 });
  assert.deepEqual(gateway.eventsOf('channelMoved'), []);
  for (let i = 0; i < 3; i++) from(moved);
  const local = { address: '192.0.2.1', port: 4500 };
  assert.deepEqual(gateway.eventsOf('channelMoved'), [{ type: 'channelMoved', channel: 1, local, remote: moved }]);
  assert.equal(gateway.packets.length, 4, 'it is taken all the same');
  gateway.plane.fromTun(innerPacket(SERVER, CLIENT));
  assert.deepEqual(gateway.sent.at(-1)!.remote, { address: '192.0.2.2', port: 4500 });
  gateway.plane.post({ type: 'moveChannel', channel: 1, local, remote: moved });
  gateway.plane.fromTun(innerPacket(SERVER, CLIENT));
  assert.deepEqual(gateway.sent.at(-1)!.remote, moved);
  from(moved);
  assert.equal(gateway.eventsOf('channelMoved').length, 1);
});

test('neither a late packet nor a forged one moves the peer', () => {
  const [client, gateway] = [new End(), new End()];
  openTunnel(client, gateway);
  for (let i = 0; i < 3; i++) client.plane.fromTun(innerPacket(CLIENT, SERVER, i));
  const [late, forged, last] = client.sent.map(turned);
  gateway.plane.receive(last!);
  const elsewhere = { address: '192.0.2.99', port: 1 };
  gateway.plane.receive({ ...late!, remote: elsewhere });
  const bytes = forged!.bytes.slice();
  bytes[40]! ^= 1;
  gateway.plane.receive({ ...forged!, bytes, remote: elsewhere });
  assert.deepEqual(gateway.eventsOf('channelMoved'), []);
});

test('an unprotected tunnel is its address and port; it moves only when told', () => {
  const [client, gateway] = [new End(), new End()];
  openTunnel(client, gateway, { protection: 'none' });
  client.plane.fromTun(innerPacket(CLIENT, SERVER));
  const datagram = turned(client.sent[0]!);
  const moved = { address: '192.0.2.2', port: 1702 };
  gateway.plane.receive({ ...datagram, remote: moved });
  assert.deepEqual(gateway.packets, []);
  gateway.plane.post({ type: 'moveChannel', channel: 1, local: datagram.local, remote: moved });
  gateway.plane.receive({ ...datagram, remote: moved });
  assert.equal(gateway.packets.length, 1);
  gateway.plane.receive(datagram);
  assert.equal(gateway.packets.length, 1);
});

test('the L2TP source port inside ESP is followed', () => {
  const [client, gateway] = [new End(), new End()];
  join(client, gateway);
  openTunnel(client, gateway, { localL2tpPort: 40_001 });
  gateway.plane.fromTun(innerPacket(SERVER, CLIENT));
  client.plane.tick(0);
  assert.deepEqual(client.drops(), { 'inner-port': 1 }, 'the gateway does not know yet');
  client.plane.fromTun(innerPacket(CLIENT, SERVER));
  assert.equal(gateway.packets.length, 1);
  gateway.plane.fromTun(innerPacket(SERVER, CLIENT));
  assert.equal(client.packets.length, 1);
});
