/** Sealing and opening: agreement with the slow twin, refusals, buffers. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { nodeCrypto } from '../../src/crypto/node/index.ts';
import { EspError, type EspSuite, espErrorName, espErrorReason, espLength, NextHeader } from '../../src/esp/index.ts';
import { inbound, keysFor, outbound, SPI, sealed, suites } from './fixtures.ts';
import { slowOpen, slowSeal } from './twin.ts';

const twinOf = (suite: EspSuite) => ({ crypto: nodeCrypto, spi: SPI, suite, keys: keysFor(suite) });
const anySuite = fc.constantFrom(...suites);
const anyPayload = fc.uint8Array({ maxLength: 300 });
const cbc: EspSuite = { encryption: 'aes-cbc', keyBits: 128, integrity: 'hmac-sha1-96' };
const gcm: EspSuite = { encryption: 'aes-gcm-16', keyBits: 256 };

test('the fast codec and its slow twin make and read the same packets', () => {
  fc.assert(
    fc.property(anySuite, anyPayload, fc.integer({ min: 0, max: 255 }), (suite, payload, nextHeader) => {
      const sa = outbound(suite);
      for (let sequence = 1; sequence <= 2; sequence++) {
        const packet = sealed(sa, nextHeader, payload);
        assert.deepEqual(slowOpen(twinOf(suite), packet), { sequence, nextHeader, payload });
        const iv = packet.subarray(8, sa.geometry.prefixBytes);
        assert.deepEqual(slowSeal(twinOf(suite), sequence, iv, nextHeader, payload), packet);

        const receiver = inbound(suite);
        const out = new Uint8Array(512);
        assert.equal(receiver.open(packet, 0, packet.length, out, 7), payload.length);
        assert.deepEqual(out.slice(7, 7 + payload.length), payload);
        assert.equal(receiver.nextHeader, nextHeader);
        assert.equal(receiver.sequence, sequence);
      }
    }),
    { seed: 4303, numRuns: 300 },
  );
});

test('every truncation and every extension is refused', () => {
  for (const suite of suites) {
    const packet = sealed(outbound(suite), NextHeader.udp, new Uint8Array(40));
    const receiver = inbound(suite);
    const out = new Uint8Array(512);
    for (let length = 0; length < packet.length; length++) {
      const result = receiver.open(packet.slice(0, length), 0, length, out, 0);
      assert.ok(result === EspError.truncated || result === EspError.badIcv, `${length}: ${result}`);
    }
    const longer = new Uint8Array(packet.length + 64);
    longer.set(packet);
    for (let more = 1; more <= 64; more++) {
      const result = receiver.open(longer, 0, packet.length + more, out, 0);
      assert.ok(result === EspError.truncated || result === EspError.badIcv, `+${more}: ${result}`);
    }
    // A length that lies about the buffer, and is a whole number of blocks.
    assert.equal(receiver.open(packet, 0, packet.length + 16, out, 0), EspError.truncated);
    assert.equal(receiver.replay.highest, 0);
    assert.equal(receiver.open(packet, 0, packet.length, out, 0), 40);
  }
});

test('a flipped bit anywhere is refused and leaves no trace in the window', () => {
  for (const suite of [cbc, gcm, { encryption: '3des-cbc', keyBits: 192, integrity: 'hmac-sha2-256-128' } as const]) {
    const packet = sealed(outbound(suite), NextHeader.udp, new Uint8Array(33));
    const receiver = inbound(suite);
    const out = new Uint8Array(512);
    for (let bit = 0; bit < 8 * packet.length; bit++) {
      const altered = packet.slice();
      altered[bit >> 3]! ^= 1 << (bit & 7);
      const result = receiver.open(altered, 0, altered.length, out, 0);
      // Without bit 0 of its fourth byte, sequence number 1 is 0, which is never valid.
      const expected = bit < 32 ? EspError.unknown : bit === 56 ? EspError.replayed : EspError.badIcv;
      assert.equal(result, expected, `bit ${bit}`);
    }
    assert.equal(receiver.replay.highest, 0);
    assert.equal(receiver.open(packet, 0, packet.length, out, 0), 33);
  }
});

test('a packet opens once, and other keys do not open it', () => {
  for (const suite of suites) {
    const packet = sealed(outbound(suite), NextHeader.udp, new Uint8Array(5));
    const out = new Uint8Array(64);
    const stranger = inbound(suite, { keys: keysFor(suite, 9) });
    assert.equal(stranger.open(packet, 0, packet.length, out, 0), EspError.badIcv);
    const receiver = inbound(suite);
    assert.equal(receiver.open(packet, 0, packet.length, out, 0), 5);
    assert.equal(receiver.open(packet, 0, packet.length, out, 0), EspError.replayed);
  }
});

test('authentic packets with wrong padding are refused, and cannot be replayed either', () => {
  const twin = twinOf(gcm);
  const header = Uint8Array.of(0xc0, 0xff, 0xee, 0x01, 0, 0, 0, 1);
  const iv = new Uint8Array(8);
  const badPlaintexts = [
    [0x45, 1, 3, 2, 4, 5, 6, 7, 8, 9, 2, 17],
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 17],
    [254, 255, 255, 17],
  ];
  for (const plaintext of badPlaintexts) {
    const key = twin.keys.encryption.subarray(0, 32);
    const nonce = Uint8Array.of(...twin.keys.encryption.subarray(32), ...iv);
    const sealedBytes = nodeCrypto.gcmSeal(key, nonce, header, Uint8Array.from(plaintext));
    const packet = Uint8Array.of(...header, ...iv, ...sealedBytes);
    const receiver = inbound(gcm);
    // What lies in front of the plaintext would complete the padding of one that claims more than it has.
    const out = Uint8Array.from({ length: 300 }, (_, at) => at - 2);
    assert.equal(receiver.open(packet, 0, packet.length, out, 256), EspError.badPadding);
    assert.equal(receiver.open(packet, 0, packet.length, out, 256), EspError.replayed);
    assert.equal(slowOpen(twin, packet), undefined);
  }
});

test('up to 255 bytes of padding, as traffic flow confidentiality sends them, are taken off', () => {
  const plaintext = new Uint8Array(1 + 253 + 2);
  plaintext[0] = 0x45;
  for (let i = 1; i <= 253; i++) plaintext[i] = i;
  plaintext.set([253, 4], 254);
  const twin = twinOf(gcm);
  const header = Uint8Array.of(0xc0, 0xff, 0xee, 0x01, 0, 0, 0, 9);
  const nonce = Uint8Array.of(...twin.keys.encryption.subarray(32), ...new Uint8Array(8));
  const body = nodeCrypto.gcmSeal(twin.keys.encryption.subarray(0, 32), nonce, header, plaintext);
  const packet = Uint8Array.of(...header, ...new Uint8Array(8), ...body);
  const receiver = inbound(gcm);
  const out = new Uint8Array(512);
  assert.equal(receiver.open(packet, 0, packet.length, out, 0), 1);
  assert.equal(out[0], 0x45);
  assert.equal(receiver.nextHeader, 4);
});

test('in place in one buffer: sealed where the payload lies, or moved there; opened where the ciphertext stands', () => {
  fc.assert(
    fc.property(anySuite, anyPayload, fc.nat(64), fc.nat(64), (suite, payload, from, to) => {
      const sa = outbound(suite);
      const area = new Uint8Array(1024).fill(0xaa);
      area.set(payload, from);
      const length = sa.seal(NextHeader.udp, area, from, payload.length, area, to);
      assert.equal(length, espLength(sa.geometry, payload.length));
      if (from >= to + length || from + payload.length <= to) {
        assert.deepEqual(area.slice(from, from + payload.length), payload);
      }
      assert.ok(area.subarray(to + length + 64).every((byte) => byte === 0xaa));
      assert.deepEqual(slowOpen(twinOf(suite), area.slice(to, to + length))?.payload, payload);

      const receiver = inbound(suite);
      const plainAt = to + sa.geometry.prefixBytes;
      assert.equal(receiver.open(area, to, length, area, plainAt), payload.length);
      assert.deepEqual(area.slice(plainAt, plainAt + payload.length), payload);
    }),
    { seed: 4303, numRuns: 200 },
  );
});

test('a buffer that is too small is told, before anything is written or a number used', () => {
  for (const suite of [cbc, gcm]) {
    const sa = outbound(suite);
    const needed = espLength(sa.geometry, 100);
    const small = new Uint8Array(needed + 9);
    assert.equal(sa.seal(17, new Uint8Array(100), 0, 100, small, 10), EspError.noRoom);
    assert.ok(small.every((byte) => byte === 0));
    assert.equal(sa.sequence, 0);
    assert.equal(sa.seal(17, new Uint8Array(100), 0, 100, small, 9), needed);

    const receiver = inbound(suite);
    assert.equal(receiver.open(small, 9, needed, new Uint8Array(99), 0), EspError.noRoom);
    assert.equal(receiver.open(small, 9, needed, new Uint8Array(needed), 0), 100);
  }
});

test('HMAC-SHA2-256 truncated to 96 bits: opens with the override alone', () => {
  const suite: EspSuite = { encryption: 'aes-cbc', keyBits: 256, integrity: 'hmac-sha2-256-128' };
  const packet = sealed(outbound(suite, { icvBytes: 12 }), NextHeader.udp, new Uint8Array(40));
  assert.equal(packet.length, sealed(outbound(suite), NextHeader.udp, new Uint8Array(40)).length - 4);
  const out = new Uint8Array(128);
  assert.equal(inbound(suite).open(packet, 0, packet.length, out, 0), EspError.truncated);
  assert.equal(inbound(suite, { icvBytes: 12 }).open(packet, 0, packet.length, out, 0), 40);
  assert.throws(() => inbound(suite, { icvBytes: 8 }), RangeError);
  assert.throws(() => inbound(suite, { icvBytes: 33 }), RangeError);
  assert.throws(() => inbound(gcm, { icvBytes: 12 }), RangeError);
});

test('IVs: of CBC random and never twice, of GCM the sequence number', () => {
  const seen = new Set<string>();
  const sender = outbound(cbc);
  for (let i = 0; i < 600; i++) seen.add(String(sealed(sender, 17, new Uint8Array(1)).subarray(8, 24)));
  assert.equal(seen.size, 600);
  const aead = outbound(gcm, { sequence: 0x01020303 });
  assert.deepEqual([...sealed(aead, 17, new Uint8Array(1)).subarray(4, 16)], [1, 2, 3, 4, 0, 0, 0, 0, 1, 2, 3, 4]);
});

test('sequence numbers begin at 1, warn at 90 %, end at 2^32 - 1 and never wrap', () => {
  const sa = outbound(gcm);
  assert.equal(sa.sequence, 0);
  sealed(sa, 17, new Uint8Array(1));
  assert.equal(sa.sequence, 1);
  assert.equal(sa.expiring, false);

  const old = outbound(gcm, { sequence: Math.floor(0xffffffff * 0.9) - 1 });
  assert.equal(old.expiring, false);
  sealed(old, 17, new Uint8Array(1));
  assert.equal(old.expiring, true);
  assert.equal(old.exhausted, false);

  const last = outbound(gcm, { sequence: 0xfffffffe });
  const packet = sealed(last, 17, new Uint8Array(1));
  assert.deepEqual([...packet.subarray(4, 8)], [255, 255, 255, 255]);
  assert.equal(last.exhausted, true);
  const out = new Uint8Array(128);
  for (let i = 0; i < 3; i++) assert.equal(last.seal(17, packet, 0, 1, out, 0), EspError.exhausted);
  assert.ok(out.every((byte) => byte === 0));
  const receiver = inbound(gcm);
  assert.equal(receiver.open(packet, 0, packet.length, out, 0), 1);
  assert.equal(receiver.sequence, 0xffffffff);
});

test('a closed SA neither seals nor opens', () => {
  for (const suite of [cbc, gcm]) {
    const sender = outbound(suite);
    const packet = sealed(sender, 17, new Uint8Array(1));
    sender.close();
    assert.equal(sender.seal(17, packet, 0, 1, new Uint8Array(128), 0), EspError.exhausted);
    const receiver = inbound(suite);
    receiver.close();
    assert.equal(receiver.open(packet, 0, packet.length, new Uint8Array(128), 0), EspError.unknown);
  }
});

test('keys of another length than the suite takes are refused without being shown', () => {
  const keys = { encryption: new Uint8Array(16).fill(0xab), integrity: new Uint8Array(19).fill(0xcd) };
  for (const make of [() => outbound(cbc, { keys }), () => inbound(cbc, { keys })]) {
    assert.throws(make, (error) => error instanceof RangeError && !/ab|cd/.test(error.message.replace('aes-cbc', '')));
  }
  const neither: EspSuite = { encryption: 'aes-cbc', keyBits: 128 };
  const both: EspSuite = { encryption: 'aes-gcm-16', keyBits: 128, integrity: 'hmac-sha1-96' };
  for (const suite of [neither, both, { ...cbc, keyBits: 512 }]) {
    assert.throws(() => inbound(suite, { keys }), RangeError);
  }
});

test('every error has a name of its own and a sentence', () => {
  const names = Object.values(EspError).map(espErrorName);
  assert.deepEqual([...names].sort(), [
    'bad-icv',
    'bad-padding',
    'exhausted',
    'no-room',
    'replayed',
    'truncated',
    'unknown',
  ]);
  for (const error of Object.values(EspError)) assert.match(espErrorReason(error), / /);
});
