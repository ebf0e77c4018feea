import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import {
  COUNTERS_PER_SESSION,
  HEADROOM,
  IKE_MESSAGES_PER_SECOND,
  KEEPALIVE_SPAN,
  KEEPALIVES_PER_SECOND,
  MESSAGES_PER_SECOND,
  newSource,
  PacketPath,
  STRAY_PACKETS_PER_SECOND,
  UNKNOWN_SPIS_PER_SECOND,
} from '../../src/dataplane/index.ts';
import { packetCiphers } from '../../src/esp/index.ts';
import { parseAddress } from '../../src/net/index.ts';
import { ipv4Packet, readIpv4 } from '../net/slow.ts';
import { seededEnvironment } from '../sim/random.ts';
import {
  CLIENT,
  crypto,
  End,
  innerPacket,
  join,
  openTunnel,
  SERVER,
  suites,
  toGatewayKeys,
  toGatewaySpi,
  turned,
} from './ends.ts';
import { espSeal, l2tpMessage, pppFrame, readL2tp, readPpp, udpDatagram } from './slow.ts';

const SEED = 2661;
const remote = { address: '192.0.2.2', port: 4500 };
const local = { address: '192.0.2.1', port: 4500 };

/** A gateway with one protected client, and a way to seal what no honest client sends. */
function gatewayWithForger() {
  const [client, gateway] = [new End(), new End()];
  openTunnel(client, gateway);
  let sequence = 0;
  const keys = toGatewayKeys(suites.gcm, 1);
  const esp = (payload: Uint8Array, nextHeader?: number, number = ++sequence) =>
    gateway.plane.receive({
      protocol: 'udp',
      local,
      remote,
      bytes: espSeal(crypto, suites.gcm, keys, toGatewaySpi(1), number, payload, nextHeader),
    });
  const l2tp = (bytes: Uint8Array) => esp(udpDatagram({ source: 1701, destination: 1701, payload: bytes }));
  const ppp = (frame: Uint8Array) => l2tp(l2tpMessage({ control: false, tunnel: 22, session: 2, payload: frame }));
  return { gateway, esp, l2tp, ppp, ip: (packet: Uint8Array) => ppp(pppFrame(packet)) };
}

function dropsOf(gateway: End): Record<string, number> {
  gateway.plane.tick(1e6);
  return gateway.drops();
}

test('an honest packet of the forger passes', () => {
  const { gateway, ip } = gatewayWithForger();
  ip(innerPacket(CLIENT, SERVER));
  assert.deepEqual(gateway.packets, [innerPacket(CLIENT, SERVER)]);
  assert.deepEqual(dropsOf(gateway), {});
});

test('a spoofed inner source is dropped and counted', () => {
  const { gateway, ip } = gatewayWithForger();
  ip(innerPacket('10.10.10.77', SERVER));
  ip(innerPacket(SERVER, CLIENT));
  assert.deepEqual(gateway.packets, []);
  assert.deepEqual(dropsOf(gateway), { 'inner-source': 2 });
  assert.equal(gateway.counter(0, 'dropped'), 2);
  assert.equal(gateway.counter(0, 'packetsFromPeer'), 0);
  assert.deepEqual(gateway.eventsOf('dropped')[0]?.remote, remote);
});

test('a replayed packet is dropped', () => {
  const [client, gateway] = [new End(), new End()];
  openTunnel(client, gateway);
  for (let i = 0; i < 200; i++) client.plane.fromTun(innerPacket(CLIENT, SERVER, i));
  gateway.plane.receive(turned(client.sent[10]!));
  gateway.plane.receive(turned(client.sent[10]!));
  assert.equal(gateway.packets.length, 1);
  for (const i of [199, 5]) gateway.plane.receive(turned(client.sent[i]!));
  assert.equal(gateway.packets.length, 2, 'one older than the window is not taken either');
  assert.deepEqual(dropsOf(gateway), { replayed: 2 });
});

