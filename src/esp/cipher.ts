/** Encryption and authentication of whole ESP packets, keyed once per SA. RFC 4303 §3.3.2, §3.4.4; RFC 4106 §3–5, 7634 §2. */

import type { CbcName, Crypto, HashName } from '../crypto/index.ts';
import { concat } from '../wire/index.ts';
import type { EspKeys, EspSuite } from './suite.ts';
import { ESP_HEADER_BYTES, type EspGeometry, integrityTransforms } from './transforms.ts';

/** In place of the high half of a sequence number: the SA's numbers are of 32 bits. */
export const NOT_EXTENDED = -1;

/**
 * One direction's cipher. It works on a packet that is laid out already: header and IV at `at`, then what is to be
 * or was encrypted, and `length` counts all of it without the ICV, which stands at `at + length`.
 */
export interface PacketCipher {
  /**
   * Encrypts in place what follows the IV and writes the ICV behind it.
   * @param high half of an extended sequence number, which is authenticated and not sent; `NOT_EXTENDED` unless given
   */
  seal(bytes: Uint8Array, at: number, length: number, high?: number): void;
  /**
   * Verifies the ICV, then decrypts what follows the IV to `out` at `outAt`: another buffer, or the same one with
   * `outAt` where the ciphertext stands.
   * @returns false where the ICV does not verify; `out` is then without meaning
   */
  open(bytes: Uint8Array, at: number, length: number, out: Uint8Array, outAt: number, high?: number): boolean;
  /** For ciphers to which several packets at a time are cheaper. */
  readonly batch?: CipherBatch;
  /** Overwrites the keys and gives back what is held outside of JavaScript's heap. Nothing is called after it. */
  close(): void;
}

/** Packets of one SA that a `CipherBatch` takes before they must be done: what fits into a processor's first cache. */
export const BATCH_PACKETS = 16;

/** Packets that are sealed together, or opened together: each is added, then all are done. Arguments as of the cipher. */
export interface CipherBatch {
  addToSeal(bytes: Uint8Array, at: number, length: number, high: number): void;
  /** Seals what was added. */
  sealAdded(): void;
  /** To be opened where it stands. */
  addToOpen(bytes: Uint8Array, at: number, length: number, high: number): void;
  /** Opens what was added. @returns how many verified before the first that did not; those behind it are untouched */
  openAdded(): number;
  /** Forgets what was added and not done, as a fault stood in between. */
  discardAdded(): void;
}

/** Makes the cipher of one SA; keys and geometry are the suite's. The data plane may bring a faster one. */
export type NewPacketCipher = (suite: EspSuite, keys: EspKeys, geometry: EspGeometry) => PacketCipher;

/** Ciphers over a `Crypto`: correct everywhere, at the price of what `Crypto` allocates for each packet. */
export function packetCiphers(crypto: Crypto): NewPacketCipher {
  return ({ encryption, keyBits, integrity }, keys, geometry) => {
    if (encryption === 'aes-gcm-16' || encryption === 'chacha20-poly1305') {
      return new AeadCipher(aeadOf(crypto, encryption), keys.encryption, keyBits / 8, geometry);
    }
    return new CbcHmacCipher(crypto, encryption, integrityTransforms[integrity!].hash, keys, geometry);
  };
}

interface Aead {
  readonly seal: Crypto['gcmSeal'];
  readonly open: Crypto['gcmOpen'];
}

function aeadOf(crypto: Crypto, encryption: 'aes-gcm-16' | 'chacha20-poly1305'): Aead {
  return encryption === 'aes-gcm-16'
    ? { seal: crypto.gcmSeal.bind(crypto), open: crypto.gcmOpen.bind(crypto) }
    : { seal: crypto.chachaSeal.bind(crypto), open: crypto.chachaOpen.bind(crypto) };
}

class AeadCipher implements PacketCipher {
  readonly #aead: Aead;
  readonly #key: Uint8Array;
  readonly #geometry: EspGeometry;
  /** Salt and the packet's IV. */
  readonly #nonce: Uint8Array;
  readonly #saltBytes: number;

