/** Cutting large packets: agreement with the slow twin, and refusal of what contradicts itself. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  completeChecksum,
  newVnetHeader,
  readVnetHeader,
  Segmenter,
  VNET_HEADER_BYTES,
  VnetGso,
  type VnetHeader,
  writeVnetHeader,
} from '../../../src/dataplane/offload/index.ts';
import { WordSum } from '../../../src/net/index.ts';
import { toHex } from '../../../src/wire/index.ts';
import { headerOf, packetOf, plainShape, type Shape, slowSegment, withPartialChecksum } from './twin.ts';

const bytesOf = (length: number, seed: number) =>
  Uint8Array.from({ length }, (_, i) => (i * 7 + seed * 13 + (i >> 8)) & 255);

export const anyShape: fc.Arbitrary<Shape> = fc.record({
  version: fc.constantFrom(4, 6),
  protocol: fc.constantFrom('tcp', 'udp'),
  port: fc.integer({ min: 0, max: 65535 }),
  tos: fc.integer({ min: 0, max: 255 }),
  ttl: fc.integer({ min: 0, max: 255 }),
  dontFragment: fc.boolean(),
  id: fc.integer({ min: 0, max: 65535 }),
  sequence: fc.integer({ min: 0, max: 0xffffffff }),
  acknowledgment: fc.integer({ min: 0, max: 0xffffffff }),
  flags: fc.integer({ min: 0, max: 255 }),
  window: fc.integer({ min: 0, max: 65535 }),
  options: fc.constantFrom(new Uint8Array(), bytesOf(12, 1), bytesOf(40, 2)),
  payload: fc
    .tuple(fc.integer({ min: 1, max: 4000 }), fc.integer({ min: 0, max: 255 }))
    .map(([length, seed]) => bytesOf(length, seed)),
});

function segments(large: Uint8Array, header: VnetHeader, offset: number): Uint8Array[] {
  const area = new Uint8Array(offset + large.length + 5000);
  area.set(large, offset);
  const outAt = offset + large.length + (offset & 1);
  const segmenter = new Segmenter(area);
  const count = segmenter.begin(offset, large.length, header);
  const made = Array.from({ length: count }, (_, i) => {
    const length = segmenter.write(i, outAt);
    assert.ok(length <= segmenter.mostBytes);
    return area.slice(outAt, outAt + length);
  });
  assert.equal(toHex(area.slice(offset, offset + large.length)), toHex(large), 'the large packet stays');
  return made;
}

test('the segmenter and its slow twin cut alike', () => {
  fc.assert(
    fc.property(anyShape, fc.integer({ min: 1, max: 1500 }), fc.integer({ min: 0, max: 9 }), (shape, most, offset) => {
      const header = headerOf(shape, Math.max(most, Math.ceil(shape.payload.length / 40)));
      const large = withPartialChecksum(packetOf(shape), shape.protocol === 'udp' ? 6 : 16);
      assert.deepEqual(segments(large, header, offset).map(toHex), slowSegment(large, header).map(toHex));
    }),
    { seed: 1, numRuns: 300 },
  );
});

test('one segment of a packet that fits is the packet with its checksum completed', () => {
  fc.assert(
    fc.property(anyShape, fc.integer({ min: 0, max: 9 }), (shape, offset) => {
      const whole = packetOf(shape);
      const partial = withPartialChecksum(whole, shape.protocol === 'udp' ? 6 : 16);
      const header = headerOf(shape, 4000);
      const area = new Uint8Array(offset + partial.length + 3);
      area.set(partial, offset);
      assert.ok(completeChecksum(new WordSum(area), area, offset, partial.length, header));
      assert.equal(toHex(area.slice(offset, offset + partial.length)), toHex(whole));
    }),
    { seed: 2, numRuns: 300 },
  );
});

test('FIN and PSH go with the last segment, CWR with the first', () => {
  const shape = { ...plainShape, flags: 0x80 | 0x10 | 0x08 | 0x01, payload: new Uint8Array(250) };
  const made = segments(withPartialChecksum(packetOf(shape), 16), headerOf(shape, 100), 0);
  assert.deepEqual(
    made.map((packet) => packet[33]),
    [0x90, 0x10, 0x19],
  );
  assert.deepEqual(
    made.map((packet) => packet.length),
    [140, 140, 90],
  );
});

test('what contradicts itself is refused: no random header makes it read or write outside', () => {
  const random = fc.record({
    needsChecksum: fc.boolean(),
    gso: fc.constantFrom(0, 1, 3, 4, 5, 0x81, 0x84),
    headerBytes: fc.integer({ min: 0, max: 65535 }),
    segmentBytes: fc.integer({ min: 0, max: 300 }),
    checksumStart: fc.oneof(fc.constantFrom(20, 40), fc.integer({ min: 0, max: 65535 })),
    checksumOffset: fc.oneof(fc.constantFrom(6, 16), fc.integer({ min: 0, max: 65535 })),
  });
  fc.assert(
    fc.property(random, fc.uint8Array({ maxLength: 200 }), (header, bytes) => {
      const area = new Uint8Array(700).fill(0xa5);
      area.set(bytes, 100);
      const segmenter = new Segmenter(area);
      const count = segmenter.begin(100, bytes.length, header);
      for (let i = 0; i < count; i++) assert.ok(segmenter.write(i, 400) <= bytes.length);
      completeChecksum(new WordSum(area), area, 100, bytes.length, header);
      assert.ok(area.subarray(0, 100).every((byte) => byte === 0xa5));
      assert.ok(area.subarray(100 + bytes.length, 400).every((byte) => byte === 0xa5));
    }),
    { seed: 3, numRuns: 2000 },
  );
});

test('the header is read as it is written', () => {
  const header = { ...headerOf(plainShape, 1360), gso: VnetGso.tcp4 | VnetGso.ecn };
  const bytes = new Uint8Array(VNET_HEADER_BYTES + 3);
  writeVnetHeader(header, bytes, 3);
  assert.equal(toHex(bytes.subarray(3)), '018128005005' + '14001000');
  const read = newVnetHeader();
  readVnetHeader(read, bytes, 3);
  assert.deepEqual(read, header);
});
