/** Packets of one SA that are sealed and opened together against a twin SA that takes each by itself. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { evpCiphers } from '../../src/driver/evp/index.ts';
import { ffiAvailable } from '../../src/driver/index.ts';
import { BATCH_PACKETS, EspError, type EspSuite, espGeometry, type InboundSa, newOpened } from '../../src/esp/index.ts';
import { toHex } from '../../src/wire/index.ts';
import { batched } from './batched.ts';
import { inbound, keysFor, outbound, SPI, sealed, newCipher as slow } from './fixtures.ts';

const TURN = 2 ** 32;
const gcm: EspSuite = { encryption: 'aes-gcm-16', keyBits: 128 };
const chacha: EspSuite = { encryption: 'chacha20-poly1305', keyBits: 256 };
const cbc: EspSuite = { encryption: 'aes-cbc', keyBits: 256, integrity: 'hmac-sha2-256-128' };

const evp = ffiAvailable() ? evpCiphers(slow) : undefined;
const ways = [
  ['one by one', slow, [gcm, cbc]],
  ['together', batched, [gcm, chacha]],
  ...(evp !== undefined && 'newCipher' in evp ? ([['fast', evp.newCipher, [gcm, chacha, cbc]]] as const) : []),
] as const;

for (const [way, newCipher, suites] of ways) {
  test(`a train is what sealing each packet makes (${way})`, () => {
    const anyTrain = fc.record({
      lengths: fc.array(fc.oneof(fc.constant(200), fc.nat(300)), { maxLength: 3 * BATCH_PACKETS, size: 'max' }),
      nextHeader: fc.constantFrom(4, 17, 41),
      offset: fc.nat(9),
      finishes: fc.boolean(),
    });
    const anyCase = fc.record({
      suite: fc.constantFrom(...suites),
      sequence: fc.constantFrom(undefined, 5, TURN - 20),
      trains: fc.array(anyTrain, { minLength: 1, maxLength: 4 }),
    });
    fc.assert(
      fc.property(anyCase, ({ suite, sequence = 0, trains }) => {
        const options = { sequence, extendedSequence: sequence >= 5 };
        const sa = outbound(suite, { newCipher, ...options });
        const twin = outbound(suite, options);
        const { prefixBytes } = sa.geometry;
        for (const { lengths, nextHeader, offset, finishes } of trains) {
          const ends = lengths.map((length) => sa.lengthOf(length));
          const mine = new Uint8Array(offset + ends.reduce((sum, length) => sum + length, 0) + 8).fill(0xa5);
          const theirs = mine.slice();
          const view = new DataView(mine.buffer);
          const left = sa.left;
          sa.begin();
          let at = offset;
          for (const length of lengths) {
            const payload = Uint8Array.from({ length }, (_, i) => i * 3 + length);
            mine.set(payload, at + prefixBytes);
            const sealedLength = sa.add(nextHeader, mine, view, at, length);
            assert.equal(sealedLength, twin.seal(nextHeader, payload, 0, length, theirs, at));
            assert.equal(sealedLength, sa.lengthOf(length));
            at += sealedLength;
          }
          sa.finish();
          if (finishes) sa.finish();
          assert.equal(toHex(mine), toHex(theirs));
          assert.equal(sa.sequence, twin.sequence);
          assert.equal(sa.left, left - lengths.length);
          assert.equal(toHex(sealed(sa, nextHeader, mine)), toHex(sealed(twin, nextHeader, mine)), 'and a single one');
        }
        sa.close();
        assert.ok(sa.left < 0);
      }),
      { seed: 4303, numRuns: 12, unbiased: true },
    );
  });

  test(`a train opens as each packet does: payloads, errors, replays (${way})`, () => {
    const anyPacket = fc.record({
      /** Sequence number, above the first. */
      number: fc.oneof(fc.nat(20), fc.nat(200)),
      is: fc.constantFrom('true', 'true', 'true', 'true', 'true', 'true', 'altered', 'other', 'padding'),
      bit: fc.nat(),
    });
    const anyTrain = fc.record({
      inOrder: fc.boolean(),
      from: fc.nat(100),
      packets: fc.array(anyPacket, { minLength: 1, maxLength: 40, size: 'max' }),
      last: fc.nat(100),
      /** How much shorter or longer than the packets what the train says is. */
      odd: fc.constantFrom(0, 0, 0, 0, 0, -1, -4, 1, 16, -70),
    });
    const anyCase = fc.record({
      suite: fc.constantFrom(...suites),
      extended: fc.boolean(),
      trains: fc.array(anyTrain, { minLength: 1, maxLength: 4 }),
    });
    fc.assert(
      fc.property(anyCase, ({ suite, extended, trains }) => {
        const first = extended ? TURN - 50 : 1;
        const options = { extendedSequence: extended, replayWindow: 64 };
        const [sa, twin] = [inbound(suite, { newCipher, ...options }), inbound(suite, options)];
        const packetFor = maker(suite, extended);
        if (extended) {
          // The window must have come near before numbers turn over.
          for (const of of [sa, twin]) assert.ok(openAlone(of, packetFor(TURN - 3000, 60, true)) !== undefined);
        }
        for (const { inOrder, from, packets, last, odd } of trains) {
          const parts = packets.map(({ number, is, bit }, i) => {
            const sequence = first + (inOrder ? from + i : number);
            const packet = packetFor(sequence, i === packets.length - 1 ? last : 100, is !== 'padding');
            if (is === 'other') packet[3]! ^= 1;
            if (is === 'altered') packet[8 + (bit % (packet.length - 8))]! ^= 1 << (bit & 7);
            return packet;
          });
          const each = Math.max(1, packetFor(first, 100, true).length + odd);
          const train = new Uint8Array(9 + each * parts.length).fill(0x77);
          for (const [i, part] of parts.entries()) train.set(part.subarray(0, each), 9 + i * each);
          const end = 9 + each * (parts.length - 1) + Math.min(each, parts.at(-1)!.length);
          const hasBatch = suite.integrity === undefined && way !== 'one by one';
          const theirs = train.slice();
          const expected = parts.map((_, i) => openOne(twin, theirs, 9 + i * each, Math.min(each, end - 9 - i * each)));
          const results = openAll(sa, train, 9, end, each, hasBatch);
          assert.deepEqual(extended ? results.map(asRefused) : results, extended ? expected.map(asRefused) : expected);
          assert.equal(sa.replay.highest, twin.replay.highest);
          for (let number = 0; number < 300; number++) {
            assert.equal(sa.replay.check(first + number), twin.replay.check(first + number), `${number}`);
          }
        }
        sa.close();
        assert.equal(sa.openSome(new Uint8Array(100), new DataView(new ArrayBuffer(100)), 0, 100, 50, newOpened()), 0);
      }),
      { seed: 4304, numRuns: 12, unbiased: true },
    );
  });
}

