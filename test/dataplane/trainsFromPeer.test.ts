/**
 * Datagrams that came as one against a path that is given each and remembers nothing of the one before: the same packets
 * for the TUN device, answers, counters and events, whatever stands between plain packets.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { DataPlaneCommand, InnerPath, SessionParameters } from '../../src/dataplane/index.ts';
import { type EspSuite, espGeometry, type PacketCipher } from '../../src/esp/index.ts';
import { fromHex, Writer } from '../../src/wire/index.ts';
import { newCipher as slow } from '../esp/fixtures.ts';
import { ipv4Packet } from '../net/slow.ts';
import {
  CLIENT,
  CLIENT6,
  innerPacket,
  innerPacket6,
  OTHER_CLIENT,
  OTHER_CLIENT6,
  openNativeTunnel,
  openTunnel,
  SERVER,
  SERVER6,
  suites,
  toGatewayKeys,
  toGatewaySpi,
} from './ends.ts';
import { type Datagram, mustAgree, Recorded } from './recorded.ts';
import { l2tpMessage, pppFrame, udpDatagram } from './slow.ts';

const LCP = 0xc021;
const IPCP = 0x8021;
const MAGIC = 0xa1b2c3d4;
/** Of the encrypted part of what can be so long: padding makes it up. */
const USUAL_BYTES = 384;

const plain = {
  channel: 1,
  /** Next header; 0 for what the way carries. */
  next: 0,
  session: 2,
  kind: 'ipv4',
  length: true as boolean | number,
  ns: -1,
  offset: -1,
  addressControl: true,
  compress: false,
  ports: [1701, 1701] as readonly [number, number],
  udpMore: 0,
  from: CLIENT,
  to: SERVER,
  size: 200,
  shape: 'udp',
  ipMore: 0,
  /** What happens to the sealed packet. */
  fate: 'sent',
  spi: 0,
};
type Message = typeof plain;

/** What is not plain of one message. */
const anyDifference: fc.Arbitrary<Partial<Message>> = fc.oneof(
  fc.constantFrom<Partial<Message>>(
    { channel: 2, from: '10.10.10.4' },
    { channel: 2 },
    { next: 59 },
    { next: 6 },
    { next: 41 },
    { session: 3, from: OTHER_CLIENT },
    { session: 3 },
    { session: 9 },
    { kind: 'ipv6' },
    { kind: 'ipv6', session: 3 },
    { kind: 'echo' },
    { kind: 'ipcp' },
    { kind: 'control' },
    { length: false },
    { length: 100 },
    { length: 3000 },
    { offset: 0 },
    { offset: 3 },
    { addressControl: false },
    { compress: true },
    { addressControl: false, compress: true },
    { ports: [1702, 1701] },
    { ports: [1701, 1702] },
    { udpMore: -3 },
    { udpMore: 3 },
    { udpMore: -500 },
    { from: '10.10.10.9' },
    { to: OTHER_CLIENT },
    { to: '198.51.100.10' },
    { shape: 'syn' },
    { shape: 'syn ack' },
    { shape: 'options' },
    { shape: 'few' },
    { ipMore: -4 },
    { ipMore: 4 },
    { ipMore: -190 },
    { fate: 'altered' },
    { fate: 'altered' },
    { fate: 'again' },
    { fate: 'again' },
    { spi: 0x77777777 },
    { fate: 'ike' },
  ),
  fc.nat(5).map((ns) => ({ ns })),
  fc.integer({ min: 140, max: 240 }).map((size) => ({ size })),
  // Too long to be padded to what is usual, or cut off.
  fc.constantFrom({ size: 600 }, { size: 2 }),
);

const inner: InnerPath = { mtuToPeer: 1400, mss: 1360 };
const ofClient: InnerPath = { ...inner, peerAddress: CLIENT, peerPrefixes: [`${CLIENT6}/128`] };

const anyCommand = fc.constantFrom<DataPlaneCommand>(
  { type: 'closeSession', slot: 0 },
  { type: 'closeSession', slot: 1 },
  { type: 'changeSession', slot: 0, inner: { ...inner, peerAddress: '10.10.10.9' } },
  { type: 'changeSession', slot: 0, inner: { ...ofClient, limitFromPeer: { bitsPerSecond: 8000, burstBytes: 2000 } } },
  { type: 'changeSession', slot: 0, inner: ofClient },
  { type: 'changeSession', slot: 1, inner: { ...inner, peerAddress: SERVER } },
  { type: 'openSession', session: sessionOf(0, 1, 3) },
  { type: 'removeSa', inboundSpi: toGatewaySpi(1) },
  { type: 'configure', clientToClient: false, localAddress: '10.10.10.1' },
);

