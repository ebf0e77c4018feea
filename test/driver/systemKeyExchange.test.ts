import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { modpParameters, nodeKeyExchange } from '../../src/crypto/node/index.ts';
import { ModpGroup } from '../../src/driver/evp/index.ts';
import { available } from '../../src/driver/ffi.ts';
import { systemKeyExchange } from '../../src/driver/systemKeyExchange.ts';

const GROUPS = { modp1024: 'modp2', modp1536: 'modp5', modp2048: 'modp14' } as const;
const number = (bytes: Uint8Array) => BigInt(`0x${Buffer.from(bytes).toString('hex') || '0'}`);

/** The slow twin: square and multiply. */
function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  for (let square = base % modulus, left = exponent; left > 0n; left >>= 1n) {
    if (left & 1n) result = (result * square) % modulus;
    square = (square * square) % modulus;
  }
  return result;
}

describe('systemKeyExchange', () => {
  for (const [group, openssl] of Object.entries(GROUPS) as [keyof typeof GROUPS, string][]) {
    const { prime } = modpParameters(openssl);

    it(`agrees with node:crypto on secrets of ${group}, whoever generated the key`, () => {
      for (let i = 0; i < 4; i++) {
        const fast = systemKeyExchange.generateKey(group);
        const slow = nodeKeyExchange.generateKey(group);
        const secrets = [systemKeyExchange, nodeKeyExchange].flatMap((one) => [
          one.deriveSecret(group, fast.privateValue, slow.publicValue),
          one.deriveSecret(group, slow.privateValue, fast.publicValue),
        ]);
        assert.equal(secrets[0]?.length, prime.length);
        for (const secret of secrets) assert.deepEqual(secret, secrets[0]);
      }
    });

    it(`generates powers of 2 in ${group}, with private values of 228 random bits and more`, () => {
      const pairs = Array.from({ length: 8 }, () => systemKeyExchange.generateKey(group));
      for (const { publicValue, privateValue } of pairs) {
        assert.equal(publicValue.length, prime.length);
        assert.equal(number(publicValue), power(2n, number(privateValue), number(prime)));
        assert.ok(number(privateValue) >> 224n >= 57n || !available());
      }
      assert.equal(new Set(pairs.map(({ privateValue }) => number(privateValue))).size, pairs.length);
    });

    it(`refuses public values of ${group} that give the secret away, and others' lengths`, () => {
      const { privateValue } = systemKeyExchange.generateKey(group);
      const last = prime.length - 1;
      const small = (value: number) => prime.map((_, i) => (i === last ? value : 0));
      const minusOne = prime.map((byte, i) => (i === last ? byte - 1 : byte));
      const refused = [small(0), small(1), minusOne, prime, prime.map(() => 255), prime.subarray(1), new Uint8Array()];
      for (const value of refused) assert.equal(systemKeyExchange.deriveSecret(group, privateValue, value), undefined);
      assert.ok(systemKeyExchange.deriveSecret(group, privateValue, small(2)) !== undefined);
    });
  }

  it('computes leading zeros too', { skip: !available() }, () => {
    const { prime } = modpParameters('modp2');
    const two = prime.map((_, i) => (i === prime.length - 1 ? 2 : 0));
    const secret = new ModpGroup(prime, 2).deriveSecret(Uint8Array.of(10), two);
    assert.equal(secret.length, prime.length);
    assert.equal(number(secret), 1024n);
  });

  it('leaves the other groups to node:crypto', () => {
    const [a, b] = [systemKeyExchange.generateKey('ecp256'), nodeKeyExchange.generateKey('ecp256')];
    const secret = systemKeyExchange.deriveSecret('ecp256', a.privateValue, b.publicValue);
    assert.deepEqual(secret, nodeKeyExchange.deriveSecret('ecp256', b.privateValue, a.publicValue));
  });
});
