import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { concat, fromHex, nameOf, printable, sameBytes, toHex, utf8 } from '../../src/wire/index.ts';

test('hexadecimal goes both ways, and what is none is refused', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => assert.deepEqual(fromHex(toHex(bytes)), bytes)),
    { seed: 1 },
  );
  assert.deepEqual(fromHex('DE ad\nBE ef'), Uint8Array.of(0xde, 0xad, 0xbe, 0xef));
  for (const wrong of ['abc', 'zz', '0x12']) assert.throws(() => fromHex(wrong), RangeError);
});

test('joined parts are their bytes in order', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 20 })), (parts) => {
      assert.deepEqual(
        [...concat(...parts)],
        parts.flatMap((part) => [...part]),
      );
    }),
    { seed: 2 },
  );
});

test('equality is of content and length', () => {
  assert.ok(sameBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 2)));
  assert.ok(!sameBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 3)));
  assert.ok(!sameBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 2, 0)));
  assert.ok(!sameBytes(Uint8Array.of(1, 2, 0), Uint8Array.of(1, 2)));
});

test('text of a peer is made safe to print', () => {
  assert.equal(printable(utf8('Zürich')), 'Zürich');
  assert.equal(printable(utf8('a\u001b[31m\n\u2028b')), 'a\\x1b[31m\\x0a\\x2028b');
  assert.equal(printable(Uint8Array.of(0x61, 0xff)), 'a\\xfffd');
  assert.equal(printable(utf8('x'.repeat(200)), 10), `${'x'.repeat(10)}…`);
  fc.assert(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    fc.property(fc.uint8Array(), (bytes) => assert.doesNotMatch(printable(bytes), /[\u0000-\u001f\u007f-\u009f]/)),
    { seed: 3 },
  );
});

test('numbers without a name survive as hexadecimal', () => {
  const table = { one: 1, two: 2 };
  assert.equal(nameOf(table, 2), 'two');
  assert.equal(nameOf(table, 42), '0x2a');
});
