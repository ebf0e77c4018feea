/** Bytes as text and back. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { pack, sameBytes, toHex, unpack } from '../../src/wire/index.ts';

test('what is packed comes back, whole and in parts, and equal bytes are equal texts', () => {
  const bytes = fc.uint8Array({ maxLength: 300 });
  fc.assert(
    fc.property(bytes, bytes, fc.nat(300), fc.nat(300), (some, others, a, b) => {
      const packed = pack(some);
      assert.equal(toHex(unpack(packed)), toHex(some));
      const [from, to] = [Math.min(a, b, some.length), Math.min(Math.max(a, b), some.length)];
      assert.equal(toHex(unpack(packed, from, to)), toHex(some.subarray(from, to)));
      assert.equal(packed === pack(others), sameBytes(some, others));
    }),
    { seed: 1, numRuns: 300 },
  );
  const long = Uint8Array.from({ length: 10_000 }, (_, i) => i * 7);
  assert.ok(sameBytes(unpack(pack(long)), long));
});
