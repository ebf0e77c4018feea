/** Trains towards the peer against a path that takes each packet by itself: the same datagrams, counters and events. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ChannelRecord, DataPlaneCommand, InnerPath, InnerSelector } from '../../src/dataplane/index.ts';
import { newVnetHeader } from '../../src/dataplane/offload/index.ts';
import { parseIpv4, parseIpv6 } from '../../src/net/index.ts';
import { fromHex } from '../../src/wire/index.ts';
import {
  CLIENT,
  CLIENT6,
  innerPacket,
  installPair,
  OTHER_CLIENT,
  OTHER_CLIENT6,
  openNativeTunnel,
  openTunnel,
  SERVER,
  SERVER6,
  suites,
  toClientSpi,
  toGatewaySpi,
} from './ends.ts';
import { headerOf, packetOf, plainShape, type Shape, withPartialChecksum } from './offload/twin.ts';
import { mustAgree, Recorded } from './recorded.ts';

const anySelector = (firstPort: number): InnerSelector => ({
  ...{ first: '0.0.0.0', last: '255.255.255.255', protocol: 0, firstPort, lastPort: 0xffff },
});

/** A large packet of the kernel's for a client, or for nobody. */
const anyLarge = fc.record({
  version: fc.constantFrom(4, 4, 4, 6),
  protocol: fc.constantFrom('tcp', 'tcp', 'tcp', 'udp'),
  port: fc.constantFrom(1000, 2000),
  to: fc.constantFrom(0, 0, 0, 0, 1, 2),
  tos: fc.constantFrom(0, 0, 2, 3, 0xb8),
  // ACK, with PSH and FIN, with CWR; SYN.
  flags: fc.constantFrom(0x10, 0x10, 0x10, 0x10, 0x19, 0x90, 0x02),
  options: fc.constantFrom(0, 12),
  segmentBytes: fc.constantFrom(1348, 1328, 1000, 1001, 1460, 500),
  bytes: fc.oneof(
    { weight: 5, arbitrary: fc.integer({ min: 1, max: 8000 }) },
    { weight: 1, arbitrary: fc.constant(40_000) },
  ),
});
type Large = typeof anyLarge extends fc.Arbitrary<infer T> ? T : never;

const TO4 = [CLIENT, OTHER_CLIENT, SERVER];
const TO6 = [CLIENT6, OTHER_CLIENT6, SERVER6];

type Packet = Parameters<Recorded['fromTun']>;

/** @returns it with its header, as `Recorded.fromTun` takes them */
function largePacket(large: Large, seed: number): Packet {
  const { version, protocol, port, tos, flags, segmentBytes } = large;
  const payload = Uint8Array.from({ length: large.bytes }, (_, i) => i * 7 + seed + (i >> 8));
  // The MSS of a SYN is clamped.
  const options = fromHex('020405b4 01010101 01010101').subarray(0, large.options);
  const shape: Shape = { ...plainShape, version, protocol, port, tos, flags, payload, options };
  const packet = packetOf(shape);
  if (version === 4) {
    packet.set(parseIpv4('198.51.100.1')!, 12);
    packet.set(parseIpv4(TO4[large.to]!)!, 16);
  } else {
    packet.set(parseIpv6('2001:db8:ffff::1')!, 8);
    packet.set(parseIpv6(TO6[large.to]!)!, 24);
  }
  return [headerOf(shape, segmentBytes), withPartialChecksum(packet, protocol === 'udp' ? 6 : 16)];
}

const anyInner: fc.Arbitrary<Partial<InnerPath>> = fc.oneof(
  { weight: 5, arbitrary: fc.constant({}) },
  { weight: 2, arbitrary: fc.constantFrom(1039, 576).map((mtuToPeer) => ({ mtuToPeer })) },
  { weight: 2, arbitrary: fc.constant({ limitToPeer: { bitsPerSecond: 1_000_000, burstBytes: 9000 } }) },
);

const inner = { mtuToPeer: 1400, mss: 1360, peerAddress: CLIENT, peerPrefixes: [`${CLIENT6}/128`] };

const anyMove = fc.constantFrom('udp', 'esp').map((protection) => ({
  ...{ type: 'moveChannel', channel: 1, protection },
  local: { address: '192.0.2.1', port: 4500 },
  remote: { address: '192.0.2.77', port: 4501 },
}));

/** What happens between packets. @param moves also what makes trains possible and impossible */
const anyCommand = (moves: boolean) =>
  fc.oneof(
    anyInner.map((changed) => ({ type: 'changeSession', slot: 0, inner: { ...inner, ...changed } })),
    fc.constantFrom({ type: 'closeSession', slot: 0 }, { type: 'removeSa', inboundSpi: toGatewaySpi(1) }),
    fc.constant({ type: 'useSa', channel: 1, outboundSpi: toClientSpi(2) }),
    fc.boolean().map((dontFragment) => ({ type: 'setDontFragment', channel: 1, dontFragment })),
    ...(moves ? [anyMove] : []),
  ) as fc.Arbitrary<DataPlaneCommand>;

