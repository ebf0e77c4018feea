import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { bytes, Reader, rest, struct, Truncated, u8, u16, u32, Writer } from '../../src/wire/index.ts';

const SEED = 20_260_101;

/** A field of a made-up structure: its codec and the values that it can carry. */
const fixedField = fc.constantFrom(
  { codec: u8, values: fc.integer({ min: 0, max: 0xff }) },
  { codec: u16, values: fc.integer({ min: 0, max: 0xffff }) },
  { codec: u32, values: fc.integer({ min: 0, max: 0xffff_ffff }) },
  { codec: bytes(0), values: fc.uint8Array({ minLength: 0, maxLength: 0 }) },
  { codec: bytes(8), values: fc.uint8Array({ minLength: 8, maxLength: 8 }) },
  { codec: bytes(300), values: fc.uint8Array({ minLength: 300, maxLength: 300 }) },
);

/** Any structure of fixed fields with a value of it. */
const structure = fc.array(fixedField, { minLength: 1, maxLength: 8 }).chain((fields) => {
  const declared = struct(Object.fromEntries(fields.map(({ codec }, i) => [`f${i}`, codec as never])));
  return fc
    .tuple(...fields.map(({ values }) => values as fc.Arbitrary<unknown>))
    .map((values) => ({ declared, value: Object.fromEntries(values.map((value, i) => [`f${i}`, value])) }));
});

test('what a structure writes it reads back, and writes again the same', () => {
  fc.assert(
    fc.property(structure, ({ declared, value }) => {
      const wire = declared.encode(value as never);
      assert.deepEqual(declared.decode(wire), value);
      assert.deepEqual(declared.encode(declared.decode(wire)), wire);
    }),
    { seed: SEED },
  );
});

test('every truncation throws Truncated and nothing else', () => {
  fc.assert(
    fc.property(
      structure,
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      ({ declared, value }, part) => {
        const wire = declared.encode(value as never);
        fc.pre(wire.length > 0);
        assert.throws(() => declared.decode(wire.subarray(0, Math.floor(part * wire.length)), 'thing'), Truncated);
      },
    ),
    { seed: SEED },
  );
});

test('fields stand on the wire in the order of declaration, big-endian', () => {
  const header = struct({ kind: u8, length: u16, id: u32, tail: rest });
  assert.deepEqual(header.fields, ['kind', 'length', 'id', 'tail']);
  assert.deepEqual(
    header.encode({ kind: 1, length: 0x0203, id: 0x8405_0607, tail: Uint8Array.of(8, 9) }),
    Uint8Array.of(1, 2, 3, 0x84, 5, 6, 7, 8, 9),
  );
});

test('a field of fixed length refuses another length', () => {
  assert.throws(() => struct({ spi: bytes(8) }).encode({ spi: new Uint8Array(7) }), RangeError);
});

type Step = ['u8' | 'u16' | 'u32', number] | ['bytes', Uint8Array] | ['zeros', number] | ['length', Uint8Array, number];

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(fc.constant('u8' as const), fc.nat(0xff)),
  fc.tuple(fc.constant('u16' as const), fc.nat(0xffff)),
  fc.tuple(fc.constant('u32' as const), fc.nat(0xffff_ffff)),
  fc.tuple(fc.constant('bytes' as const), fc.uint8Array({ maxLength: 700 })),
  fc.tuple(fc.constant('zeros' as const), fc.nat(40)),
  fc.tuple(fc.constant('length' as const), fc.uint8Array({ maxLength: 700 }), fc.nat(8)),
);

test('a writer grows without losing a byte, also after what was written so far was taken', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), fc.nat(30), (steps, takenAfter) => {
      const writer = new Writer();
      const expected: number[] = [];
      const number = (value: number, width: number) => {
        for (let shift = width - 8; shift >= 0; shift -= 8) expected.push((value >>> shift) & 0xff);
      };
      for (const [i, [what, value, extra = 0]] of steps.entries()) {
        if (i === takenAfter) assert.deepEqual([...writer.finish()], expected);
        if (what === 'bytes') {
          writer.bytes(value);
          expected.push(...value);
        } else if (what === 'zeros') {
          writer.zeros(value);
          expected.push(...new Uint8Array(value));
        } else if (what === 'length') {
          writer.withLength16((to) => to.bytes(value), extra);
          number(value.length + extra, 16);
          expected.push(...value);
        } else {
          writer[what](value);
          number(value, Number(what.slice(1)));
        }
      }
      assert.equal(writer.length, expected.length);
      assert.deepEqual(writer.finish(), Uint8Array.from(expected));
    }),
    { seed: SEED },
  );
});

test('what is patched is patched, also after the buffer was replaced', () => {
  const writer = new Writer().u16(0).u32(0).bytes(new Uint8Array(3000).fill(7));
  writer.patchU16(0, 0xabcd);
  writer.patchU32(2, 0x8000_0001);
  assert.deepEqual(writer.finish().subarray(0, 7), Uint8Array.of(0xab, 0xcd, 0x80, 0, 0, 1, 7));
});

test('finish is a copy that later writes do not touch', () => {
  const writer = new Writer().u8(1);
  const first = writer.finish();
  writer.u8(2);
  assert.deepEqual(first, Uint8Array.of(1));
  assert.deepEqual(writer.finish(), Uint8Array.of(1, 2));
});

test('a reader confined to a part cannot leave it', () => {
  const reader = new Reader(Uint8Array.of(1, 2, 3, 4, 5), 'outer');
  const part = reader.sub(2, 'inner');
  assert.equal(part.u16(), 0x0102);
  assert.throws(() => part.u8(), { name: 'Truncated', message: 'inner: needs 1 bytes, 0 left' });
  assert.equal(reader.left, 3);
  assert.throws(() => reader.sub(4), { name: 'Truncated', message: 'outer: needs 4 bytes, 3 left' });
  assert.equal(reader.left, 3, 'a refused read takes nothing');
  assert.deepEqual(reader.rest(), Uint8Array.of(3, 4, 5));
  assert.deepEqual(reader.rest(), new Uint8Array(0));
});

test('a reader refuses a negative length, and reads within a view on a larger buffer', () => {
  const buffer = Uint8Array.of(9, 9, 1, 2, 9).subarray(2, 4);
  const reader = new Reader(buffer);
  assert.throws(() => reader.skip(-1), Truncated);
  assert.equal(reader.u16(), 0x0102);
  assert.throws(() => reader.u8(), Truncated);
});