test('a keepalive is told once a minute and place, and of all places at a bounded rate', () => {
  const gateway = new End();
  const from = (port: number) =>
    gateway.plane.receive({ protocol: 'udp', local, remote: { ...remote, port }, bytes: Uint8Array.of(0xff) });
  for (let i = 0; i < 10; i++) from(4500);
  assert.deepEqual(gateway.eventsOf('keepalive'), [{ type: 'keepalive', local, remote }]);
  for (let port = 10_000; port < 20_000; port++) from(port);
  assert.equal(gateway.eventsOf('keepalive').length, KEEPALIVES_PER_SECOND);
  gateway.plane.tick(5000);
  from(4500);
  from(10_000);
  assert.equal(gateway.eventsOf('keepalive').length, KEEPALIVES_PER_SECOND);
  from(19_999);
  assert.equal(gateway.eventsOf('keepalive').length, KEEPALIVES_PER_SECOND + 1, 'what was not told is told later');
  gateway.plane.tick(KEEPALIVE_SPAN + 5000);
  from(4500);
  assert.equal(gateway.eventsOf('keepalive').length, KEEPALIVES_PER_SECOND + 2);
  assert.deepEqual(gateway.drops(), {});
});

test('a wrong SPI is told once a second and source, and never opened', () => {
  const [client, gateway] = [new End(), new End()];
  openTunnel(client, gateway);
  client.plane.fromTun(innerPacket(CLIENT, SERVER));
  const bytes = client.sent[0]!.bytes.slice();
  bytes[3]! ^= 1;
  for (let i = 0; i < 10; i++) gateway.plane.receive({ protocol: 'udp', local, remote, bytes });
  assert.deepEqual(gateway.eventsOf('unknownSpi'), [
    { type: 'unknownSpi', spi: (toGatewaySpi(1) ^ 1) >>> 0, bytes: bytes.length, local, remote },
  ]);
  gateway.plane.receive({ protocol: 'udp', local, remote: { ...remote, port: 9 }, bytes });
  assert.equal(gateway.eventsOf('unknownSpi').length, 2);
  for (let port = 10_000; port < 20_000; port++) {
    gateway.plane.receive({ protocol: 'udp', local, remote: { ...remote, port }, bytes });
  }
  assert.equal(gateway.eventsOf('unknownSpi').length, UNKNOWN_SPIS_PER_SECOND, 'bounded for all sources together');
  gateway.plane.tick(5000);
  assert.ok(gateway.eventsOf('dropped').length <= 513, 'bounded as well');
  assert.equal(gateway.drops()['unknown-spi'], 10_011);
  gateway.plane.receive({ protocol: 'udp', local, remote, bytes });
  assert.equal(gateway.eventsOf('unknownSpi').length, UNKNOWN_SPIS_PER_SECOND + 1, 'again in the next second');
});

test('drops are told at most once a second, the first at once', () => {
  const { gateway, ip } = gatewayWithForger();
  assert.equal(gateway.plane.deadline, undefined);
  ip(innerPacket(SERVER, CLIENT));
  gateway.plane.tick(5000);
  assert.equal(gateway.eventsOf('dropped').length, 1);
  assert.equal(gateway.plane.deadline, undefined);
  for (let i = 0; i < 3; i++) ip(innerPacket(SERVER, CLIENT));
  assert.equal(gateway.plane.deadline, 6000);
  gateway.plane.tick(5999);
  assert.equal(gateway.eventsOf('dropped').length, 1);
  gateway.plane.tick(6000);
  assert.equal(gateway.eventsOf('dropped')[1]?.count, 3);
});

