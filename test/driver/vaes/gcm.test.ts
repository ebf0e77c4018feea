/** AES-GCM with vectors: published cases, OpenSSL's answer for any packet, forgeries, and memory that is not theirs. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { nodeCrypto } from '../../../src/crypto/node/index.ts';
import { Memory } from '../../../src/driver/ffi.ts';
import { ffiAvailable } from '../../../src/driver/index.ts';
import { GcmJobs, type VaesGcm, vaesGcm } from '../../../src/driver/vaes/index.ts';
import { Job } from '../../../src/driver/vaes/layout.ts';
import { BATCH_PACKETS, NOT_EXTENDED } from '../../../src/esp/index.ts';
import { concat, fromHex, toHex } from '../../../src/wire/index.ts';

const vectors = ffiAvailable() ? vaesGcm(128) : undefined;
const options = { skip: vectors === undefined ? 'this processor has no VAES' : false };
const TAG = 16;

// McGrew and Viega, The Galois/Counter Mode of Operation (GCM), appendix B, cases 1 to 3 and 13 to 15.
const feffe9 = 'feffe9928665731c6d6a8f9467308308';
const cafebabe = 'cafebabefacedbaddecaf888';
const plain64 =
  'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525' +
  'b16aedf5aa0de657ba637b391aafd255';
const zeros = (bytes: number) => '00'.repeat(bytes);
const cases = [
  { key: zeros(16), iv: zeros(12), plain: '', sealed: '', tag: '58e2fccefa7e3061367f1d57a4e7455a' },
  {
    key: zeros(16),
    iv: zeros(12),
    plain: zeros(16),
    sealed: '0388dace60b6a392f328c2b971b2fe78',
    tag: 'ab6e47d42cec13bdf53a67b21257bddf',
  },
  {
    key: feffe9,
    iv: cafebabe,
    plain: plain64,
    sealed:
      '42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa05' +
      '1ba30b396a0aac973d58e091473f5985',
    tag: '4d5c2af327cd64a62cf35abd2ba6fab4',
  },
  { key: zeros(32), iv: zeros(12), plain: '', sealed: '', tag: '530f8afbc74536b9a963b4f1c4cb738b' },
  {
    key: zeros(32),
    iv: zeros(12),
    plain: zeros(16),
    sealed: 'cea7403d4d606b6e074ec5d3baf39d18',
    tag: 'd0d1c8a799996bf0265b98b5d48ab919',
  },
  {
    key: feffe9 + feffe9,
    iv: cafebabe,
    plain: plain64,
    sealed:
      '522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838' +
      'c5f61e6393ba7a0abcc9f662898015ad',
    tag: 'b094dac5d93471bdec1a502270e3cc6c',
  },
];

for (const [i, { key, iv, plain, sealed, tag }] of cases.entries()) {
  test(`published case ${[1, 2, 3, 13, 14, 15][i]}`, options, () => {
    const { gcm, block } = keyed(fromHex(key));
    const text = fromHex(plain);
    const memory = new Memory(text.length + TAG);
    memory.bytes.set(text);
    const job = new Memory(Job.bytes);
    for (const [at, address] of [
      [Job.key, block],
      [Job.input, memory.base],
      [Job.output, memory.base],
      [Job.length, text.length],
    ] as const)
      job.setWord(at, address);
    job.bytes.set(fromHex(`${iv}00000001`), Job.counter);
    job.view.setUint32(Job.lengths + 12, text.length * 8);
    assert.equal(gcm.seal(job.base, 1, gcm.room), 0);
    assert.equal(toHex(memory.bytes), sealed + tag);
    assert.equal(gcm.open(job.base, 1, gcm.room), 0);
    assert.equal(toHex(memory.bytes.subarray(0, text.length)), plain);
    gcm.freeContext(block);
  });
}

const packet = fc.record({
  data: fc.uint8Array({ minLength: 0, maxLength: 420 }),
  long: fc.integer({ min: 0, max: 1100 }),
  gap: fc.integer({ min: 0, max: 40 }),
  high: fc.constantFrom(NOT_EXTENDED, NOT_EXTENDED, 0, 7, 0xffff_ffff),
});

test(
  'any packets become what node:crypto makes of them, wherever they stand, and nothing else is touched',
  options,
  () => {
    const keys = fc.oneof(...[16, 32].map((length) => fc.uint8Array({ minLength: length, maxLength: length })));
    const batch = fc.array(packet, { minLength: 1, maxLength: BATCH_PACKETS });
    fc.assert(
      fc.property(keys, fc.uint8Array({ minLength: 4, maxLength: 4 }), batch, (key, salt, packets) => {
        const { gcm, block } = keyed(key);
        const { memory, places } = laidOut(packets);
        const before = memory.bytes.slice();
        const jobs = new GcmJobs(gcm.seal, gcm.room, PREFIX);
        addAll(jobs, block, salt, memory, places);
        assert.equal(jobs.run(), packets.length);
        const expected = before.slice();
        for (const { at, length, high } of places) {
          const nonce = concat(salt, before.subarray(at + 8, at + PREFIX));
          const text = before.slice(at + PREFIX, at + PREFIX + length);
          expected.set(nodeCrypto.gcmSeal(key, nonce, headerOf(before, at, high), text), at + PREFIX);
        }
        assert.equal(toHex(memory.bytes), toHex(expected));

        const opening = new GcmJobs(gcm.open, gcm.room, PREFIX);
        addAll(opening, block, salt, memory, places);
        assert.equal(opening.run(), packets.length);
        for (const { at, length } of places)
          before.set(expected.subarray(at + PREFIX + length, at + PREFIX + length + TAG), at + PREFIX + length);
        assert.equal(toHex(memory.bytes), toHex(before));
        gcm.freeContext(block);
      }),
      { seed: 800, numRuns: 150 },
    );
  },
);

test('every length up to four turns, in place and elsewhere', options, () => {
  const key = Uint8Array.from({ length: 16 }, (_, i) => i * 3);
  const salt = Uint8Array.of(1, 2, 3, 4);
  const { gcm, block } = keyed(key);
  const sealing = new GcmJobs(gcm.seal, gcm.room, PREFIX);
  const opening = new GcmJobs(gcm.open, gcm.room, PREFIX);
  for (let length = 0; length <= 520; length++) {
    const { memory, places } = laidOut([
      { data: new Uint8Array(length).map((_, i) => i), long: 0, gap: 3, high: NOT_EXTENDED },
    ]);
    const text = memory.bytes.slice();
    addAll(sealing, block, salt, memory, places);
    assert.equal(sealing.run(), 1);
    const { at } = places[0]!;
    const nonce = concat(salt, text.subarray(at + 8, at + PREFIX));
    const header = headerOf(text, at, NOT_EXTENDED);
    const sealed = memory.bytes.slice(at + PREFIX, at + PREFIX + length + TAG);
    assert.equal(
      toHex(sealed),
      toHex(nodeCrypto.gcmSeal(key, nonce, header, text.slice(at + PREFIX, at + PREFIX + length))),
    );
    const out = new Memory(length + 2);
    opening.add(saltOf(salt), block, memory.view, at, memory.base + at, out.base + 1, length, NOT_EXTENDED);
    assert.equal(opening.run(), 1);
    assert.equal(toHex(out.bytes), `00${toHex(text.subarray(at + PREFIX, at + PREFIX + length))}00`);
    assert.equal(toHex(memory.bytes.slice(at + PREFIX, at + PREFIX + length + TAG)), toHex(sealed));
  }
  gcm.freeContext(block);
});

test('a packet with any bit changed does not verify, and those behind it stay as they are', options, () => {
  const key = new Uint8Array(32).fill(9);
  const salt = new Uint8Array(4).fill(1);
  const { gcm, block } = keyed(key);
  fc.assert(
    fc.property(fc.array(packet, { minLength: 2, maxLength: 6 }), fc.nat(), fc.nat(), (packets, which, bit) => {
      const { memory, places } = laidOut(packets);
      const sealing = new GcmJobs(gcm.seal, gcm.room, PREFIX);
      addAll(sealing, block, salt, memory, places);
      sealing.run();
      const broken = which % packets.length;
      const { at, length } = places[broken]!;
      const spoilt = bit % ((PREFIX + length + TAG) * 8);
      memory.bytes[at + (spoilt >> 3)]! ^= 1 << (spoilt & 7);
      const behind = memory.bytes.slice(at + PREFIX + length + TAG);
      const opening = new GcmJobs(gcm.open, gcm.room, PREFIX);
      addAll(opening, block, salt, memory, places);
      assert.equal(opening.run(), broken);
      assert.equal(toHex(memory.bytes.slice(at + PREFIX + length + TAG)), toHex(behind));
    }),
    { seed: 801, numRuns: 150 },
  );
  gcm.freeContext(block);
});

test('nothing of a key is left when it is given back', options, () => {
  const { gcm, block } = keyed(new Uint8Array(16).fill(5));
  const seen = new Memory(256);
  seen.copyFrom(block);
  assert.ok(seen.bytes.some((byte) => byte !== 0));
  gcm.freeContext(block);
  seen.copyFrom(block);
  assert.ok(seen.bytes.every((byte) => byte === 0));
});

/** ESP header and IV. */
const PREFIX = 16;