  constructor(aead: Aead, keyAndSalt: Uint8Array, keyBytes: number, geometry: EspGeometry) {
    this.#aead = aead;
    this.#saltBytes = keyAndSalt.length - keyBytes;
    this.#key = keyAndSalt.slice(0, keyBytes);
    this.#geometry = geometry;
    this.#nonce = new Uint8Array(this.#saltBytes + geometry.ivBytes);
    this.#nonce.set(keyAndSalt.subarray(keyBytes));
  }

  seal(bytes: Uint8Array, at: number, length: number, high = NOT_EXTENDED): void {
    const from = at + this.#geometry.prefixBytes;
    const header = aeadHeader(bytes, at, high);
    const plaintext = bytes.subarray(from, at + length);
    bytes.set(this.#aead.seal(this.#key, this.#nonceOf(bytes, at), header, plaintext), from);
  }

  open(bytes: Uint8Array, at: number, length: number, out: Uint8Array, outAt: number, high = NOT_EXTENDED): boolean {
    const header = aeadHeader(bytes, at, high);
    const sealed = bytes.subarray(at + this.#geometry.prefixBytes, at + length + this.#geometry.icvBytes);
    const plaintext = this.#aead.open(this.#key, this.#nonceOf(bytes, at), header, sealed);
    if (plaintext === undefined) return false;
    out.set(plaintext, outAt);
    return true;
  }

  close(): void {
    this.#key.fill(0);
  }

  #nonceOf(bytes: Uint8Array, at: number): Uint8Array {
    const iv = at + ESP_HEADER_BYTES;
    for (let i = 0; i < this.#geometry.ivBytes; i++) this.#nonce[this.#saltBytes + i] = bytes[iv + i]!;
    return this.#nonce;
  }
}

class CbcHmacCipher implements PacketCipher {
  readonly #crypto: Crypto;
  readonly #cipher: CbcName;
  readonly #hash: HashName;
  readonly #encryptionKey: Uint8Array;
  readonly #integrityKey: Uint8Array;
  readonly #geometry: EspGeometry;

  constructor(crypto: Crypto, cipher: CbcName, hash: HashName, keys: EspKeys, geometry: EspGeometry) {
    this.#crypto = crypto;
    this.#cipher = cipher;
    this.#hash = hash;
    this.#encryptionKey = keys.encryption.slice();
    this.#integrityKey = keys.integrity.slice();
    this.#geometry = geometry;
  }

  seal(bytes: Uint8Array, at: number, length: number, high = NOT_EXTENDED): void {
    const from = at + this.#geometry.prefixBytes;
    const iv = bytes.subarray(at + ESP_HEADER_BYTES, from);
    const plaintext = bytes.subarray(from, at + length);
    bytes.set(this.#crypto.cbcEncrypt(this.#cipher, this.#encryptionKey, iv, plaintext), from);
    bytes.set(this.#icv(bytes, at, length, high), at + length);
  }

  open(bytes: Uint8Array, at: number, length: number, out: Uint8Array, outAt: number, high = NOT_EXTENDED): boolean {
    const received = bytes.subarray(at + length, at + length + this.#geometry.icvBytes);
    if (!this.#crypto.equal(this.#icv(bytes, at, length, high), received)) return false;
    const from = at + this.#geometry.prefixBytes;
    const iv = bytes.subarray(at + ESP_HEADER_BYTES, from);
    const ciphertext = bytes.subarray(from, at + length);
    out.set(this.#crypto.cbcDecrypt(this.#cipher, this.#encryptionKey, iv, ciphertext), outAt);
    return true;
  }

  close(): void {
    this.#encryptionKey.fill(0);
    this.#integrityKey.fill(0);
  }

  #icv(bytes: Uint8Array, at: number, length: number, high: number): Uint8Array {
    const packet = bytes.subarray(at, at + length);
    const covered = high === NOT_EXTENDED ? packet : concat(packet, u32Bytes(high));
    const digest = this.#crypto.hmac(this.#hash, this.#integrityKey, covered);
    return digest.subarray(0, this.#geometry.icvBytes);
  }
}

/** What an AEAD authenticates in front of the ciphertext: SPI and the whole sequence number. RFC 4106 §5. */
function aeadHeader(bytes: Uint8Array, at: number, high: number): Uint8Array {
  const header = bytes.subarray(at, at + ESP_HEADER_BYTES);
  if (high === NOT_EXTENDED) return header;
  return concat(header.subarray(0, 4), u32Bytes(high), header.subarray(4));
}

const u32Bytes = (value: number) => Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
