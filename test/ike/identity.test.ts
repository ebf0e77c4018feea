/** Identities, selectors and the addresses in them. RFC 2407 §4.6.2, RFC 5952 §4. */

import assert from 'node:assert/strict';
import { isIPv6 } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  addressBytes,
  addressText,
  type Identity,
  identityOf,
  identityPayload,
  parseIdentity,
  sameIdentity,
  selectorOf,
  selectorPayload,
} from '../../src/ike/index.ts';
import { fromHex, utf8 } from '../../src/wire/index.ts';

test('identities survive the payload', () => {
  const identities: readonly Identity[] = [
    { type: 'ipv4', value: '192.168.1.5' },
    { type: 'ipv6', value: '2001:db8::1' },
    { type: 'fqdn', value: 'vpn.example.org' },
    { type: 'user-fqdn', value: 'anna@example.org' },
    { type: 'key-id', value: 'sales' },
    { type: 'key-id', value: '0x00ff' },
    { type: 'der-asn1-dn', value: '3000' },
  ];
  for (const identity of identities) assert.deepEqual(identityOf(identityPayload(identity)), identity);
  assert.throws(() => identityPayload({ type: 'ipv4', value: 'example.org' }), RangeError);
  assert.throws(() => identityPayload({ type: 'other', value: '00' }), RangeError);
});

test('what a peer sends is made safe to print, and what does not fit its type is shown as bytes', () => {
  assert.deepEqual(identityOf({ idType: 2, data: utf8('a\u001b[2Jb') }), { type: 'fqdn', value: 'a\\x1b[2Jb' });
  assert.deepEqual(identityOf({ idType: 1, data: fromHex('0102') }), { type: 'other', value: '0102' });
  assert.deepEqual(identityOf({ idType: 99, data: fromHex('0102') }), { type: 'other', value: '0102' });
  assert.deepEqual(identityOf({ idType: 4, data: fromHex('0a000000ffffff00') }), {
    type: 'ipv4-subnet',
    value: '10.0.0.0/24',
  });
});

test('any bytes under any type are an identity and perhaps a selector', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 255 }), fc.uint8Array({ maxLength: 40 }), (idType, data) => {
      identityOf({ idType, data });
      selectorOf({ kind: 'ID', idType, protocol: 17, port: 1701, data });
    }),
    { seed: 8, numRuns: 500 },
  );
});

test('identities of a config file', () => {
  assert.deepEqual(parseIdentity('192.0.2.1'), { type: 'ipv4', value: '192.0.2.1' });
  assert.deepEqual(parseIdentity('2001:DB8:0::1'), { type: 'ipv6', value: '2001:db8::1' });
  assert.deepEqual(parseIdentity('vpn.example.org'), { type: 'fqdn', value: 'vpn.example.org' });
  assert.deepEqual(parseIdentity('anna@example.org'), { type: 'user-fqdn', value: 'anna@example.org' });
  assert.deepEqual(parseIdentity('key-id:sales'), { type: 'key-id', value: 'sales' });
});

test('names compare without regard to case, other identities exactly', () => {
  assert.ok(sameIdentity({ type: 'fqdn', value: 'VPN.example.org' }, { type: 'fqdn', value: 'vpn.example.ORG' }));
  assert.ok(!sameIdentity({ type: 'key-id', value: 'Sales' }, { type: 'key-id', value: 'sales' }));
  assert.ok(!sameIdentity({ type: 'fqdn', value: 'a' }, { type: 'user-fqdn', value: 'a' }));
});

test('selectors survive the payload', () => {
  for (const address of [
    '10.1.2.3',
    '10.0.0.0/8',
    '0.0.0.0/0',
    '192.0.2.1/32',
    '2001:db8::1',
    '2001:db8::/33',
    '::/0',
  ]) {
    const selector = { address, protocol: 17, port: 1701 };
    assert.deepEqual(selectorOf(selectorPayload(selector)), selector);
  }
  assert.throws(() => selectorPayload({ address: '10.0.0.0/33', protocol: 0, port: 0 }), RangeError);
  assert.equal(
    selectorOf({ kind: 'ID', idType: 4, protocol: 0, port: 0, data: fromHex('0a000000ff00ff00') }),
    undefined,
  );
  assert.equal(selectorOf({ kind: 'ID', idType: 2, protocol: 0, port: 0, data: utf8('a') }), undefined);
});

test('addresses: text and bytes', () => {
  // biome-ignore format: a table; the texts are those of RFC 5952 §4
  const table = [
    ['192.0.2.1',              'c0000201'],
    ['2001:db8::1',            '20010db8000000000000000000000001'],
    ['2001:db8::1:1:1:1:1',    '20010db8000000010001000100010001', '2001:db8:0:1:1:1:1:1'],
    ['2001:db8:0:0:1:0:0:1',   '20010db8000000000001000000000001', '2001:db8::1:0:0:1'],
    ['::',                     '00000000000000000000000000000000'],
    ['::ffff:192.0.2.128',     '00000000000000000000ffffc0000280', '::ffff:c000:280'],
    ['1::',                    '00010000000000000000000000000000'],
  ] as const;
  for (const [text, hex, canonical] of table) {
    assert.deepEqual(addressBytes(text), fromHex(hex), text);
    assert.equal(addressText(fromHex(hex)), canonical ?? text);
  }
  for (const text of [
    '',
    '1.2.3',
    '1.2.3.256',
    '01.2.3.4',
    ':',
    ':::',
    '1::2::3',
    '12345::',
    '1:2:3:4:5:6:7',
    'g::',
    '1:2:3:4:5:6:7::8',
    'fe80::1%eth0',
  ]) {
    assert.equal(addressBytes(text), undefined, text);
  }
});

test('every address of 16 bytes has a text that reads back and that the system takes', () => {
  const word = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff }));
  fc.assert(
    fc.property(fc.array(word, { minLength: 8, maxLength: 8 }), (words) => {
      const bytes = Uint8Array.from(words.flatMap((value) => [value >> 8, value & 255]));
      const text = addressText(bytes)!;
      assert.ok(isIPv6(text));
      assert.deepEqual(addressBytes(text), bytes);
    }),
    { seed: 9, numRuns: 300 },
  );
});
