/** The one-call hashes against node:crypto's objects: every name, keys and data of all lengths, in parts. */

import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import type { HashName } from '../../src/crypto/index.ts';
import { nodeCrypto } from '../../src/crypto/node/index.ts';

const SEED = 2104;
const NAMES: readonly HashName[] = ['md5', 'sha1', 'sha256', 'sha384', 'sha512'];
const bytes = (maxLength: number) => fc.uint8Array({ maxLength });
const parts = fc.array(fc.oneof(bytes(300), bytes(9000)), { maxLength: 4 });

test('a hash is that of node:crypto, however the data are cut', () => {
  fc.assert(
    fc.property(fc.constantFrom(...NAMES), parts, (name, data) => {
      const slow = createHash(name);
      for (const part of data) slow.update(part);
      assert.deepEqual([...nodeCrypto.hash(name, ...data)], [...slow.digest()]);
    }),
    { seed: SEED },
  );
});

test('an HMAC is that of node:crypto, with keys shorter and longer than a block', () => {
  fc.assert(
    fc.property(fc.constantFrom(...NAMES), bytes(200), parts, (name, key, data) => {
      const slow = createHmac(name, key);
      for (const part of data) slow.update(part);
      assert.deepEqual([...nodeCrypto.hmac(name, key, ...data)], [...slow.digest()]);
    }),
    { seed: SEED },
  );
});
