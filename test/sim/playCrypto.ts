/**
 * Cryptography that protects nothing and costs little: whoever has another key, or other bytes, gets another result.
 * Long lives spend their time in protocols instead of in ciphers, and the same seed gives the same bytes.
 */

import {
  type Crypto,
  type GroupName,
  type HashName,
  isKem,
  type KemName,
  type KeyExchange,
} from '../../src/crypto/index.ts';
import { md4 } from '../../src/crypto/md4.ts';
import { nodeCrypto, nodeKeyExchange } from '../../src/crypto/node/index.ts';

/** What a stack computes with. */
export interface Cryptography {
  readonly crypto: Crypto;
  readonly keyExchange: KeyExchange;
}

export const REAL: Cryptography = { crypto: nodeCrypto, keyExchange: nodeKeyExchange };

const DIGEST_BYTES: Readonly<Record<HashName, number>> = { md5: 16, sha1: 20, sha256: 32, sha384: 48, sha512: 64 };
const TAG_BYTES = 16;

/** Two 32-bit lanes over all that was put in, and a stream out of them. */
class Mixer {
  #a: number;
  #b = 0x9e3779b9;

  constructor(salt: number) {
    this.#a = salt | 0;
  }

  put(bytes: Uint8Array): this {
    let a = this.#a;
    let b = this.#b ^ bytes.length;
    for (let i = 0; i < bytes.length; i++) {
      a = Math.imul(a ^ bytes[i]!, 0x01000193);
      b = (b + (a ^ (b << 5) ^ (a >>> 11))) | 0;
    }
    this.#a = Math.imul(a ^ (b >>> 15), 0x85ebca6b);
    this.#b = b;
    return this;
  }

  take(bytes: Uint8Array): Uint8Array {
    for (let i = 0; i < bytes.length; i += 4) {
      const word = this.#next();
      bytes[i] = word;
      if (i + 1 < bytes.length) bytes[i + 1] = word >>> 8;
      if (i + 2 < bytes.length) bytes[i + 2] = word >>> 16;
      if (i + 3 < bytes.length) bytes[i + 3] = word >>> 24;
    }
    return bytes;
  }

  /** `data` under the stream. */
  mask(data: Uint8Array): Uint8Array {
    const masked = this.take(new Uint8Array(data.length));
    for (let i = 0; i < data.length; i++) masked[i]! ^= data[i]!;
    return masked;
  }

  #next(): number {
    this.#a = (this.#a + 0x6d2b79f5) | 0;
    let word = Math.imul(this.#a ^ (this.#a >>> 15), this.#b | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    return (word ^ (word >>> 14)) | 0;
  }
}

const mixed = (salt: number, bytes: number, parts: readonly Uint8Array[]): Uint8Array => {
  const mixer = new Mixer(salt);
  for (const part of parts) mixer.put(part);
  return mixer.take(new Uint8Array(bytes));
};

const cbc = (key: Uint8Array, iv: Uint8Array, data: Uint8Array) => new Mixer(3).put(key).put(iv).mask(data);

const playCrypto: Crypto = {
  hash: (name, ...data) => mixed(1, DIGEST_BYTES[name], [joined(data)]),
  hmac: (name, key, ...data) => mixed(2, DIGEST_BYTES[name], [key, joined(data)]),
  cbcEncrypt: (_, key, iv, data) => cbc(key, iv, data),
  cbcDecrypt: (_, key, iv, data) => cbc(key, iv, data),
  gcmSeal(key, nonce, aad, data) {
    const sealed = new Uint8Array(data.length + TAG_BYTES);
    sealed.set(new Mixer(4).put(key).put(nonce).mask(data));
    sealed.set(mixed(5, TAG_BYTES, [key, nonce, aad, data]), data.length);
    return sealed;
  },
  gcmOpen(key, nonce, aad, sealed) {
    const data = new Mixer(4)
      .put(key)
      .put(nonce)
      .mask(sealed.subarray(0, sealed.length - TAG_BYTES));
    const tag = mixed(5, TAG_BYTES, [key, nonce, aad, data]);
    return playCrypto.equal(tag, sealed.subarray(sealed.length - TAG_BYTES)) ? data : undefined;
  },
  chachaSeal: (key, nonce, aad, data) => playCrypto.gcmSeal(key, nonce, aad, data),
  chachaOpen: (key, nonce, aad, sealed) => playCrypto.gcmOpen(key, nonce, aad, sealed),
  md4,
  desBlock: (key7, block) => mixed(6, 8, [key7, block]),
  equal: (a, b) => a.length === b.length && a.every((byte, i) => byte === b[i]),
};

const PRIME = 2147483647n;
const GENERATOR = 7n;
const PUBLIC_BYTES: Readonly<Record<GroupName, number>> = {
  modp1024: 128,
  modp1536: 192,
  modp2048: 256,
  modp3072: 384,
  modp4096: 512,
  ecp256: 64,
  ecp384: 96,
  ecp521: 132,
  curve25519: 32,
  curve448: 56,
  mlkem512: 800,
  mlkem768: 1184,
  mlkem1024: 1568,
};

/** Of the ciphertexts. FIPS 203 §8. */
const CIPHERTEXT_BYTES: Readonly<Record<KemName, number>> = { mlkem512: 768, mlkem768: 1088, mlkem1024: 1568 };

/** @param random where private values come from */
export function playCryptography(random: (length: number) => Uint8Array): Cryptography {
  return {
    crypto: playCrypto,
    keyExchange: {
      generateKey(group) {
        const privateValue = random(3);
        return { privateValue, publicValue: written(power(GENERATOR, exponent(privateValue)), PUBLIC_BYTES[group]) };
      },
      deriveSecret(group, privateValue, peerPublicValue) {
        if (peerPublicValue.length !== (isKem(group) ? CIPHERTEXT_BYTES : PUBLIC_BYTES)[group as KemName])
          return undefined;
        return written(power(exponentiated(peerPublicValue), exponent(privateValue)), 32);
      },
      // As ElGamal does it: the ciphertext is a public value of the moment.
      encapsulate(group, peerPublicValue) {
        if (peerPublicValue.length !== PUBLIC_BYTES[group]) return undefined;
        const once = exponent(random(3));
        const ciphertext = written(power(GENERATOR, once), CIPHERTEXT_BYTES[group]);
        return { ciphertext, secret: written(power(exponentiated(peerPublicValue), once), 32) };
      },
    },
  };
}

const exponentiated = (bytes: Uint8Array) =>
  BigInt(new DataView(bytes.buffer, bytes.byteOffset).getUint32(bytes.length - 4));

const exponent = ([a, b, c]: Uint8Array) => a! * 65_536 + b! * 256 + c! + 1;

function power(base: bigint, times: number): bigint {
  let result = 1n;
  let square = base % PRIME;
  for (let left = times; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) result = (result * square) % PRIME;
    square = (square * square) % PRIME;
  }
  return result;
}

function written(value: bigint, bytes: number): Uint8Array {
  const out = new Uint8Array(bytes);
  new DataView(out.buffer).setUint32(bytes - 4, Number(value));
  return out;
}

/** A hash is one over all parts, however they are cut. */
function joined(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
