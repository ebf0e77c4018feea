/** Joining packets: what the kernel makes of the large ones are the packets that came, in their order. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  type JoinedPacket,
  Joiner,
  MOST_FLOWS,
  VnetGso,
  type VnetHeader,
} from '../../../src/dataplane/offload/index.ts';
import { concat, toHex } from '../../../src/wire/index.ts';
import { flowOf, packetOf, plainShape, type Shape, slowSegment, withoutFreeId } from './twin.ts';

interface Given {
  readonly header: VnetHeader;
  readonly packet: Uint8Array;
  readonly pieces: number;
}

function join(packets: readonly Uint8Array[], joinsUdp = true): Given[] {
  const room = packets.reduce((all, packet) => all + packet.length + 3, 0);
  const bytes = new Uint8Array(room);
  const given: Given[] = [];
  const take = ({ header, pieces, pieceCount }: JoinedPacket): void => {
    const parts = Array.from({ length: pieceCount }, (_, i) =>
      bytes.slice(pieces[2 * i], pieces[2 * i]! + pieces[2 * i + 1]!),
    );
    given.push({ header: { ...header }, packet: concat(...parts), pieces: pieceCount });
  };
  const joiner = new Joiner(bytes, take, joinsUdp);
  let at = 0;
  for (const packet of packets) {
    bytes.set(packet, at);
    joiner.add(at, packet.length);
    at += packet.length + 3;
  }
  joiner.flush();
  joiner.flush();
  return given;
}

/** What the kernel hands to the sockets. */
const expand = ({ header, packet }: Given) => (header.gso === VnetGso.none ? [packet] : slowSegment(packet, header));

const stream = (count: number, shape: Partial<Shape> = {}, from = 0): Uint8Array[] => {
  const base = { ...plainShape, ...shape };
  return Array.from({ length: count }, (_, i) =>
    packetOf({
      ...base,
      id: (base.id + from + i) & 0xffff,
      sequence: (base.sequence + (from + i) * base.payload.length) >>> 0,
      payload: base.payload.map((_, k) => (k + i) & 255),
    }),
  );
};

for (const [name, shape, gso] of [
  ['TCP over IPv4', {}, VnetGso.tcp4],
  ['TCP over IPv4 that may be fragmented', { dontFragment: false, id: 65_530 }, VnetGso.tcp4],
  ['TCP over IPv6', { version: 6 }, VnetGso.tcp6],
  [
    'TCP with timestamps, past the end of the sequence numbers',
    { options: new Uint8Array(12).fill(1), sequence: 0xfffffe00 },
    VnetGso.tcp4,
  ],
  ['UDP over IPv4', { protocol: 'udp' }, VnetGso.udp],
  ['UDP over IPv6', { protocol: 'udp', version: 6 }, VnetGso.udp],
] as const) {
  test(`${name}: forty packets become one`, () => {
    const packets = stream(40, shape);
    const given = join(packets);
    assert.equal(given.length, 1);
    assert.equal(given[0]!.header.gso, gso);
    assert.equal(given[0]!.header.segmentBytes, 100);
    assert.deepEqual(expand(given[0]!).map(withoutFreeId).map(toHex), packets.map(withoutFreeId).map(toHex));
  });
}

test('a short packet and a pushed one end what is joined', () => {
  const short = stream(1, { payload: new Uint8Array(60) }, 0);
  const [a, b] = stream(2);
  const last = packetOf({ ...plainShape, sequence: 201, payload: new Uint8Array(60) });
  const more = packetOf({ ...plainShape, sequence: 261, payload: new Uint8Array(60) });
  assert.deepEqual(
    join([a!, b!, last, more]).map(({ pieces }) => pieces),
    [3, 1],
  );
  const pushed = packetOf({ ...plainShape, sequence: 101, flags: 0x18 });
  const given = join([a!, pushed, ...stream(2, {}, 2)]);
  assert.deepEqual(
    given.map(({ pieces }) => pieces),
    [2, 2],
  );
  assert.equal(given[0]!.packet[33], 0x18);
  assert.deepEqual(
    join([...short, ...stream(1, {}, 1)]).map(({ pieces }) => pieces),
    [1, 1],
  );
});

test('whatever differs keeps packets apart', () => {
  const [first] = stream(1);
  const different: Partial<Shape>[] = [
    { tos: 1 },
    { ttl: 63 },
    { dontFragment: false },
    { acknowledgment: 8 },
    { window: 501 },
    { options: new Uint8Array(4) },
    { sequence: 102 },
    { sequence: 1 },
    { flags: 0x11 },
    { flags: 0x12 },
    { flags: 0x14 },
    { flags: 0x30 },
    { flags: 0x50 },
    { flags: 0x90 },
    { port: 1001 },
    { payload: new Uint8Array(101) },
    { payload: new Uint8Array() },
  ];
  for (const difference of different) {
    const second = packetOf({ ...plainShape, id: 2, sequence: 101, ...difference });
    const given = join([first!, second]);
    assert.deepEqual(
      given.map(({ packet }) => toHex(packet)),
      [toHex(first!), toHex(second)],
      JSON.stringify(difference),
    );
  }
  assert.equal(join(stream(2, { protocol: 'udp' }), false).length, 2);
});