const anyStep = (moves: boolean) =>
  fc.oneof(
    { weight: 12, arbitrary: fc.tuple(anyLarge, fc.nat(99)).map((large) => ({ packet: largePacket(...large) })) },
    {
      weight: 2,
      arbitrary: fc
        .nat(1400)
        .map((small) => ({ packet: [newVnetHeader(), innerPacket(SERVER, CLIENT, small)] as Packet })),
    },
    { weight: 1, arbitrary: anyCommand(moves).map((command) => ({ command })) },
    { weight: 1, arbitrary: fc.nat(300).map((time) => ({ time })) },
  );

interface Way {
  readonly protection?: ChannelRecord['protection'];
  readonly suite?: keyof typeof suites;
  readonly isTunnel?: boolean;
  readonly isIpv6Outside?: boolean;
  readonly sequencing?: boolean;
  readonly lengthBit?: boolean;
  readonly compressProtocol?: boolean;
  readonly dscp?: number;
  readonly localSelectors?: readonly InnerSelector[];
  readonly renewBytes?: number;
  readonly extendedSequence?: boolean;
}

/** @param goes whether trains do go this way */
const ways: readonly (Way & { readonly name: string; readonly goes: boolean })[] = [
  { name: 'L2TP', goes: true },
  { name: 'L2TP without length, compressed PPP', goes: true, lengthBit: false, compressProtocol: true },
  { name: 'L2TP in AES-CBC', goes: true, suite: 'cbc' },
  { name: 'L2TP with numbers', goes: false, sequencing: true },
  { name: 'L2TP in native ESP', goes: false, protection: 'esp' },
  { name: 'L2TP without ESP', goes: false, protection: 'none' },
  { name: 'L2TP over IPv6', goes: false, isIpv6Outside: true },
  { name: 'L2TP whose SA is to be renewed', goes: true, renewBytes: 30_000 },
  { name: 'tunnel mode', goes: true, isTunnel: true },
  { name: 'tunnel mode over IPv6', goes: true, isTunnel: true, isIpv6Outside: true },
  { name: 'tunnel mode with long numbers', goes: true, isTunnel: true, extendedSequence: true },
  { name: 'tunnel mode with a DSCP of its own', goes: true, isTunnel: true, dscp: 10 },
  { name: 'tunnel mode held to ports', goes: true, isTunnel: true, localSelectors: [anySelector(1500)] },
];

for (const [i, { name, goes, ...way }] of ways.entries()) {
  test(`${name}: what a train becomes is what its packets become`, () => {
    let trains = 0;
    const anyCase = fc.record({
      first: anyInner,
      isFlowing: fc.constantFrom(true, true, true, false),
      steps: fc.array(anyStep(goes), { minLength: 5, maxLength: 10, size: 'max' }),
    });
    fc.assert(
      fc.property(anyCase, ({ first, isFlowing, steps }) => {
        const paths = [new Recorded('trains'), new Recorded('singly')] as const;
        for (const path of paths) {
          open(path, way, first);
          if (isFlowing) path.fromTun(newVnetHeader(), innerPacket(SERVER, CLIENT));
          let now = 1000;
          for (const step of steps) {
            if ('packet' in step) path.fromTun(...step.packet);
            else if ('command' in step) path.path.command(step.command);
            else {
              now += step.time;
              path.tick(now);
            }
          }
          path.tick(now + 5000);
        }
        mustAgree(...paths);
        trains += paths[0].trains;
      }),
      { seed: 1701 + i, numRuns: way.renewBytes === undefined ? 7 : 20, unbiased: true },
    );
    assert.ok(goes ? trains >= 5 : trains === 0, `${trains} trains`);
  });
}

/** The gateway's end of a tunnel, with one client, and a second pair of SAs to change to. */
function open(gateway: Recorded, way: Way, changed: Partial<InnerPath>): void {
  const { protection = 'udp', suite: name = 'gcm', isTunnel = false, isIpv6Outside = false } = way;
  const { sequencing = false, lengthBit = true, compressProtocol = false, dscp, localSelectors } = way;
  const { renewBytes, extendedSequence = false } = way;
  const client = { plane: { post: () => undefined } };
  const suite = suites[name];
  const port = protection === 'none' ? 1701 : 4500;
  const outside = isIpv6Outside
    ? { clientAddress: { address: '2001:db8::2', port }, gatewayAddress: { address: '2001:db8::1', port } }
    : {};
  const more = {
    ...{ mode: isTunnel ? ('tunnel' as const) : ('transport' as const), extendedSequence },
    ...(renewBytes === undefined ? {} : { renewBytes, mostBytes: 2 * renewBytes }),
  };
  const common = { protection, suite, ...outside };
  if (isTunnel) {
    const session = {
      ...{ ...inner, ...changed },
      ...(dscp === undefined ? {} : { dscp }),
      ...(localSelectors === undefined ? {} : { localSelectors }),
    };
    openNativeTunnel(client, gateway, { ...common, session, inner6: `${CLIENT6}/128`, extendedSequence });
  } else {
    const session = { ...inner, ...changed, sequencing, lengthBit, compressProtocol };
    openTunnel(client, gateway, { ...common, session });
  }
  if (protection === 'none') return;
  if (renewBytes !== undefined) {
    gateway.path.command({ type: 'removeSa', inboundSpi: toGatewaySpi(1) });
    installPair(client, gateway, 1, suite, 1, more);
    gateway.path.command({ type: 'useSa', channel: 1, outboundSpi: toClientSpi(1) });
  }
  installPair(client, gateway, 1, suite, 2, more);
}