const anyStep = fc.record({
  messages: fc.array(fc.oneof({ weight: 3, arbitrary: fc.constant({}) }, { weight: 2, arbitrary: anyDifference }), {
    minLength: 1,
    maxLength: 24,
  }),
  port: fc.constantFrom(4500, 4500, 4500, 4600),
  tos: fc.constantFrom(0, 0, 1, 3),
  socket: fc.constantFrom<Datagram['socket'][]>('natT', 'natT', 'natT', 'natT', 'natT', 'natT', 'ike', 'l2tp'),
  command: fc.option(anyCommand, { freq: 4 }),
  time: fc.constantFrom(0, 0, 7, 1000),
});

const ways: readonly (Partial<Message> & { name: string; suite: EspSuite; isTunnel?: boolean; how?: object })[] = [
  { name: 'L2TP', suite: suites.gcm },
  { name: 'L2TP without length', suite: suites.gcm, length: false },
  { name: 'L2TP with compressed PPP', suite: suites.gcm, length: false, addressControl: false, compress: true },
  { name: 'L2TP with half of PPP compressed', suite: suites.gcm, compress: true },
  { name: 'L2TP that carries IPv6', suite: suites.gcm, kind: 'ipv6' },
  { name: 'L2TP in AES-CBC', suite: suites.cbc },
  { name: 'L2TP of whoever it may be', suite: suites.gcm, how: { peerAddress: undefined, peerPrefixes: undefined } },
  { name: 'tunnel mode', suite: suites.gcm, isTunnel: true },
  { name: 'tunnel mode held to addresses', suite: suites.gcm, isTunnel: true, how: { remoteSelectors: [selector()] } },
];

for (const [i, { name, suite, isTunnel = false, how = {}, ...usual }] of ways.entries()) {
  test(`${name}: datagrams that came as one are taken as each of them is`, () => {
    let written = 0;
    fc.assert(
      fc.property(fc.array(anyStep, { minLength: 1, maxLength: 4 }), (steps) => {
        const wire = new Wire(suite, isTunnel);
        const rounds = steps.map(({ messages, ...step }) => ({
          ...step,
          trains: trainsOf(messages.map((message) => wire.datagram({ ...plain, ...usual, ...message }))),
        }));
        const paths = [new Recorded('trains'), new Recorded('singly')] as const;
        for (const path of paths) {
          open(path, suite, isTunnel, how);
          let now = 1000;
          for (const { trains, command, time, ...from } of rounds) {
            for (const train of trains) path.fromUdp(train.map((bytes): Datagram => ({ bytes, ...from })));
            if (command !== null && !(isTunnel && command.type === 'openSession')) path.path.command(command);
            now += time;
            path.tick(now);
          }
          path.tick(now + 5000);
        }
        mustAgree(...paths);
        written += paths[0].tun.length;
      }),
      { seed: 3193 + i, numRuns: 20 },
    );
    assert.ok(written > 100, `${written} packets reached the TUN device`);
  });
}

/** The client's side, by the book. */
class Wire {
  readonly #suite: EspSuite;
  readonly #isTunnel: boolean;
  readonly #ciphers: readonly PacketCipher[];
  readonly #sequences = [0, 0];
  readonly #made: Uint8Array[] = [];

  constructor(suite: EspSuite, isTunnel: boolean) {
    this.#suite = suite;
    this.#isTunnel = isTunnel;
    this.#ciphers = [1, 2].map((seed) => slow(suite, toGatewayKeys(suite, seed), espGeometry(suite)));
  }

  datagram(message: Message): Uint8Array {
    const { fate, kind } = message;
    const before = this.#made.at(-1 - (message.size % 7));
    if (fate === 'again' && before !== undefined) return before;
    const packet = fate === 'ike' ? new Uint8Array(USUAL_BYTES).fill(7, 4) : this.#sealed(message);
    if (fate === 'altered') packet[packet.length - 30]! ^= 4;
    if (kind === 'ipv4') this.#made.push(packet);
    return packet;
  }

