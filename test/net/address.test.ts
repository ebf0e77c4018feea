import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import test from 'node:test';
import fc from 'fast-check';
import {
  canonicalAddress,
  formatAddress,
  formatIpv4Number,
  formatPrefix,
  parseAddress,
  parseIpv4,
  parseIpv4Number,
  parseIpv6,
  parsePrefix,
  prefixContains,
} from '../../src/net/index.ts';

const SEED = 4291;
const bytesOf = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

test('IPv4 text is read strictly', () => {
  assert.deepEqual(parseIpv4('192.0.2.255'), Uint8Array.of(192, 0, 2, 255));
  assert.equal(parseIpv4Number('255.255.255.255'), 0xffffffff);
  for (const wrong of [
    '010.0.0.1',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.256',
    '1.2.3.',
    ' 1.2.3.4',
    '1.2.3.0x4',
    '',
    '1..2.3',
  ]) {
    assert.equal(parseIpv4(wrong), undefined, wrong);
  }
});

test('IPv6 text is canonical as RFC 5952 §4 says', () => {
  const canonical = {
    '2001:db8::0:1': '2001:db8::1',
    '2001:0db8:0:0:0:0:2:1': '2001:db8::2:1',
    '2001:db8:0:1:1:1:1:1': '2001:db8:0:1:1:1:1:1',
    '2001:db8:0:0:1:0:0:1': '2001:db8::1:0:0:1',
    '2001:DB8::ABCD': '2001:db8::abcd',
    '::': '::',
    '1::': '1::',
    '::ffff:192.0.2.1': '::ffff:192.0.2.1',
    '64:ff9b::192.0.2.33': '64:ff9b::c000:221',
  };
  for (const [text, expected] of Object.entries(canonical)) assert.equal(canonicalAddress(text), expected);
});

test('IPv6 text that is none is refused', () => {
  const wrong = [':::', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9', '::1::', '12345::', 'g::', 'fe80::1%eth0', '1:', ':1'];
  for (const text of [...wrong, '1:2:3:4:5:6:7::8', '::1.2.3', '1.2.3.4::', '::01.2.3.4', '1:2:3:4:5:6:7:1.2.3.4']) {
    assert.equal(parseIpv6(text), undefined, text);
  }
});

test('format and parse are inverse, and the engine agrees that it is an address', () => {
  fc.assert(
    fc.property(fc.oneof(bytesOf(4), bytesOf(16), sparse()), (bytes) => {
      const text = formatAddress(bytes);
      assert.deepEqual(parseAddress(text), bytes);
      assert.equal(canonicalAddress(text), text);
      assert.equal(isIP(text), bytes.length === 4 ? 4 : 6);
    }),
    { seed: SEED },
  );
});

test('strict parsing takes no more than the engine does', () => {
  const characters = fc.constantFrom(...'0123456789abf:.');
  fc.assert(
    fc.property(fc.string({ unit: characters, maxLength: 20 }), (text) => {
      if (parseAddress(text) !== undefined) assert.notEqual(isIP(text), 0, text);
      else assert.equal(isIP(text), 0, text);
    }),
    { seed: SEED, numRuns: 2000 },
  );
});

test('a prefix contains what shares its bits', () => {
  const inside = (prefix: string, address: string) => prefixContains(parsePrefix(prefix)!, parseAddress(address)!);
  assert.ok(inside('10.0.0.0/8', '10.255.1.2'));
  assert.ok(!inside('10.0.0.0/8', '11.0.0.0'));
  assert.ok(inside('10.1.2.0/23', '10.1.3.255'));
  assert.ok(!inside('10.1.2.0/23', '10.1.4.0'));
  assert.ok(inside('0.0.0.0/0', '1.2.3.4'));
  assert.ok(!inside('0.0.0.0/0', '::1'));
  assert.ok(inside('2001:db8::/33', '2001:db8:7fff::'));
  assert.ok(!inside('2001:db8::/33', '2001:db8:8000::'));
  assert.ok(inside('192.0.2.1', '192.0.2.1'));
  assert.equal(formatPrefix(parsePrefix('2001:DB8::/32')!), '2001:db8::/32');
  for (const wrong of ['10.0.0.1/8', '10.0.0.0/33', '10.0.0.0/08', '10.0.0.0/', '10.0.0.0/8/8', '::1/127', 'x/8']) {
    assert.equal(parsePrefix(wrong), undefined, wrong);
  }
});

test('a prefix agrees with arithmetic on random IPv4 addresses', () => {
  fc.assert(
    fc.property(fc.nat(32), fc.nat(0xffffffff), fc.nat(0xffffffff), (length, a, b) => {
      const size = 2 ** (32 - length);
      const network = Math.floor(a / size) * size;
      const prefix = parsePrefix(`${formatIpv4Number(network)}/${length}`)!;
      assert.equal(prefixContains(prefix, parseIpv4(formatIpv4Number(b))!), Math.floor(b / size) * size === network);
    }),
    { seed: SEED },
  );
});

/** IPv6 addresses with runs of zeros. */
function sparse() {
  return fc.array(fc.constantFrom(0, 0, 0, 1, 255), { minLength: 16, maxLength: 16 }).map((b) => Uint8Array.from(b));
}
