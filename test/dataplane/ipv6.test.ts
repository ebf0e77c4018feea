/** IPv6 inside L2TP and tunnel mode: sources, lookups, scopes, sizes. RFC 5072, RFC 4291, RFC 4443, RFC 8200. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { parseIpv6 } from '../../src/net/index.ts';
import { concat } from '../../src/wire/index.ts';
import { ipv6Packet, readIpv6, segmentIsRight, slowChecksum, tcpSegment } from '../net/slow.ts';
import {
  CLIENT,
  CLIENT6,
  End,
  innerPacket,
  innerPacket6,
  join,
  OTHER_CLIENT,
  OTHER_CLIENT6,
  openTunnel,
  SERVER,
  SERVER6,
  turned,
} from './ends.ts';
import { readL2tp, readPpp } from './slow.ts';

const inner = { peerAddress: CLIENT, mtuToPeer: 1400, mss: 1360 };

/** IPV6CP has opened on both ends. */
function openIpv6(client: End, gateway: End, prefix = '2001:db8:10::/64', slot = 0, peerAddress = CLIENT): void {
  client.plane.post({ type: 'changeSession', slot, inner: { mtuToPeer: 1400, mss: 1360, ipv6: true } });
  gateway.plane.post({ type: 'changeSession', slot, inner: { ...inner, peerAddress, peerPrefixes: [prefix] } });
}

function pair(options: ConstructorParameters<typeof End>[0] = {}) {
  const [client, gateway] = [new End(), new End(options)];
  openTunnel(client, gateway);
  join(client, gateway);
  openIpv6(client, gateway);
  return { client, gateway };
}

const dropsOf = (end: End) => {
  end.plane.tick(1e6);
  return end.drops();
};

test('packets cross both ways beside IPv4, as PPP protocol 0057', () => {
  const { client, gateway } = pair();
  const up = [innerPacket6(CLIENT6, SERVER6), innerPacket(CLIENT, SERVER)];
  for (const packet of up) client.plane.fromTun(packet);
  assert.deepEqual(gateway.packets, up);
  const down = innerPacket6(SERVER6, '2001:db8:10::dead:beef');
  gateway.plane.fromTun(down);
  assert.deepEqual(client.packets, [down]);
  assert.equal(gateway.counter(0, 'packetsFromPeer'), 2);
});

test('unprotected, the frame is what a plain reading gives, with a compressed protocol field too', () => {
  for (const compressProtocol of [true, false]) {
    const [client, gateway] = [new End(), new End()];
    openTunnel(client, gateway, { protection: 'none', session: { compressProtocol, ipv6: true } });
    const packet = innerPacket6(CLIENT6, SERVER6);
    client.plane.fromTun(packet);
    const { protocol, payload } = readPpp(readL2tp(client.sent[0]!.bytes).payload);
    assert.equal(protocol, 0x57);
    assert.deepEqual(payload, packet);
  }
});

test('before IPv6 is open nothing of it passes: what the peer sends goes up, as a protocol to be rejected', () => {
  const [client, gateway] = [new End(), new End()];
  openTunnel(client, gateway, { session: { ipv6: true } });
  join(client, gateway);
  gateway.plane.post({ type: 'changeSession', slot: 0, inner });
  client.plane.fromTun(innerPacket6(CLIENT6, SERVER6));
  assert.equal(gateway.eventsOf('l2tp').length, 1);
  gateway.plane.fromTun(innerPacket6(SERVER6, CLIENT6));
  assert.deepEqual(gateway.packets, []);
  assert.deepEqual(dropsOf(gateway), { 'no-session': 1 });
  client.plane.post({ type: 'changeSession', slot: 0, inner: { mtuToPeer: 1400, mss: 1360 } });
  client.plane.fromTun(innerPacket6(CLIENT6, SERVER6));
  assert.deepEqual(dropsOf(client), { 'session-not-open': 1 });
});