  #sealed(message: Message): Uint8Array {
    const { prefixBytes, ivBytes, icvBytes, alignment } = espGeometry(this.#suite);
    const at = message.channel - 1;
    const payload = this.#isTunnel ? innerOf(message) : l2tpOf(message);
    const natural = Math.ceil((payload.length + 2) / alignment) * alignment;
    const isUsual = natural <= USUAL_BYTES && USUAL_BYTES - payload.length - 2 < 256 && message.size !== 2;
    const padding = (isUsual ? USUAL_BYTES : natural) - payload.length - 2;
    this.#sequences[at]!++;
    const usual = this.#isTunnel ? (message.kind === 'ipv6' ? 41 : 4) : 17;
    const packet = new Writer()
      .u32(message.spi || toGatewaySpi(message.channel))
      .u32(this.#sequences[at]!)
      .zeros(ivBytes - 4)
      .u32(this.#sequences[at]!)
      .bytes(payload)
      .bytes(Uint8Array.from({ length: padding }, (_, i) => i + 1))
      .u8(padding)
      .u8(message.next || usual)
      .zeros(icvBytes)
      .finish();
    assert.equal((packet.length - prefixBytes - icvBytes) % alignment, 0);
    this.#ciphers[at]!.seal(packet, 0, packet.length - icvBytes);
    return packet;
  }
}

function l2tpOf(message: Message): Uint8Array {
  const { kind, session, length, ns, offset, addressControl, compress, ports, udpMore } = message;
  const [protocol, packet] =
    kind === 'echo'
      ? [LCP, fromHex('0907000c 00000001 01020304')]
      : kind === 'ipcp'
        ? [IPCP, fromHex('01010004')]
        : [kind === 'ipv6' ? 0x57 : 0x21, innerOf(message)];
  const control = kind === 'control';
  const l2tp = l2tpMessage({
    ...{ control, length: control || length, tunnel: 22, session },
    ...(control || ns >= 0 ? { sequence: { ns: Math.max(0, ns), nr: 0 } } : {}),
    ...(offset < 0 || control ? {} : { offset }),
    payload: control ? new Uint8Array(200) : pppFrame(packet, protocol, addressControl, compress && protocol < 256),
  });
  const udp = udpDatagram({ source: ports[0], destination: ports[1], payload: l2tp });
  new DataView(udp.buffer, udp.byteOffset).setUint16(4, udp.length + udpMore);
  return udp;
}

function innerOf({ kind, from, to, size, shape, ipMore, session }: Message): Uint8Array {
  if (kind === 'ipv6') return innerPacket6(session === 3 ? OTHER_CLIENT6 : CLIENT6, SERVER6, Math.max(0, size - 20));
  const packet = innerPacket(from, to, size);
  const [source, destination] = [packet.slice(12, 16), packet.slice(16, 20)];
  // TCP whose MSS of 1460 is clamped.
  const flags = shape === 'syn' ? '6002' : '6012';
  const tcp = new Writer().bytes(fromHex(`03e80050 00000001 00000000 ${flags} ffff 0000 0000 020405b4`)).zeros(176);
  const made = shape.startsWith('syn')
    ? ipv4Packet({ source, destination, protocol: 6, payload: tcp.finish() })
    : shape === 'options'
      ? ipv4Packet({ source, destination, options: fromHex('01010101'), payload: new Uint8Array(size) })
      : shape === 'few'
        ? packet.slice(0, 20)
        : packet;
  new DataView(made.buffer, made.byteOffset).setUint16(2, made.length + ipMore);
  return made;
}

/** As the kernel joins what came: all of a train are equally long but the last, which may be shorter. */
function trainsOf(datagrams: readonly Uint8Array[]): Uint8Array[][] {
  const trains: Uint8Array[][] = [];
  let isOpen = false;
  for (const datagram of datagrams) {
    const train = trains.at(-1);
    const each = train?.[0]?.length ?? 0;
    if (train === undefined || !isOpen || datagram.length > each) trains.push([datagram]);
    else train.push(datagram);
    isOpen = train === undefined || !isOpen || datagram.length >= each;
  }
  return trains;
}

function sessionOf(
  slot: number,
  channel: number,
  id: number,
  more: Partial<SessionParameters> = {},
): SessionParameters {
  return {
    ...{ slot, channel, localTunnel: 22, localSession: id, peerTunnel: 11, peerSession: id },
    ...{ sequencing: false, lengthBit: true, sendAddressControl: true, compressProtocol: false },
    ...ofClient,
    ...more,
  };
}

function selector() {
  return { first: CLIENT, last: '10.10.10.255', protocol: 0, firstPort: 0, lastPort: 0xffff };
}

/** Two clients, the first with two sessions over L2TP, as the gateway has them. */
function open(gateway: Recorded, suite: EspSuite, isTunnel: boolean, how: object): void {
  const client = { plane: { post: () => undefined } };
  const second = { suite, channel: 2, slot: 2, seed: 2, clientAddress: { address: '192.0.2.3', port: 4500 } };
  if (isTunnel) {
    openNativeTunnel(client, gateway, { suite, inner6: `${CLIENT6}/128`, session: how });
    openNativeTunnel(client, gateway, { ...second, inner: '10.10.10.4' });
    return;
  }
  openTunnel(client, gateway, { suite });
  openTunnel(client, gateway, { ...second, inner: '10.10.10.4' });
  gateway.path.command({ type: 'openSession', session: { ...sessionOf(0, 1, 2, { magic: MAGIC }), ...how } });
  const reorder = { packets: 4, milliseconds: 50 };
  const other = { peerAddress: OTHER_CLIENT, peerPrefixes: [`${OTHER_CLIENT6}/128`], reorder };
  gateway.path.command({ type: 'openSession', session: sessionOf(1, 1, 3, other) });
}
