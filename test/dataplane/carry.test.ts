import assert from 'node:assert/strict';
import test from 'node:test';
import { parseAddress } from '../../src/net/index.ts';
import { concat } from '../../src/wire/index.ts';
import { segmentIsRight } from '../net/slow.ts';
import {
  CLIENT,
  crypto,
  End,
  innerPacket,
  installPair,
  join,
  openTunnel,
  SERVER,
  suites,
  toClientKeys,
  toGatewayKeys,
  toGatewaySpi,
  turned,
  useSas,
} from './ends.ts';
import { espOpen, l2tpMessage, readL2tp, readPpp, readUdp } from './slow.ts';

for (const protection of ['none', 'udp', 'esp'] as const) {
  for (const [name, suite] of Object.entries(suites)) {
    if (protection === 'none' && suite !== suites.gcm) continue;
    test(`IPv4 goes both ways: protection ${protection}${protection === 'none' ? '' : ` with ${name}`}`, () => {
      const [client, gateway] = [new End(), new End()];
      join(client, gateway);
      openTunnel(client, gateway, { protection, suite });
      let bytes = 0;
      for (let size = 0; size <= 1380; size += 23) {
        const there = innerPacket(CLIENT, SERVER, size);
        const back = innerPacket(SERVER, CLIENT, size);
        client.plane.fromTun(there);
        gateway.plane.fromTun(back);
        assert.deepEqual(gateway.packets.at(-1), there);
        assert.deepEqual(client.packets.at(-1), back);
        bytes += there.length;
      }
      const packets = client.packets.length;
      for (const end of [client, gateway]) {
        assert.equal(end.counter(0, 'packetsFromPeer'), packets);
        assert.equal(end.counter(0, 'packetsToPeer'), packets);
        assert.equal(end.counter(0, 'bytesFromPeer'), bytes);
        assert.equal(end.counter(0, 'bytesToPeer'), bytes);
        assert.equal(end.counter(0, 'messagesFromPeer'), packets);
        assert.equal(end.counter(0, 'dropped'), 0);
        assert.ok(end.sent.every((datagram) => datagram.protocol === (protection === 'esp' ? 'esp' : 'udp')));
        const first = end.eventsOf('firstPacket').map((event) => event.direction);
        assert.deepEqual(first.sort(), ['fromPeer', 'toPeer']);
      }
    });
  }
}

test('what is sent is what a plain reading of the RFCs says, with every form of header', () => {
  for (const lengthBit of [false, true]) {
    for (const sequencing of [false, true]) {
      for (const sendAddressControl of [false, true]) {
        for (const compressProtocol of [false, true]) {
          const [client, gateway] = [new End(), new End()];
          const session = { lengthBit, sequencing, sendAddressControl, compressProtocol };
          openTunnel(client, gateway, { suite: suites.cbc, session });
          const packet = innerPacket(CLIENT, SERVER, 333);
          client.plane.fromTun(packet);
          client.plane.fromTun(packet);
          const { bytes } = client.sent[1]!;
          const esp = espOpen(crypto, suites.cbc, toGatewayKeys(suites.cbc, 1), bytes)!;
          assert.deepEqual([esp.spi, esp.sequence, esp.nextHeader], [toGatewaySpi(1), 2, 17]);
          const udp = readUdp(esp.payload);
          assert.deepEqual([udp.source, udp.destination, udp.checksum], [1701, 1701, 0]);
          const l2tp = readL2tp(udp.payload);
          assert.deepEqual([l2tp.tunnel, l2tp.session], [22, 2]);
          assert.equal(l2tp.length, lengthBit && udp.payload.length);
          assert.deepEqual(l2tp.sequence, sequencing ? { ns: 1, nr: 0 } : undefined);
          const frame = concat(
            Uint8Array.from(sendAddressControl ? [0xff, 3] : []),
            Uint8Array.from(compressProtocol ? [0x21] : [0, 0x21]),
            packet,
          );
          assert.deepEqual(l2tp.payload, frame);
          assert.deepEqual(readPpp(l2tp.payload).payload, packet);
          gateway.plane.receive(turned(client.sent[0]!));
          assert.deepEqual(gateway.packets, [packet]);
        }
      }
    }
  }
});