test('the source must lie in the session’s prefixes', () => {
  const { client, gateway } = pair();
  for (const source of ['2001:db8:11::2', '2001:db8:10:1::2', SERVER6])
    client.plane.fromTun(innerPacket6(source, SERVER6));
  assert.deepEqual(gateway.packets, []);
  assert.deepEqual(dropsOf(gateway), { 'inner-source': 3 });
});

test('what belongs to the link alone stays there; neighbor discovery goes up, whole and verified', () => {
  const { client, gateway } = pair();
  const solicitation = (break_ = 0) => {
    const payload = Uint8Array.of(133, 0, 0, 0, 0, 0, 0, 0);
    const [source, destination] = [parseIpv6('fe80::2')!, parseIpv6('ff02::2')!];
    const sum = slowChecksum(concat(source, destination, Uint8Array.of(0, 58, 0, 8), payload)) ^ break_;
    payload.set([sum >> 8, sum & 255], 2);
    return ipv6Packet({ source, destination, nextHeader: 58, hopLimit: 255, payload });
  };
  // The client's kernel says such things too: its packets are no business of the tunnel.
  client.plane.fromTun(solicitation());
  assert.deepEqual(client.sent, []);
  const send = (bytes: Uint8Array) => client.plane.post({ type: 'sendPacket', slot: 0, bytes });
  send(solicitation());
  assert.deepEqual(gateway.eventsOf('neighborDiscovery'), [
    { type: 'neighborDiscovery', slot: 0, bytes: solicitation() },
  ]);
  send(solicitation(1));
  send(innerPacket6('fe80::2', 'ff02::fb'));
  send(innerPacket6('fe80::2', SERVER6));
  send(innerPacket6(CLIENT6, 'ff0e::1'));
  send(innerPacket6(CLIENT6, 'fe80::1'));
  send(innerPacket6('::', SERVER6));
  send(innerPacket6('::1', SERVER6));
  send(innerPacket6(CLIENT6, '::1'));
  assert.equal(gateway.eventsOf('neighborDiscovery').length, 1);
  assert.deepEqual(gateway.packets, []);
  assert.deepEqual(dropsOf(gateway), { 'inner-malformed': 1, 'link-scope': 7 });
});

test('too big is answered by packet too big, from the gateway into a tunnel, and never fragmented', () => {
  const gateway = new End({ clientToClient: true });
  const [one, other] = [new End(), new End()];
  openTunnel(one, gateway, { slot: 0, channel: 1, seed: 1 });
  openTunnel(other, gateway, {
    ...{ slot: 1, channel: 2, seed: 2, inner: OTHER_CLIENT, clientAddress: { address: '192.0.2.3', port: 4500 } },
  });
  one.wire = other.wire = (datagram) => gateway.plane.receive(turned(datagram));
  gateway.wire = (datagram) => (datagram.remote.address === '192.0.2.3' ? other : one).plane.receive(turned(datagram));
  openIpv6(one, gateway);
  openIpv6(other, gateway, '2001:db8:11::/64', 1, OTHER_CLIENT);
  gateway.plane.post({
    type: 'changeSession',
    slot: 1,
    inner: { ...inner, peerAddress: OTHER_CLIENT, peerPrefixes: ['2001:db8:11::/64'], mtuToPeer: 1300 },
  });
  gateway.plane.post({ type: 'configure', clientToClient: true, localAddress6: '2001:db8::1' });
  one.plane.fromTun(innerPacket6(CLIENT6, OTHER_CLIENT6, 1300));
  assert.deepEqual(other.packets, []);
  const { source, destination, payload, nextHeader } = readIpv6(one.packets[0]!);
  assert.deepEqual([source, destination, nextHeader], [parseIpv6('2001:db8::1'), parseIpv6(CLIENT6), 58]);
  assert.deepEqual([payload[0], (payload[6]! << 8) | payload[7]!], [2, 1300]);
  assert.ok(segmentIsRight(payload, concat(source, destination), 58));
  one.plane.fromTun(innerPacket6(CLIENT6, OTHER_CLIENT6, 1260));
  assert.equal(readIpv6(other.packets[0]!).hopLimit, 63);
  one.plane.fromTun(innerPacket6(CLIENT6, OTHER_CLIENT6, 100, { hopLimit: 1 }));
  assert.equal(readIpv6(one.packets[1]!).payload[0], 3);
  // An address of its own prefix that it does not have would come back for ever.
  one.plane.fromTun(innerPacket6(CLIENT6, '2001:db8:10::77'));
  assert.deepEqual([...readIpv6(one.packets[2]!).payload.subarray(0, 2)], [1, 3]);
});