test('everything between ESP and IP is checked, and named when it does not hold', () => {
  const honest = innerPacket(CLIENT, SERVER);
  const frame = pppFrame(honest);
  const message = l2tpMessage({ control: false, tunnel: 22, session: 2, payload: frame });
  const forger = gatewayWithForger();
  const cases: [code: string, send: () => void][] = [
    ['next-header', () => forger.esp(honest, 4)],
    ['malformed', () => forger.esp(new Uint8Array(7))],
    ['malformed', () => forger.esp(Uint8Array.of(6, 165, 6, 165, 0, 7, 0, 0))],
    ['malformed', () => forger.esp(Uint8Array.of(6, 165, 6, 165, 0, 9, 0, 0))],
    ['inner-port', () => forger.esp(udpDatagram({ source: 1701, destination: 1702, payload: message }))],
    ['malformed', () => forger.l2tp(Uint8Array.of(0, 3, 0, 22, 0, 2, 0, 0x21))],
    [
      'malformed',
      () => forger.l2tp(l2tpMessage({ control: false, length: 9999, tunnel: 22, session: 2, payload: frame })),
    ],
    [
      'malformed',
      () => forger.l2tp(l2tpMessage({ control: false, length: 3, tunnel: 22, session: 2, payload: frame })),
    ],
    ['malformed', () => forger.l2tp(Uint8Array.of(2, 2, 0, 22, 0, 2, 255, 255, 0, 0x21))],
    ['malformed', () => forger.ppp(new Uint8Array(0))],
    ['malformed', () => forger.ppp(Uint8Array.of(0xff, 3, 0))],
    ['inner-malformed', () => forger.ip(honest.subarray(0, 50))],
    ['inner-malformed', () => forger.ip(Uint8Array.from(honest, (byte, i) => (i === 0 ? 0x65 : byte)))],
    ['inner-malformed', () => forger.ip(new Uint8Array(0))],
  ];
  for (const [i, [code, send]] of cases.entries()) {
    const before = forger.gateway.drops()[code] ?? 0;
    send();
    forger.gateway.plane.tick(1e6 * (i + 1));
    assert.equal(forger.gateway.drops()[code], before + 1, `case ${i}`);
  }
  assert.deepEqual(forger.gateway.packets, []);
  assert.deepEqual(forger.gateway.eventsOf('l2tp'), []);
});

test('a dummy packet of next header 59 is discarded without a word', () => {
  const { gateway, esp } = gatewayWithForger();
  esp(new Uint8Array(100), 59);
  assert.deepEqual(gateway.events, []);
  assert.equal(gateway.plane.deadline, undefined);
});

test('padding behind the IP packet is cut off, TFC padding behind UDP too', () => {
  const { gateway, esp, ip } = gatewayWithForger();
  const packet = innerPacket(CLIENT, SERVER, 31);
  ip(Uint8Array.from([...packet, 1, 2, 3]));
  const payload = l2tpMessage({ control: false, tunnel: 22, session: 2, payload: pppFrame(packet) });
  esp(Uint8Array.from([...udpDatagram({ source: 1701, destination: 1701, payload }), ...new Array(64).fill(0)]));
  assert.deepEqual(gateway.packets, [packet, packet]);
});

test('what is not the user’s packet goes up whole; strays and floods are bounded', () => {
  const { gateway, l2tp } = gatewayWithForger();
  const lcp = l2tpMessage({
    control: false,
    length: true,
    tunnel: 22,
    session: 2,
    payload: pppFrame(Uint8Array.of(9, 1, 0, 4), 0xc021),
  });
  const other = l2tpMessage({
    control: false,
    tunnel: 22,
    session: 3,
    payload: pppFrame(Uint8Array.of(1, 1, 0, 4), 0xc021),
  });
  l2tp(lcp);
  l2tp(other);
  assert.deepEqual(
    gateway.eventsOf('l2tp').map((event) => event.bytes),
    [lcp, other],
  );
  assert.equal(gateway.counter(0, 'messagesFromPeer'), 1);
  const stray = l2tpMessage({ control: false, tunnel: 22, session: 3, payload: pppFrame(innerPacket(CLIENT, SERVER)) });
  for (let i = 0; i < 100; i++) l2tp(stray);
  assert.equal(gateway.eventsOf('l2tp').length, 2 + STRAY_PACKETS_PER_SECOND);
  for (let i = 0; i < MESSAGES_PER_SECOND; i++) l2tp(lcp);
  assert.equal(gateway.eventsOf('l2tp').length, MESSAGES_PER_SECOND);
  const drops = dropsOf(gateway);
  assert.equal(drops['session-not-open'], 100 - STRAY_PACKETS_PER_SECOND);
  assert.equal(drops['too-many-messages'], 2 + STRAY_PACKETS_PER_SECOND);
  l2tp(lcp);
  assert.equal(gateway.eventsOf('l2tp').length, MESSAGES_PER_SECOND + 1, 'again in the next second');
});