/** Of one packet: an error, or what it carries. */
type Result = number | readonly [sequence: number, nextHeader: number, payload: string];

/** Too old for the window that a packet of the same train has moved, one looks like the first of the next 2^32 or not. */
const asRefused = (result: Result) => (result === EspError.badIcv ? EspError.replayed : result);

function openOne(sa: InboundSa, bytes: Uint8Array, at: number, length: number): Result {
  const from = at + sa.geometry.prefixBytes;
  const payload = sa.open(bytes, at, length, bytes, from);
  return payload < 0 ? payload : [sa.sequence, sa.nextHeader, toHex(bytes.subarray(from, from + payload))];
}

function openAlone(sa: InboundSa, packet: Uint8Array): Result | undefined {
  const result = openOne(sa, packet, 0, packet.length);
  return typeof result === 'number' ? undefined : result;
}

/** As the packet path does: together what can be, the one that cannot by itself. */
function openAll(sa: InboundSa, bytes: Uint8Array, at: number, end: number, each: number, hasBatch: boolean): Result[] {
  const results: Result[] = [];
  const view = new DataView(bytes.buffer);
  const opened = newOpened();
  for (let next = at; next < end; ) {
    const count = sa.openSome(bytes, view, next, end, each, opened);
    assert.ok(count <= (hasBatch ? BATCH_PACKETS : 0));
    for (let i = 0; i < count; i++) {
      const from = next + i * each + sa.geometry.prefixBytes;
      const payload = opened.lengths[i]!;
      const carried = toHex(bytes.subarray(from, from + Math.max(0, payload)));
      results.push(payload < 0 ? payload : [opened.sequences[i]!, opened.nextHeaders[i]!, carried]);
    }
    if (count === 0) results.push(openOne(sa, bytes, next, Math.min(each, end - next)));
    next += Math.max(1, count) * each;
  }
  return results;
}

/** Authentic packets of any number. @returns a function whose packets are as long as the payload asks, and its own */
function maker(suite: EspSuite, extendedSequence: boolean) {
  const { prefixBytes, icvBytes } = espGeometry(suite);
  const cipher = slow(suite, keysFor(suite), espGeometry(suite));
  return (number: number, length: number, isPadded: boolean): Uint8Array => {
    const payload = Uint8Array.from({ length }, (_, i) => i + number);
    const packet = sealed(outbound(suite, { sequence: number - 1, extendedSequence }), 17, payload);
    if (isPadded) return packet;
    // Under the same nonce, which harms nobody here.
    packet.fill(0, prefixBytes);
    packet[packet.length - icvBytes - 2] = 3;
    const high = extendedSequence ? Math.floor(number / TURN) : undefined;
    cipher.seal(packet, 0, packet.length - icvBytes, high);
    return packet;
  };
}

test('what is made for these tests is what it says', () => {
  for (const suite of [gcm, cbc]) {
    const packetFor = maker(suite, false);
    const open = (packet: Uint8Array) => openOne(inbound(suite), packet, 0, packet.length);
    assert.deepEqual(open(packetFor(7, 2, true)), [7, 17, '0708']);
    assert.equal(open(packetFor(7, 100, false)), EspError.badPadding);
    assert.equal(new DataView(packetFor(7, 1, true).buffer).getUint32(0), SPI);
  }
});