test('over IPv6 the inner UDP checksum is computed over the outer addresses', () => {
  const [client, gateway] = [new End(), new End()];
  join(client, gateway);
  const clientAddress = { address: '2001:db8::2', port: 4500 };
  const gatewayAddress = { address: '2001:db8::1', port: 4500 };
  for (const protection of ['udp', 'esp'] as const) {
    openTunnel(client, gateway, { protection, clientAddress, gatewayAddress, seed: protection.length });
    for (const size of [0, 1, 2, 500, 501]) {
      gateway.plane.fromTun(innerPacket(SERVER, CLIENT, size));
      const keys = toClientKeys(suites.gcm, protection.length);
      const { payload } = espOpen(crypto, suites.gcm, keys, gateway.sent.at(-1)!.bytes)!;
      const pseudo = concat(parseAddress('2001:db8::1')!, parseAddress('2001:db8::2')!);
      assert.notEqual(readUdp(payload).checksum, 0);
      assert.ok(segmentIsRight(payload, pseudo, 17));
      assert.deepEqual(client.packets.at(-1), innerPacket(SERVER, CLIENT, size));
    }
  }
});

test('an SA is replaced under traffic without loss, in the order of a rekey', () => {
  const [client, gateway] = [new End(), new End()];
  join(client, gateway);
  openTunnel(client, gateway);
  let packets = 0;
  const both = () => {
    client.plane.fromTun(innerPacket(CLIENT, SERVER, 50 + packets));
    gateway.plane.fromTun(innerPacket(SERVER, CLIENT, 50 + packets));
    packets++;
    assert.equal(gateway.packets.length, packets);
    assert.equal(client.packets.length, packets);
  };
  both();
  assert.deepEqual(gateway.eventsOf('saUsed'), [], 'the SA that is sent on is no news');
  installPair(client, gateway, 1, suites.cbc, 2);
  both();
  client.plane.post({ type: 'useSa', channel: 1, outboundSpi: toGatewaySpi(2) });
  both();
  both();
  assert.deepEqual(gateway.eventsOf('saUsed'), [{ type: 'saUsed', channel: 1, inboundSpi: toGatewaySpi(2) }]);
  useSas(client, gateway, 1, 2);
  both();
  const late = client.sent[0]!;
  client.plane.post({ type: 'removeSa', inboundSpi: 0x10000001 });
  gateway.plane.post({ type: 'removeSa', inboundSpi: toGatewaySpi(1) });
  both();
  gateway.plane.receive(turned(late));
  assert.equal(gateway.eventsOf('unknownSpi').length, 1);
  gateway.plane.post({ type: 'removeSa', inboundSpi: toGatewaySpi(2) });
  gateway.plane.fromTun(innerPacket(SERVER, CLIENT));
  gateway.plane.tick(0);
  assert.equal(gateway.drops()['no-outbound-sa'], 1);
  assert.equal(client.packets.length, packets, 'nothing is sent in the clear instead');
});

test('the control plane’s messages travel as the channel is protected', () => {
  for (const protection of ['none', 'udp', 'esp'] as const) {
    const [client, gateway] = [new End(), new End()];
    join(client, gateway);
    openTunnel(client, gateway, { protection });
    const bytes = Uint8Array.of(0xc8, 2, 0, 12, 0, 22, 0, 0, 0, 0, 0, 1);
    client.plane.post({ type: 'sendL2tp', channel: 1, bytes });
    const [event] = gateway.eventsOf('l2tp');
    assert.deepEqual(event?.bytes, bytes);
    assert.equal(event?.channel, 1);
    assert.deepEqual(event?.remote, { address: '192.0.2.2', port: protection === 'none' ? 1701 : 4500 });
  }
});

