/** EAP packets as RFC 3748 draws them. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeEap, type EapPacket, eapText, encodeEap, ietf, readNak, writeNak } from '../../src/eap/index.ts';
import { fromHex, Malformed, toHex, utf8 } from '../../src/wire/index.ts';

const NOTHING = new Uint8Array(0);

test('RFC 3748 §4.1, §4.2, §5: header, code, identifier, length and type', () => {
  assert.equal(toHex(encodeEap({ code: 1, identifier: 7, type: ietf(1), data: NOTHING })), '0107000501');
  assert.equal(toHex(encodeEap({ code: 2, identifier: 7, type: ietf(1), data: utf8('ann') })), '0207000801616e6e');
  assert.equal(toHex(encodeEap({ code: 3, identifier: 9, data: NOTHING })), '03090004');
  assert.deepEqual(decodeEap(fromHex('04090004')), { code: 4, identifier: 9, data: NOTHING });
});

test('RFC 3748 §5.7: an expanded type, of a vendor or of the IETF', () => {
  const { type, data } = decodeEap(fromHex('0103000e fe 000311 00000002 aabb'));
  assert.deepEqual([type, toHex(data)], [{ vendor: 0x311, type: 2, expanded: true }, 'aabb']);
  const own = decodeEap(fromHex('0103000c fe 000000 0000001a'));
  assert.deepEqual(own.type, { vendor: 0, type: 26, expanded: true });
  assert.equal(eapText(own).startsWith('EAP Request id=3 MSCHAPv2'), true);
  assert.equal(toHex(encodeEap(own)), '0103000cfe0000000000001a');
});

test('bytes beyond the length are padding; lengths that do not fit are refused', () => {
  assert.equal(decodeEap(fromHex('0107000501 ffff')).data.length, 0);
  for (const bad of [
    '',
    '01',
    '010700',
    '01070003',
    '0107000401',
    '0107000601',
    '0307000500',
    '0507000501',
    '01070006fe00',
  ]) {
    assert.throws(() => decodeEap(fromHex(bad)), Malformed, bad);
  }
});

test('RFC 3748 §5.3: Naks, with a list and with nothing to want', () => {
  const legacy = decodeEap(fromHex('02050007 03 1a0d'));
  assert.deepEqual(readNak(legacy), [ietf(26), ietf(13)]);
  assert.deepEqual(readNak(decodeEap(fromHex('02050006 03 00'))), []);
  assert.equal(toHex(writeNak([], false)), '00');
  assert.equal(toHex(writeNak([ietf(26), ietf(13)], false)), '1a0d');
  assert.equal(toHex(writeNak([ietf(26)], true)), 'fe0000000000001a');
  assert.equal(toHex(writeNak([], true)), 'fe00000000000000');
  const expanded = decodeEap(fromHex('0205001c fe 000000 00000003 fe0000000000001a fe00013700000001'));
  assert.deepEqual(
    readNak(expanded).map(({ vendor, type }) => [vendor, type]),
    [
      [0, 26],
      [0x137, 1],
    ],
  );
});

const type = fc.oneof(
  fc.integer({ min: 1, max: 253 }).map(ietf),
  fc.record({
    vendor: fc.integer({ min: 0, max: 0xffffff }),
    type: fc.integer({ min: 0, max: 0xffffffff }),
    expanded: fc.constant(true),
  }),
);
const packet: fc.Arbitrary<EapPacket> = fc.record({
  code: fc.constantFrom(1, 2),
  identifier: fc.integer({ min: 0, max: 255 }),
  type,
  data: fc.uint8Array({ maxLength: 300 }),
});

test('what is written is read again, and no truncation passes', () => {
  fc.assert(
    fc.property(packet, fc.double({ min: 0, max: 0.999, noNaN: true }), (one, part) => {
      const bytes = encodeEap(one);
      assert.deepEqual(decodeEap(bytes), { ...one, type: { ...one.type } });
      assert.throws(() => decodeEap(bytes.subarray(0, Math.floor(bytes.length * part))), Malformed);
    }),
    { seed: 3748, numRuns: 200 },
  );
});

test('no text of a packet shows a password, a response or a challenge', () => {
  const gtc = { code: 2, identifier: 1, type: ietf(6), data: utf8('hunter2') };
  assert.equal(eapText(gtc), 'EAP Response id=1 GTC');
  const failure = utf8('\x04\x01\x00\x40E=691 R=1 C=00112233445566778899AABBCCDDEEFF V=3 M=no');
  const text = eapText({ code: 1, identifier: 2, type: ietf(26), data: failure });
  assert.match(text, /^EAP Request id=2 MSCHAPv2 (malformed|Failure)/);
  assert.doesNotMatch(text, /0011223344/);
});
