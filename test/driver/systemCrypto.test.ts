import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { nodeCrypto } from '../../src/crypto/node/index.ts';
import { fastCbc } from '../../src/driver/evp/index.ts';
import { available } from '../../src/driver/ffi.ts';
import { systemCrypto } from '../../src/driver/systemCrypto.ts';

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const message = fc
  .tuple(fc.constantFrom(16, 24, 32), fc.integer({ min: 1, max: 600 }))
  .chain(([keyBytes, blocks]) => fc.tuple(bytes(keyBytes), bytes(16), bytes(16 * blocks)));

describe('systemCrypto', () => {
  it('has a fast CBC wherever there is FFI', () => {
    assert.equal(fastCbc(nodeCrypto) !== undefined, available());
  });

  it('encrypts and decrypts as node:crypto does, whatever was encrypted before', () => {
    fc.assert(
      fc.property(message, ([key, iv, data]) => {
        const encrypted = systemCrypto.cbcEncrypt('aes-cbc', key, iv, data);
        assert.deepEqual(encrypted, nodeCrypto.cbcEncrypt('aes-cbc', key, iv, data));
        assert.deepEqual(systemCrypto.cbcDecrypt('aes-cbc', key, iv, encrypted), data);
      }),
      { numRuns: 100, seed: 7 },
    );
  });

  it('refuses what node:crypto refuses, and works on', () => {
    const [key, iv] = [new Uint8Array(32), new Uint8Array(16)];
    assert.throws(() => systemCrypto.cbcDecrypt('aes-cbc', key, iv, new Uint8Array(17)));
    assert.throws(() => systemCrypto.cbcEncrypt('aes-cbc', new Uint8Array(31), iv, new Uint8Array(16)));
    // NIST SP 800-38A F.2.1.
    const hex = (text: string) => Uint8Array.from(Buffer.from(text, 'hex'));
    const encrypted = systemCrypto.cbcEncrypt(
      'aes-cbc',
      hex('2b7e151628aed2a6abf7158809cf4f3c'),
      hex('000102030405060708090a0b0c0d0e0f'),
      hex('6bc1bee22e409f96e93d7e117393172a'),
    );
    assert.deepEqual(encrypted, hex('7649abac8119b246cee98e9b12e9197d'));
  });
});