test('IKE messages of all together are bounded a second', () => {
  const gateway = new End();
  const bytes = new Uint8Array(28).fill(1);
  for (let i = 0; i < IKE_MESSAGES_PER_SECOND + 5; i++) {
    gateway.plane.receive({ protocol: 'udp', local: { ...local, port: 500 }, remote: { ...remote, port: i }, bytes });
  }
  assert.equal(gateway.eventsOf('ike').length, IKE_MESSAGES_PER_SECOND);
  assert.deepEqual(dropsOf(gateway), { 'too-many-messages': 5 });
});

test('unprotected L2TP of a stranger: control goes up without a channel, data is dropped', () => {
  const gateway = new End();
  const from = { protocol: 'udp', local: { ...local, port: 1701 }, remote: { ...remote, port: 50_000 } } as const;
  const sccrq = l2tpMessage({ control: true, length: true, tunnel: 0, session: 0, payload: Uint8Array.of(0, 0, 0, 0) });
  gateway.plane.receive({ ...from, bytes: sccrq });
  gateway.plane.receive({
    ...from,
    bytes: l2tpMessage({ control: false, tunnel: 22, session: 2, payload: pppFrame(innerPacket(CLIENT, SERVER)) }),
  });
  gateway.plane.receive({ ...from, bytes: Uint8Array.of(1, 2, 3) });
  assert.deepEqual(gateway.eventsOf('l2tp'), [
    { type: 'l2tp', channel: undefined, local: from.local, remote: from.remote, bytes: sccrq },
  ]);
  assert.deepEqual(dropsOf(gateway), { 'unknown-peer': 1, malformed: 1 });
});

test('a session is its channel’s: unprotected L2TP with the right ids does not reach it', () => {
  const [client, gateway] = [new End(), new End()];
  openTunnel(client, gateway);
  const payload = pppFrame(innerPacket(CLIENT, SERVER));
  const bytes = l2tpMessage({ control: false, tunnel: 22, session: 2, payload });
  gateway.plane.receive({ protocol: 'udp', local: { ...local, port: 1701 }, remote: { ...remote, port: 1701 }, bytes });
  assert.deepEqual(gateway.packets, []);
});

test('L2TP and PPP headers of every form are read as the slow reader does, on random bytes too', () => {
  const message = fc.record({
    control: fc.constant(false),
    length: fc.oneof(fc.boolean(), fc.nat(80)),
    sequence: fc.option(fc.record({ ns: fc.nat(65_535), nr: fc.nat(65_535) }), { nil: undefined }),
    offset: fc.option(fc.nat(40), { nil: undefined }),
    tunnel: fc.constant(22),
    session: fc.constant(2),
    payload: fc.oneof(
      fc
        .tuple(fc.nat(40), fc.boolean(), fc.boolean(), fc.constantFrom(0x21, 0x57, 0xc021))
        .map(([size, acfc, pfc, protocol]) =>
          pppFrame(innerPacket(CLIENT, SERVER, size), protocol, !acfc, pfc && protocol < 256),
        ),
      fc.uint8Array({ maxLength: 60 }),
    ),
  });
  const property = fc.property(message, fc.nat(200), (fields, cut) => {
    const { gateway, l2tp } = gatewayWithForger();
    const whole = l2tpMessage(fields as Parameters<typeof l2tpMessage>[0]);
    const bytes = whole.subarray(0, Math.max(0, whole.length - Math.max(0, cut - 150)));
    l2tp(bytes);
    const expected = slowVerdict(bytes);
    assert.deepEqual(gateway.packets, expected.packet ? [expected.packet] : []);
    assert.deepEqual(
      gateway.eventsOf('l2tp').map((event) => event.bytes),
      expected.up ? [bytes] : [],
    );
  });
  fc.assert(property, { seed: SEED, numRuns: 300 });
});

