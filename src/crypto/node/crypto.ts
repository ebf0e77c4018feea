/** `Crypto` by node:crypto, and MD4, which OpenSSL 3 keeps in a provider that is not loaded. */

import { type CipherGCM, createCipheriv, createDecipheriv, type DecipherGCM, timingSafeEqual } from 'node:crypto';
import { concat } from '../../wire/index.ts';
import type { CbcName, Crypto } from '../crypto.ts';
import { md4 } from '../md4.ts';
import { digest, hmacOf } from './hash.ts';
import { plain } from './plain.ts';

const TAG_BYTES = 16;
const CHACHA = 'chacha20-poly1305';
const DES_KEY_BYTES = 7;

export const nodeCrypto: Crypto = {
  hash(name, ...data) {
    return digest(name, data.length === 1 ? data[0]! : concat(...data));
  },

  hmac(name, key, ...data) {
    return hmacOf(name, key, data);
  },

  cbcEncrypt(name, key, iv, data) {
    const cipher = createCipheriv(cbcAlgorithm(name, key), key, iv).setAutoPadding(false);
    const encrypted = cipher.update(data);
    cipher.final();
    return plain(encrypted);
  },

  cbcDecrypt(name, key, iv, data) {
    const decipher = createDecipheriv(cbcAlgorithm(name, key), key, iv).setAutoPadding(false);
    const decrypted = decipher.update(data);
    decipher.final();
    return plain(decrypted);
  },

  gcmSeal: (key, nonce, aad, data) =>
    seal(createCipheriv(gcmAlgorithm(key), key, nonce, { authTagLength: TAG_BYTES }), aad, data),

  gcmOpen: (key, nonce, aad, sealed) =>
    open(createDecipheriv(gcmAlgorithm(key), key, nonce, { authTagLength: TAG_BYTES }), aad, sealed),

  chachaSeal: (key, nonce, aad, data) =>
    seal(createCipheriv(CHACHA, key, nonce, { authTagLength: TAG_BYTES }), aad, data),

  chachaOpen: (key, nonce, aad, sealed) =>
    open(createDecipheriv(CHACHA, key, nonce, { authTagLength: TAG_BYTES }), aad, sealed),

  md4,

  desBlock(key7, block) {
    // Triple DES under three equal keys is DES, which OpenSSL 3 does not give by its own name.
    const key = expandDesKey(key7);
    const cipher = createCipheriv('des-ede3', Buffer.concat([key, key, key]), null).setAutoPadding(false);
    const encrypted = cipher.update(block);
    cipher.final();
    return plain(encrypted);
  },

  equal(a, b) {
    return a.length === b.length && timingSafeEqual(a, b);
  },
};

function seal(cipher: CipherGCM, aad: Uint8Array, data: Uint8Array): Uint8Array {
  cipher.setAAD(aad, { plaintextLength: data.length });
  const sealed = new Uint8Array(data.length + TAG_BYTES);
  sealed.set(cipher.update(data));
  cipher.final();
  sealed.set(cipher.getAuthTag(), data.length);
  return sealed;
}

function open(decipher: DecipherGCM, aad: Uint8Array, sealed: Uint8Array): Uint8Array | undefined {
  const length = sealed.length - TAG_BYTES;
  if (length < 0) return undefined;
  decipher.setAAD(aad, { plaintextLength: length });
  decipher.setAuthTag(sealed.subarray(length));
  const opened = decipher.update(sealed.subarray(0, length));
  try {
    decipher.final();
  } catch {
    return undefined;
  }
  return plain(opened);
}

function cbcAlgorithm(name: CbcName, key: Uint8Array): string {
  return name === '3des-cbc' ? 'des-ede3-cbc' : `aes-${key.length * 8}-cbc`;
}

function gcmAlgorithm(key: Uint8Array): 'aes-128-gcm' | 'aes-192-gcm' | 'aes-256-gcm' {
  return `aes-${key.length * 8}-gcm` as 'aes-128-gcm';
}

/** Seven bits to a byte; the lowest bit of each, its parity, is ignored by the cipher. RFC 2759 §8.6. */
function expandDesKey(key7: Uint8Array): Uint8Array {
  if (key7.length !== DES_KEY_BYTES) throw new RangeError(`a DES key has 7 bytes here, given ${key7.length}`);
  return Uint8Array.from({ length: 8 }, (_, i) => {
    const twoBytes = ((key7[i - 1] ?? 0) << 8) | (key7[i] ?? 0);
    return (twoBytes >> i) & 0xfe;
  });
}