interface Place {
  readonly at: number;
  readonly length: number;
  readonly high: number;
}

function keyed(key: Uint8Array): { readonly gcm: VaesGcm; readonly block: number } {
  const gcm = vaesGcm(key.length * 8)!;
  const memory = new Memory(key.length);
  memory.bytes.set(key);
  return { gcm, block: gcm.keyed(memory.base) };
}

/** Packets one behind the other with gaps between, header and IV of each from its place. */
function laidOut(packets: readonly { data: Uint8Array; long: number; gap: number; high: number }[]): {
  readonly memory: Memory;
  readonly places: readonly Place[];
} {
  const places: Place[] = [];
  let end = 0;
  for (const { data, long, gap, high } of packets) {
    const length = data.length + (data.length % 3 === 0 ? long : 0);
    places.push({ at: end + gap, length, high });
    end += gap + PREFIX + length + TAG;
  }
  const memory = new Memory(end);
  memory.bytes.set(memory.bytes.map((_, i) => (i * 31) ^ (i >> 3)));
  for (const [i, { at }] of places.entries()) memory.bytes.set(packets[i]!.data, at + PREFIX);
  return { memory, places };
}

function addAll(jobs: GcmJobs, block: number, salt: Uint8Array, memory: Memory, places: readonly Place[]): void {
  for (const { at, length, high } of places) {
    const packet = memory.base + at;
    jobs.add(saltOf(salt), block, memory.view, at, packet, packet + PREFIX, length, high);
  }
}

const saltOf = (salt: Uint8Array) => ({ copyRest: (to: Uint8Array) => to.set(salt) });

function headerOf(bytes: Uint8Array, at: number, high: number): Uint8Array {
  if (high === NOT_EXTENDED) return bytes.slice(at, at + 8);
  const middle = Uint8Array.of(high >>> 24, high >>> 16, high >>> 8, high);
  return concat(bytes.slice(at, at + 4), middle, bytes.slice(at + 4, at + 8));
}