test('no MTU below 1280 is told: the outer packet is fragmented rather', () => {
  const { gateway } = pair();
  gateway.plane.post({
    type: 'changeSession',
    slot: 0,
    inner: { ...inner, mtuToPeer: 1000, peerPrefixes: ['2001:db8:10::/64'] },
  });
  gateway.plane.fromTun(innerPacket6(SERVER6, CLIENT6, 1240));
  assert.equal(gateway.sent.length, 1);
  gateway.plane.fromTun(innerPacket6(SERVER6, CLIENT6, 1241));
  assert.equal(gateway.sent.length, 1);
  const { payload } = readIpv6(gateway.packets[0]!);
  assert.equal((payload[6]! << 8) | payload[7]!, 1280);
});

test('traffic between clients that is forbidden is answered so', () => {
  const { client, gateway } = pair();
  const other = new End();
  openTunnel(other, gateway, {
    ...{ slot: 1, channel: 2, seed: 2, inner: OTHER_CLIENT, clientAddress: { address: '192.0.2.3', port: 4500 } },
  });
  openIpv6(other, gateway, '2001:db8:11::/64', 1, OTHER_CLIENT);
  client.plane.fromTun(innerPacket6(CLIENT6, OTHER_CLIENT6));
  assert.deepEqual([...readIpv6(client.packets[0]!).payload.subarray(0, 2)], [1, 1]);
  assert.deepEqual(dropsOf(gateway), { 'client-to-client': 1 });
});

test('MSS of IPv6 is 20 less, in both directions', () => {
  const { client, gateway } = pair();
  const [a, b] = [parseIpv6(CLIENT6)!, parseIpv6(SERVER6)!];
  const syn = (source: Uint8Array, destination: Uint8Array) =>
    ipv6Packet({
      source,
      destination,
      nextHeader: 6,
      payload: tcpSegment(Uint8Array.of(2, 4, 0x05, 0xb4), 2, new Uint8Array(0), concat(source, destination)),
    });
  client.plane.fromTun(syn(a, b));
  gateway.plane.fromTun(syn(b, a));
  for (const packet of [gateway.packets[0]!, client.packets[0]!]) {
    const { payload, source, destination } = readIpv6(packet);
    assert.equal((payload[22]! << 8) | payload[23]!, 1340);
    assert.ok(segmentIsRight(payload, concat(source, destination)));
  }
});

test('thousands of prefixes, each to its session; a prefix goes the newer way and is free when its session ends', () => {
  const gateway = new End({ slots: 3000 });
  const client = new End();
  openTunnel(client, gateway);
  for (let i = 1; i < 2000; i++) {
    gateway.plane.post({
      type: 'openTunnelSession',
      session: { slot: i, channel: 1, mtuToPeer: 1400, mss: 1360, peerPrefixes: [`2001:db8:${i.toString(16)}::/64`] },
    });
    // One a channel: the one before is closed, and its prefix with it.
    if (i > 1) gateway.plane.fromTun(innerPacket6(SERVER6, `2001:db8:${(i - 1).toString(16)}::5`));
  }
  assert.equal(dropsOf(gateway)['no-session'], 1998);
  gateway.plane.fromTun(innerPacket6(SERVER6, '2001:db8:7cf::5'));
  assert.equal(gateway.counter(1999, 'packetsToPeer') + gateway.counter(1999, 'dropped'), 1);
});
