/**
 * Datagrams that came as one against a path that is given each and remembers nothing of the one before: the same packets
 * for the TUN device, answers, counters and events, whatever stands between plain packets.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { DataPlaneCommand, InnerPath, SessionParameters } from '../../src/dataplane/index.ts';
import type { EspSuite } from '../../src/esp/index.ts';
import {
  CLIENT,
  CLIENT6,
  installPair,
  OTHER_CLIENT,
  OTHER_CLIENT6,
  openNativeTunnel,
  openTunnel,
  SERVER,
  suites,
  toGatewaySpi,
} from './ends.ts';
import { type Datagram, mustAgree, Recorded } from './recorded.ts';
import { type Message, plain, Wire } from './wire.ts';

const MAGIC = 0xa1b2c3d4;

/** What is not plain of one message. */
const anyDifference: fc.Arbitrary<Partial<Message>> = fc.oneof(
  fc.constantFrom<Partial<Message>>(
    { sa: 2, from: '10.10.10.4' },
    { sa: 2 },
    { sa: 3 },
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
    { turned: 0x8000 },
    { turned: 1 },
    { turned: 0x1000 },
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
    { shape: 'syn options' },
    { shape: 'version' },
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
  messages: fc.array(fc.oneof({ weight: 3, arbitrary: fc.constant({}) }, { weight: 1, arbitrary: anyDifference }), {
    minLength: 8,
    maxLength: 24,
    size: 'max',
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
      fc.property(fc.array(anyStep, { minLength: 2, maxLength: 4, size: 'max' }), (steps) => {
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
      { seed: 3193 + i, numRuns: 10, unbiased: true },
    );
    assert.ok(written > 80, `${written} packets reached the TUN device`);
  });
}

for (const command of [
  { type: 'closeSession', slot: 0 },
  { type: 'changeSession', slot: 0, inner: { ...inner, peerAddress: '10.10.10.9' } },
  { type: 'openTunnelSession', session: { ...inner, slot: 3, channel: 9, peerAddress: SERVER } },
] satisfies DataPlaneCommand[]) {
  test(`what was remembered of the packet before is not held against ${command.type}`, () => {
    for (const isTunnel of [true, false]) {
      const [wire, gateway] = [new Wire(suites.gcm, isTunnel), new Recorded('trains')];
      open(gateway, suites.gcm, isTunnel, {});
      gateway.path.command({
        type: 'openChannel',
        record: {
          ...{ channel: 9, protection: 'udp', localL2tpPort: 0, remoteL2tpPort: 0 },
          local: { address: '192.0.2.1', port: 4500 },
          remote: { address: '192.0.2.9', port: 4500 },
        },
      });
      const train = (): Datagram[] =>
        [1, 2, 3].map(() => ({ bytes: wire.datagram(plain), port: 4500, tos: 0, socket: 'natT' }));
      gateway.fromUdp(train());
      assert.equal(gateway.tun.length, 3);
      gateway.path.command(command);
      gateway.fromUdp(train());
      assert.equal(gateway.tun.length, 3);
      gateway.tick(9000);
      const drops = gateway.events.flatMap((event) => (event.type === 'dropped' ? [event.count] : []));
      const shown = gateway.events.filter(({ type }) => type === 'l2tp').length;
      assert.deepEqual(
        [...drops, ...Array.from({ length: shown }, () => 1)].reduce((all, some) => all + some),
        3,
      );
    }
  });
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

/** Larger packets of `innerPacket` are of larger ports. */
function selector() {
  return { first: CLIENT, last: '10.10.10.255', protocol: 0, firstPort: 45_000, lastPort: 0xffff };
}

/** Two clients, the first with two sessions over L2TP, as the gateway has them. */
function open(gateway: Recorded, suite: EspSuite, isTunnel: boolean, how: object): void {
  const client = { plane: { post: () => undefined } };
  const second = { suite, channel: 2, slot: 2, seed: 2, clientAddress: { address: '192.0.2.3', port: 4500 } };
  if (isTunnel) {
    openNativeTunnel(client, gateway, { suite, inner6: `${CLIENT6}/128`, session: how });
    openNativeTunnel(client, gateway, { ...second, inner: '10.10.10.4' });
    installPair(client, gateway, 1, suite, 3, { mode: 'tunnel' });
    return;
  }
  openTunnel(client, gateway, { suite });
  openTunnel(client, gateway, { ...second, inner: '10.10.10.4' });
  installPair(client, gateway, 1, suite, 3);
  const reorder = { packets: 4, milliseconds: 50 };
  const own = { magic: MAGIC, reorder, followSequencing: true };
  gateway.path.command({ type: 'openSession', session: { ...sessionOf(0, 1, 2, own), ...how } });
  const other = { peerAddress: OTHER_CLIENT, peerPrefixes: [`${OTHER_CLIENT6}/128`] };
  gateway.path.command({ type: 'openSession', session: sessionOf(1, 1, 3, other) });
}