test('a message goes where the peer may be as well, and the channel stays where it is', () => {
  const [client, gateway] = [new End(), new End()];
  openTunnel(client, gateway);
  const bytes = Uint8Array.of(0xc8, 2, 0, 12, 0, 22, 0, 0, 0, 0, 0, 1);
  const elsewhere = { address: '192.0.2.99', port: 1234 };
  gateway.plane.post({ type: 'sendL2tp', channel: 1, bytes, remote: elsewhere });
  gateway.plane.post({ type: 'sendL2tp', channel: 1, bytes });
  assert.deepEqual(
    gateway.sent.map(({ remote }) => remote),
    [elsewhere, { address: '192.0.2.2', port: 4500 }],
  );
});

test('sequence numbers of the control plane’s data messages and of the path are one sequence', () => {
  const client = new End();
  const remote = { address: '192.0.2.1', port: 1701 };
  const ports = { localL2tpPort: 1701, remoteL2tpPort: 1701 };
  const local = { address: '192.0.2.2', port: 1701 };
  client.plane.post({ type: 'openChannel', record: { channel: 1, protection: 'none', local, remote, ...ports } });
  const payload = Uint8Array.of(0xff, 3, 0xc0, 0x21, 9, 1, 0, 4);
  const lcp = (ns: number) => {
    const bytes = l2tpMessage({ control: false, sequence: { ns, nr: 0 }, tunnel: 22, session: 2, payload });
    client.plane.post({ type: 'sendL2tp', channel: 1, bytes });
  };
  const session = {
    ...{ slot: 0, channel: 1, localTunnel: 11, localSession: 1, peerTunnel: 22, peerSession: 2 },
    ...{ sequencing: true, lengthBit: false, sendAddressControl: false, compressProtocol: false },
    ...{ mtuToPeer: 1400, mss: 1360 },
  };
  for (const ns of [65_534, 65_535, 0]) lcp(ns);
  client.plane.post({ type: 'openSession', session });
  client.plane.fromTun(innerPacket(CLIENT, SERVER));
  lcp(1);
  client.plane.fromTun(innerPacket(CLIENT, SERVER));
  client.plane.post({ type: 'openSession', session: { ...session, mtuToPeer: 1300 } });
  client.plane.fromTun(innerPacket(CLIENT, SERVER));
  const numbers = client.sent.map(({ bytes }) => readL2tp(bytes).sequence!.ns);
  assert.deepEqual(numbers, [65_534, 65_535, 0, 1, 2, 3, 4]);
});

test('IKE passes with and without the non-ESP marker, a keepalive says no more than where it came from', () => {
  const [client, gateway] = [new End(), new End()];
  join(client, gateway);
  const bytes = new Uint8Array(40).map((_, i) => i + 1);
  for (const port of [500, 4500]) {
    const local = { address: '192.0.2.2', port };
    const remote = { address: '192.0.2.1', port };
    client.plane.post({ type: 'sendIke', local, remote, bytes });
    assert.equal(client.sent.at(-1)!.bytes.length, port === 500 ? 40 : 44);
    assert.deepEqual(gateway.eventsOf('ike').at(-1), { type: 'ike', local: remote, remote: local, bytes });
    client.plane.post({ type: 'sendKeepalive', local, remote });
    assert.deepEqual(client.sent.at(-1)!.bytes, Uint8Array.of(0xff));
  }
  const at = (address: string) => ({ address, port: 4500 });
  assert.deepEqual(gateway.eventsOf('keepalive'), [
    { type: 'keepalive', local: at('192.0.2.1'), remote: at('192.0.2.2') },
  ]);
  assert.equal(gateway.events.length, 3);
  gateway.plane.tick(0);
  assert.deepEqual(gateway.drops(), {});
});
