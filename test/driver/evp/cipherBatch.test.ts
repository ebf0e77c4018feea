/** Packets that are sealed or opened together against the same ones taken singly. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { evpCiphers } from '../../../src/driver/evp/index.ts';
import { ffiAvailable } from '../../../src/driver/index.ts';
import {
  BATCH_PACKETS,
  type CipherBatch,
  type EspSuite,
  espGeometry,
  NOT_EXTENDED,
  type PacketCipher,
} from '../../../src/esp/index.ts';
import { keysFor, newCipher as slow, suites } from '../../esp/fixtures.ts';
import { seededNumbers } from '../../sim/random.ts';

const options = { skip: ffiAvailable() ? false : 'this platform has no FFI' };

interface Packet {
  readonly at: number;
  /** Without the ICV. */
  readonly length: number;
  readonly high: number;
}

const anyRound = fc.record({
  sa: fc.constantFrom(0, 1),
  does: fc.constantFrom('seal', 'open', 'discard'),
  packets: fc.array(
    fc.record({
      gap: fc.nat(9),
      dataBytes: fc.oneof(fc.constant(1400), fc.nat(300)),
      high: fc.constantFrom(NOT_EXTENDED, NOT_EXTENDED, 0, 7, 0xffff_ffff),
    }),
    { minLength: 1, maxLength: BATCH_PACKETS, size: 'max' },
  ),
  /** Which packet is altered, if there are so many, and where. */
  altered: fc.nat(2 * BATCH_PACKETS),
  bit: fc.nat(),
  seed: fc.nat(),
});

for (const suite of suites.filter(({ integrity }) => integrity === undefined)) {
  test(`${suite.encryption} of ${suite.keyBits} bits: any number of packets of two SAs in turn`, options, () => {
    const { prefixBytes, icvBytes } = espGeometry(suite);
    const sas = [1, 2].map((seed) => twins(suite, seed));
    const buffer = new Uint8Array(BATCH_PACKETS * 1500);
    fc.assert(
      fc.property(fc.array(anyRound, { minLength: 1, maxLength: 6 }), (rounds) => {
        for (const { sa, does, packets: wanted, altered, bit, seed } of rounds) {
          const { batch, cipher, twin } = sas[sa]!;
          const packets: Packet[] = [];
          let end = 0;
          for (const { gap, dataBytes, high } of wanted) {
            packets.push({ at: end + gap, length: prefixBytes + dataBytes, high });
            end += gap + prefixBytes + dataBytes + icvBytes;
          }
          const plain = fill(buffer.subarray(0, end), seed);
          const sealed = plain.slice();
          for (const { at, length, high } of packets) twin.seal(sealed, at, length, high);
          const isOpen = does === 'open' || (does === 'discard' && bit % 2 === 0);
          if (isOpen) buffer.set(sealed);
          if (does === 'open' && altered < packets.length) {
            const { at, length } = packets[altered]!;
            // Anywhere behind the header, whose extended form is not all there to be altered.
            const of = bit % (8 * (length + icvBytes - 8));
            buffer[at + 8 + (of >> 3)]! ^= 1 << (of & 7);
          }
          const before = buffer.slice(0, end);
          for (const { at, length, high } of packets) {
            if (isOpen) batch.addToOpen(buffer, at, length, high);
            else batch.addToSeal(buffer, at, length, high);
          }
          if (does === 'seal') {
            batch.sealAdded();
            assert.deepEqual(buffer.subarray(0, end), sealed);
            assert.ok(packets.every(({ at, length, high }) => opens(cipher, buffer, at, length, high)));
          } else if (does === 'open') {
            assert.equal(batch.openAdded(), Math.min(altered, packets.length));
            for (const [i, { at, length }] of packets.entries()) {
              if (i === altered) continue;
              const expected = i < altered ? plain : before;
              const [from, to] = [at + prefixBytes, at + length];
              assert.deepEqual(buffer.subarray(from, to), expected.subarray(from, to), `${i} of ${packets.length}`);
            }
          } else {
            // Whether they are forgotten shows in the next round, which counts its own alone.
            batch.discardAdded();
            assert.deepEqual(buffer.subarray(0, end), before);
          }
        }
      }),
      { seed: 8 * suite.keyBits, numRuns: 30, unbiased: true },
    );
    for (const { cipher } of sas) cipher.close();
  });
}

test('whoever was interrupted while packets were added is not in the way of others', options, () => {
  const suite: EspSuite = { encryption: 'aes-gcm-16', keyBits: 128 };
  const [one, other] = [1, 2].map((seed) => twins(suite, seed));
  const { prefixBytes, icvBytes } = espGeometry(suite);
  const length = prefixBytes + 64;
  const buffer = fill(new Uint8Array(3 * (length + icvBytes)), 3);
  const twin = buffer.slice();
  for (let i = 0; i < 3; i++) one!.batch.addToSeal(buffer, 0, length, NOT_EXTENDED);
  assert.throws(() => one!.batch.addToSeal(buffer, buffer.length - length, length, NOT_EXTENDED), RangeError);
  other!.cipher.seal(buffer, 0, length);
  other!.twin.seal(twin, 0, length);
  assert.deepEqual(buffer, twin);
  one!.batch.discardAdded();
  one!.batch.addToSeal(buffer, length + icvBytes, length, 7);
  one!.batch.sealAdded();
  one!.twin.seal(twin, length + icvBytes, length, 7);
  assert.deepEqual(buffer, twin);
  for (const { cipher } of [one!, other!]) cipher.close();
});

function twins(suite: EspSuite, seed: number): { cipher: PacketCipher; batch: CipherBatch; twin: PacketCipher } {
  const ciphers = evpCiphers(slow);
  assert.ok('newCipher' in ciphers, JSON.stringify(ciphers));
  const [keys, geometry] = [keysFor(suite, seed), espGeometry(suite)];
  const cipher = ciphers.newCipher(suite, keys, geometry);
  assert.ok(cipher.batch, 'takes several at a time');
  return { cipher, batch: cipher.batch, twin: slow(suite, keys, geometry) };
}

function opens(cipher: PacketCipher, bytes: Uint8Array, at: number, length: number, high: number): boolean {
  return cipher.open(bytes, at, length, new Uint8Array(length), 0, high);
}

/** @returns a copy of it */
function fill(bytes: Uint8Array, seed: number): Uint8Array {
  const next = seededNumbers(seed);
  for (let i = 0; i < bytes.length; i++) bytes[i] = next() * 256;
  return bytes.slice();
}