test('a packet with a wrong checksum passes as it is, never as part of another', () => {
  for (const shape of [{}, { version: 6 }, { protocol: 'udp' }] as const) {
    for (const broken of [0, 1, 4]) {
      const packets = stream(5, shape);
      packets[broken]![packets[broken]!.length - 5]! ^= 4;
      const given = join(packets);
      const alone = given.filter(({ packet }) => toHex(packet) === toHex(packets[broken]!));
      assert.equal(alone.length, 1);
      assert.equal(alone[0]!.header.needsChecksum, false);
      assert.deepEqual(given.flatMap(expand).map(withoutFreeId).map(toHex), packets.map(withoutFreeId).map(toHex));
    }
  }
});

test('more flows than are kept', () => {
  const packets = Array.from({ length: 3 }, (_, i) =>
    Array.from({ length: MOST_FLOWS + 3 }, (_, port) => stream(1, { port }, i)[0]!),
  ).flat();
  check(packets);
});

test('any mix of packets comes out as it came, flow by flow', () => {
  const flow = fc.integer({ min: 0, max: 4 });
  const odd = fc.record({
    flow,
    length: fc.constantFrom(100, 100, 100, 100, 60, 0, 130),
    flags: fc.constantFrom(0x10, 0x10, 0x10, 0x10, 0x18, 0x11, 0x02, 0x90),
    skip: fc.constantFrom(0, 0, 0, 0, 0, 100, -100),
    tos: fc.constantFrom(0, 0, 0, 0, 0, 3),
    idSkip: fc.constantFrom(0, 0, 0, 5),
    spoil: fc.oneof({ weight: 15, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: fc.nat(4000) }),
    trim: fc.constantFrom(0, 0, 0, 0, 0, 0, 3),
  });
  const usual = { length: 100, flags: 0x10, skip: 0, tos: 0, idSkip: 0, spoil: null, trim: 0 };
  const step = fc.oneof(
    { weight: 3, arbitrary: flow.map((flow) => ({ flow, ...usual })) },
    { weight: 1, arbitrary: odd },
  );
  const flows: Partial<Shape>[] = [
    {},
    { dontFragment: false, port: 1001 },
    { version: 6, sequence: 0xffffff00 },
    { protocol: 'udp' },
    { options: new Uint8Array(12).fill(1), port: 1002 },
  ];
  let joined = 0;
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const states = flows.map((flow) => ({ ...plainShape, ...flow }));
      const packets = steps.map(({ flow, length, flags, skip, tos, idSkip, spoil, trim }, i) => {
        const state = states[flow]!;
        const sequence = (state.sequence + skip) >>> 0;
        const id = (state.id + idSkip) & 0xffff;
        const payload = Uint8Array.from({ length }, (_, k) => (k + i) & 255);
        const packet = packetOf({ ...state, sequence, id, flags, tos, payload });
        if (spoil !== null) packet[spoil % packet.length]! ^= 1 << (spoil & 7);
        states[flow] = { ...state, sequence: (sequence + length) >>> 0, id: (id + 1) & 0xffff };
        return packet.slice(0, packet.length - trim);
      });
      joined += check(packets);
    }),
    { seed: 4, numRuns: 400 },
  );
  assert.ok(joined > 500, `only ${joined} were joined`);
});

test('random bytes pass', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 80 }), { maxLength: 20 }), (packets) => {
      for (const [i, packet] of packets.entries()) if (i % 2) packet[0] = 0x45;
      assert.deepEqual(
        join(packets)
          .map(({ packet }) => toHex(packet))
          .sort(),
        packets.map(toHex).sort(),
      );
    }),
    { seed: 5, numRuns: 300 },
  );
});

/** @returns how many packets were joined to others */
function check(packets: readonly Uint8Array[]): number {
  const given = join(packets);
  const byFlow = (list: readonly Uint8Array[]) => {
    const flows: Record<string, string[]> = {};
    for (const packet of list) {
      const flow = safeFlow(packet);
      flows[flow] = [...(flows[flow] ?? []), toHex(withoutFreeId(packet))];
    }
    flows[OTHER]?.sort();
    return flows;
  };
  assert.deepEqual(byFlow(given.flatMap(expand)), byFlow(packets));
  return packets.length - given.length;
}

/** What has no ports, or says another length than it has, belongs to no flow and may overtake. */
function safeFlow(packet: Uint8Array): string {
  const view = new DataView(packet.buffer, packet.byteOffset);
  if (packet.length < 28) return OTHER;
  const v4 = packet[0] === 0x45;
  if (!v4 && (packet[0]! >> 4 !== 6 || packet.length < 48)) return OTHER;
  if (v4 ? view.getUint16(2) !== packet.length : view.getUint16(4) !== packet.length - 40) return OTHER;
  if (v4 && (view.getUint16(6) & 0x3fff) !== 0) return OTHER;
  const protocol = packet[v4 ? 9 : 6]!;
  const transport = v4 ? 20 : 40;
  if (protocol === 6) {
    const header = (packet[transport + 12]! >> 4) * 4;
    if (header < 20 || transport + header > packet.length) return OTHER;
  } else if (protocol !== 17) {
    return OTHER;
  }
  return `${flowOf(packet)} ${toHex(packet.subarray(v4 ? 12 : 8, transport + 4))}`;
}

const OTHER = 'other';
