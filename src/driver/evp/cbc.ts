/**
 * AES-CBC of whole messages by OpenSSL's own functions: an object of node:crypto takes several times as long as what
 * it encrypts for IKE. NIST SP 800-38A §6.2.
 */

import type { Crypto } from '../../crypto/index.ts';
import { Memory } from '../ffi.ts';
import { CallList } from './callList.ts';
import { mustBe } from './libcrypto.ts';
import { type ProvidedCipher, providedCipher } from './providedCipher.ts';

export type Cbc = Pick<Crypto, 'cbcEncrypt' | 'cbcDecrypt'>;

const BLOCK_BYTES = 16;
/** Longer messages go to the slow way. */
const MOST_BYTES = 8192;

/** In one area of memory: the key, the IV, zeros in the place of both, where OpenSSL writes a length, the data. */
const At = { key: 0, iv: 32, noKey: 48, noIv: 80, length: 96, data: 104 } as const;
const Call = { init: 0, cipher: 1, forget: 2 } as const;

/**
 * @param slow takes what is not AES or too long
 * @returns undefined where OpenSSL cannot be called or computes something else
 */
export function fastCbc(slow: Cbc): Cbc | undefined {
  try {
    const ciphers = new Map([16, 24, 32].map((keyBytes) => [keyBytes, new KeyedAnew(keyBytes)]));
    const isFast = (key: Uint8Array, iv: Uint8Array, data: Uint8Array) =>
      ciphers.has(key.length) &&
      iv.length === BLOCK_BYTES &&
      data.length % BLOCK_BYTES === 0 &&
      data.length > 0 &&
      data.length <= MOST_BYTES;
    const fast: Cbc = {
      cbcEncrypt: (name, key, iv, data) =>
        name === 'aes-cbc' && isFast(key, iv, data)
          ? ciphers.get(key.length)!.run('encryptInit', key, iv, data)
          : slow.cbcEncrypt(name, key, iv, data),
      cbcDecrypt: (name, key, iv, data) =>
        name === 'aes-cbc' && isFast(key, iv, data)
          ? ciphers.get(key.length)!.run('decryptInit', key, iv, data)
          : slow.cbcDecrypt(name, key, iv, data),
    };
    return [...ciphers.keys()].every((keyBytes) => agree(fast, slow, keyBytes)) ? fast : undefined;
  } catch {
    return undefined;
  }
}

/** One context for all keys of a length; it and the memory keep none of them behind a call. */
class KeyedAnew {
  readonly #cipher: ProvidedCipher;
  readonly #memory = new Memory(At.data + MOST_BYTES);
  readonly #list = new CallList(Call.forget + 1);

  constructor(keyBytes: number) {
    const { base } = this.#memory;
    this.#cipher = providedCipher(`AES-${keyBytes * 8}-CBC`);
    const context = this.#cipher.keyed(base + At.noKey, keyBytes, true);
    const data = base + At.data;
    this.#list.set(Call.init, 0, context, base + At.key, keyBytes, base + At.iv, BLOCK_BYTES);
    this.#list.set(Call.cipher, this.#cipher.cipher, context, data, base + At.length, 0, data, 0);
    const { encryptInit } = this.#cipher;
    this.#list.set(Call.forget, encryptInit, context, base + At.noKey, keyBytes, base + At.noIv, BLOCK_BYTES);
  }

  run(init: 'encryptInit' | 'decryptInit', key: Uint8Array, iv: Uint8Array, data: Uint8Array): Uint8Array {
    const { bytes } = this.#memory;
    const list = this.#list;
    const { length } = data;
    bytes.set(key, At.key);
    bytes.set(iv, At.iv);
    bytes.set(data, At.data);
    list.put(Call.init, TARGET, this.#cipher[init]);
    list.putSmall(Call.cipher, ROOM, length);
    list.putSmall(Call.cipher, LENGTH, length);
    const done = list.run(Call.init, Call.forget + 1);
    const result = bytes.slice(At.data, At.data + length);
    bytes.fill(0, 0, At.noKey);
    bytes.fill(0, At.data, At.data + length);
    mustBe(done ? 1 : 0, `run ${this.#cipher.name}`);
    return result;
  }
}

/** Of a call in a list: the function, and the values that change. */
const TARGET = -1;
const ROOM = 3;
const LENGTH = 5;

function agree(fast: Cbc, slow: Cbc, keyBytes: number): boolean {
  const [key, iv, data] = [keyBytes, BLOCK_BYTES, 5 * BLOCK_BYTES].map((length) =>
    Uint8Array.from({ length }, (_, i) => i * 7 + length),
  ) as [Uint8Array, Uint8Array, Uint8Array];
  const encrypted = fast.cbcEncrypt('aes-cbc', key, iv, data);
  const isSame = (a: Uint8Array, b: Uint8Array) => a.length === b.length && a.every((byte, i) => byte === b[i]);
  return (
    isSame(encrypted, slow.cbcEncrypt('aes-cbc', key, iv, data)) &&
    isSame(fast.cbcDecrypt('aes-cbc', key, iv, encrypted), data)
  );
}