/** What must become of an L2TP data message of the forger. */
function slowVerdict(bytes: Uint8Array): { packet?: Uint8Array; up?: boolean } {
  try {
    const frame = readPpp(readL2tp(bytes).payload);
    if (frame.protocol !== 0x21) return { up: true };
    const ip = readIpv4(frame.payload);
    const header = 20 + ip.options.length;
    if (frame.payload[0]! >> 4 !== 4 || header < 20) return {};
    if (Buffer.compare(ip.source, parseAddress(CLIENT)!) !== 0) return {};
    return { packet: frame.payload.slice(0, header + ip.payload.length) };
  } catch {
    return {};
  }
}

test('flipped bits, cut and random datagrams are refused without harm, and honest traffic goes on', () => {
  const [client, gateway] = [new End(), new End()];
  openTunnel(client, gateway);
  client.plane.fromTun(innerPacket(CLIENT, SERVER));
  const { bytes } = client.sent[0]!;
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = bytes.slice();
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    gateway.plane.receive({ protocol: 'udp', local, remote, bytes: flipped });
  }
  for (let length = 0; length < bytes.length; length++) {
    gateway.plane.receive({ protocol: 'udp', local, remote, bytes: bytes.subarray(0, length) });
    gateway.plane.receive({ protocol: 'esp', local, remote, bytes: bytes.subarray(0, length) });
  }
  const property = fc.property(
    fc.uint8Array({ maxLength: 200 }),
    fc.constantFrom(500, 1701, 4500, 0),
    (random, port) => {
      const protocol = port === 0 ? 'esp' : 'udp';
      gateway.plane.receive({ protocol, local: { ...local, port }, remote, bytes: random });
      gateway.plane.fromTun(random);
      gateway.plane.tick(0);
    },
  );
  fc.assert(property, { seed: SEED, numRuns: 500 });
  assert.deepEqual(gateway.packets, []);
  gateway.plane.receive(turned(client.sent[0]!));
  assert.deepEqual(gateway.packets, [innerPacket(CLIENT, SERVER)]);
});

test('random authentic contents are refused without harm', () => {
  const { gateway, esp, l2tp, ppp } = gatewayWithForger();
  const property = fc.property(fc.uint8Array({ maxLength: 120 }), fc.constantFrom(esp, l2tp, ppp), (bytes, send) => {
    send(bytes);
    gateway.plane.tick(0);
  });
  fc.assert(property, { seed: SEED, numRuns: 500 });
  assert.deepEqual(gateway.packets, []);
});

