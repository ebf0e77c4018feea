/** Extended sequence numbers: what packets do not carry is found again, and is authenticated. RFC 4304, RFC 4303 §2.2.1. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { nodeCrypto } from '../../src/crypto/node/index.ts';
import {
  EspError,
  type EspSuite,
  espGeometry,
  InboundSa,
  OutboundSa,
  RandomPool,
  ReplayWindow,
} from '../../src/esp/index.ts';
import { integrityTransforms } from '../../src/esp/transforms.ts';
import { concat, fromHex, sameBytes, toHex } from '../../src/wire/index.ts';
import { keysFor, newCipher, SPI, seededRandom, suites } from './fixtures.ts';

const SEED = 4304;
const TURN = 2 ** 32;

/** RFC 4304 appendix A2.1, word for word: which high half belongs to `low`. */
function appendixA2(top: number, size: number, low: number): number {
  const topLow = top % TURN;
  const topHigh = Math.floor(top / TURN);
  const bottomLow = (((topLow - size + 1) % TURN) + TURN) % TURN;
  if (topLow >= size - 1) return low >= bottomLow ? topHigh : topHigh + 1;
  return low >= bottomLow ? topHigh - 1 : topHigh;
}

test('the high half is the one that RFC 4304 appendix A2 finds', () => {
  const near = fc.oneof(fc.integer({ min: 0, max: 5000 }), fc.integer({ min: TURN - 5000, max: TURN - 1 }), fc.nat());
  fc.assert(
    fc.property(
      near,
      fc.integer({ min: 0, max: 1000 }),
      fc.constantFrom(64, 1024, 2048),
      near,
      (a, turns, size, low) => {
        const window = new ReplayWindow(size);
        const top = Math.max(1, turns * TURN + a);
        window.update(top);
        const high = appendixA2(top, size, low);
        const extended = window.extend(low);
        if (high < 0) assert.ok(extended < 0);
        else assert.equal(extended, high * TURN + low);
      },
    ),
    { seed: SEED, numRuns: 2000 },
  );
});

test('the window over 2^32 accepts what a set of all seen numbers accepts', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -80, max: 90 }), { minLength: 50, maxLength: 300 }), (steps) => {
      const size = 64;
      const window = new ReplayWindow(size);
      const start = 3 * TURN - 40;
      window.update(start);
      const seen = new Set([start]);
      let highest = start;
      for (const step of steps) {
        const sequence = highest + step;
        const expected = sequence > highest - size && !seen.has(sequence);
        assert.equal(window.check(sequence), expected);
        if (!expected) continue;
        window.update(sequence);
        seen.add(sequence);
        highest = Math.max(highest, sequence);
      }
    }),
    { seed: SEED, numRuns: 100 },
  );
});

for (const suite of suites) {
  const { integrity, encryption, keyBits } = suite;
  test(`two SAs go on over 2^32: ${encryption}-${keyBits} ${integrity ?? ''}`, () => {
    const keys = keysFor(suite);
    const common = { spi: SPI, suite, keys, newCipher, extendedSequence: true };
    const random = new RandomPool({ random: seededRandom(3) });
    const sender = new OutboundSa({ ...common, random, sequence: TURN - 3 });
    const receiver = new InboundSa({ ...common, replayWindow: 64 });
    const short = new InboundSa({ ...common, extendedSequence: false });
    receiver.replay.update(TURN - 3);
    const payload = seededRandom(9)(77);
    const out = new Uint8Array(300);
    const opened = new Uint8Array(300);
    const packets: Uint8Array[] = [];
    for (let i = 0; i < 6; i++) packets.push(out.slice(0, sender.seal(4, payload, 0, payload.length, out, 0)));
    assert.deepEqual(
      packets.map((packet) => toHex(packet.subarray(4, 8))),
      ['fffffffe', 'ffffffff', '00000000', '00000001', '00000002', '00000003'],
    );
    // Out of order across the turn, and each once.
    for (const i of [2, 1, 0, 4, 3, 5]) {
      const packet = packets[i]!;
      assert.equal(receiver.open(packet, 0, packet.length, opened, 0), payload.length, `packet ${i}`);
      assert.ok(sameBytes(opened.subarray(0, payload.length), payload));
      assert.equal(receiver.sequence, TURN - 2 + i);
      assert.equal(receiver.open(packet, 0, packet.length, opened, 0), EspError.replayed);
    }
    // The high half is authenticated: who does not know it cannot open what comes after the first turn.
    assert.equal(short.open(packets[5]!, 0, packets[5]!.length, opened, 0), EspError.badIcv);
  });
}

test('what is authenticated: the high half behind the packet for HMAC, between SPI and low half for AEAD', () => {
  const high = 0x01020304;
  for (const suite of suites) {
    const geometry = espGeometry(suite);
    const keys = keysFor(suite);
    const length = geometry.prefixBytes + 48;
    const packet = seededRandom(5)(length + geometry.icvBytes);
    const sealed = packet.slice();
    newCipher(suite, keys, geometry).seal(sealed, 0, length, high);
    const highBytes = Uint8Array.of(1, 2, 3, 4);
    if (suite.integrity !== undefined) {
      const { hash } = integrityTransforms[suite.integrity];
      const icv = nodeCrypto.hmac(hash, keys.integrity, concat(sealed.subarray(0, length), highBytes));
      assert.ok(sameBytes(sealed.subarray(length), icv.subarray(0, geometry.icvBytes)));
    } else if (suite.encryption === 'aes-gcm-16') {
      const key = keys.encryption.subarray(0, suite.keyBits / 8);
      const nonce = concat(keys.encryption.subarray(suite.keyBits / 8), packet.subarray(8, 16));
      const header = concat(packet.subarray(0, 4), highBytes, packet.subarray(4, 8));
      assert.ok(sameBytes(sealed.subarray(16), nodeCrypto.gcmSeal(key, nonce, header, packet.subarray(16, length))));
    }
  }
});

test('draft-mcgrew-gcm-test-01 §4, the case with an extended sequence number', () => {
  const suite: EspSuite = { encryption: 'aes-gcm-16', keyBits: 128 };
  const nonce = '2e443b684956ed7e3b244cfe';
  const keys = {
    encryption: fromHex(`4c80cdefbb5d10da906ac73c3613a634${nonce.slice(0, 8)}`),
    integrity: new Uint8Array(),
  };
  const plaintext =
    '45000048699a000080114db7c0a80102c0a801010a9bf15638d3010000010000' +
    '00000000045f736970045f756470037369700963796265726369747902646b00' +
    '0021000101020201';
  const sealed =
    'fecf537e729d5b07dc30df528dd22b768d1b98736696a6fd348509fa13ceac34' +
    'cfa2436f14a3f3cf65925bf1f4a13c5d15b21e1884f5ff6247aeabb786b93bce' +
    '61bc17d768fd9732459018148f6cbe722fd04796562dfdb4';
  // What is authenticated: 00004321 87654321 00000000. The packet carries the first and the last.
  const header = `0000432100000000${nonce.slice(8)}`;
  const packet = fromHex(header + plaintext + '00'.repeat(16));
  newCipher(suite, keys, espGeometry(suite)).seal(packet, 0, packet.length - 16, 0x87654321);
  assert.equal(toHex(packet), header + sealed);
});