test('only the packet’s own bytes are written, whatever stands around it', () => {
  const outputs: { bytes: Uint8Array; at: number; length: number }[] = [];
  const take = (bytes: Uint8Array, at: number, length: number) => void outputs.push({ bytes, at, length });
  const path = new PacketPath(
    {
      sendUdp: (_, __, ...rest) => take(...rest),
      sendEsp: (_, ...rest) => take(...rest),
      writeTun: take,
      event: () => {},
    },
    {
      counters: new Float64Array(2 * COUNTERS_PER_SESSION),
      newCipher: packetCiphers(crypto),
      environment: seededEnvironment(3),
      clientToClient: true,
    },
  );
  const [client, gateway] = [new End(), new End()];
  openTunnel(client, gateway);
  const keys = toGatewayKeys(suites.cbc, 5);
  const suite = suites.cbc;
  path.command({
    type: 'openChannel',
    record: { channel: 1, protection: 'udp', local, remote, localL2tpPort: 1701, remoteL2tpPort: 1701 },
  });
  path.command({
    type: 'installSa',
    record: {
      channel: 1,
      inboundSpi: 5000,
      outboundSpi: 6000,
      mode: 'transport',
      suite,
      inboundKeys: keys,
      outboundKeys: keys,
      replayWindow: 64,
    },
  });
  path.command({ type: 'useSa', channel: 1, outboundSpi: 6000 });
  const common = {
    channel: 1,
    sequencing: true,
    lengthBit: true,
    sendAddressControl: true,
    compressProtocol: false,
    mtuToPeer: 600,
    mss: 560,
  };
  path.command({
    type: 'openSession',
    session: {
      ...common,
      slot: 0,
      localTunnel: 22,
      localSession: 2,
      peerTunnel: 11,
      peerSession: 1,
      peerAddress: CLIENT,
    },
  });
  path.command({
    type: 'openSession',
    session: {
      ...common,
      slot: 1,
      localTunnel: 22,
      localSession: 4,
      peerTunnel: 11,
      peerSession: 3,
      peerAddress: '10.10.10.3',
    },
  });
  const source = newSource();
  source.remote.set(parseAddress(remote.address)!);
  source.local.set(parseAddress(local.address)!);
  source.remotePort = 4500;
  source.localPort = 4500;
  let sequence = 0;
  for (const packet of [
    innerPacket(CLIENT, SERVER),
    innerPacket(CLIENT, '10.10.10.3'),
    innerPacket(CLIENT, '10.10.10.3', 700),
    innerPacket(CLIENT, '10.10.10.3', 700, { flags: 2 }),
  ]) {
    const payload = l2tpMessage({ control: false, tunnel: 22, session: 2, payload: pppFrame(packet) });
    const esp = espSeal(
      crypto,
      suite,
      keys,
      5000,
      ++sequence,
      udpDatagram({ source: 1701, destination: 1701, payload }),
    );
    const buffer = new Uint8Array(2000).fill(0xee);
    buffer.set(esp, 500);
    path.fromUdp('natT', buffer, 500, esp.length, source);
    assert.ok(buffer.subarray(0, 500).every((byte) => byte === 0xee));
    assert.ok(buffer.subarray(500 + esp.length).every((byte) => byte === 0xee));
  }
  assert.equal(outputs.length, 1 + 1 + 2 + 1);
  for (const size of [50, 700]) {
    const packet = ipv4Packet({
      source: parseAddress(SERVER)!,
      destination: parseAddress(CLIENT)!,
      payload: new Uint8Array(size),
    });
    const buffer = new Uint8Array(2000).fill(0xee);
    buffer.set(packet, 500);
    path.fromTun(buffer, 500, packet.length);
    assert.ok(buffer.subarray(0, 500 - HEADROOM).every((byte) => byte === 0xee));
    assert.ok(buffer.subarray(500 + packet.length + 64).every((byte) => byte === 0xee));
    const tight = packet.slice();
    path.fromTun(tight, 0, tight.length);
    assert.deepEqual(tight, packet, 'without rooms the packet is copied');
  }
});

test('records that no control plane may send are refused with a RangeError', () => {
  const { plane } = new End({ slots: 1 });
  const record = { channel: 1, protection: 'none', local, remote, localL2tpPort: 1701, remoteL2tpPort: 1701 } as const;
  assert.throws(
    () => plane.post({ type: 'openChannel', record: { ...record, remote: { address: 'x', port: 1 } } }),
    RangeError,
  );
  assert.throws(
    () => plane.post({ type: 'openChannel', record: { ...record, remote: { address: '::1', port: 1 } } }),
    RangeError,
  );
  plane.post({ type: 'openChannel', record });
  const session = {
    slot: 1,
    channel: 1,
    localTunnel: 1,
    localSession: 1,
    peerTunnel: 1,
    peerSession: 1,
    sequencing: false,
    lengthBit: false,
    sendAddressControl: false,
    compressProtocol: false,
    mtuToPeer: 1400,
    mss: 1360,
  };
  assert.throws(() => plane.post({ type: 'openSession', session }), RangeError);
  assert.throws(
    () => plane.post({ type: 'openSession', session: { ...session, slot: 0, peerAddress: '1.2.3' } }),
    RangeError,
  );
});

test('a closed channel takes its SAs and sessions with it', () => {
  const [client, gateway] = [new End(), new End()];
  join(client, gateway);
  openTunnel(client, gateway);
  gateway.plane.post({ type: 'closeChannel', channel: 1 });
  client.plane.fromTun(innerPacket(CLIENT, SERVER));
  gateway.plane.fromTun(innerPacket(SERVER, CLIENT));
  assert.deepEqual(gateway.packets, []);
  assert.deepEqual(client.packets, []);
  assert.deepEqual(dropsOf(gateway), { 'unknown-spi': 1, 'no-session': 1 });
  openTunnel(client, gateway, { seed: 2 });
  client.plane.fromTun(innerPacket(CLIENT, SERVER));
  assert.equal(gateway.packets.length, 1);
});
