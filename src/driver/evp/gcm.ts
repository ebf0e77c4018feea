/** AES-GCM for ESP over an OpenSSL context that is keyed once: per packet only the IV changes. RFC 4106 §3–5. */

import { ESP_HEADER_BYTES, type EspGeometry, encryptionTransforms, type PacketCipher } from '../../esp/index.ts';
import { type Address, Memory } from '../ffi.ts';
import { addressIn } from './bufferAddress.ts';
import { CipherContexts } from './cipherContexts.ts';
import { AEAD_GET_TAG, type Libcrypto, libcrypto } from './libcrypto.ts';

const SALT_BYTES = encryptionTransforms['aes-gcm-16'].saltBytes;
const IV_BYTES = encryptionTransforms['aes-gcm-16'].ivBytes;

/** Behind the 12 bytes of nonce: two OSSL_PARAM (the tag, the end of the list) and the name of the first. OSSL_PARAM(3). */
const PARAMETERS = 16;
const PARAMETER_BYTES = 40;
const PARAMETER_TYPE = 8;
const PARAMETER_DATA = 16;
const PARAMETER_SIZE = 24;
const OCTET_STRING = 5;
const NAME = PARAMETERS + 2 * PARAMETER_BYTES;
const NAME_BYTES = 4;

export class EvpGcmCipher implements PacketCipher {
  readonly #c: Libcrypto = libcrypto();
  readonly #contexts: CipherContexts;
  readonly #prefixBytes: number;
  readonly #icvBytes: number;
  /** The nonce, then the parameters that hand a received tag to OpenSSL. */
  readonly #memory = new Memory(NAME + NAME_BYTES);
  readonly #nonce: Address;
  readonly #parameters: Address;
  readonly #tagPointer = PARAMETERS + PARAMETER_DATA;

  /** @throws Error where OpenSSL refuses the cipher */
  constructor(keyAndSalt: Uint8Array, keyBits: number, { prefixBytes, icvBytes }: EspGeometry) {
    const keyBytes = keyBits / 8;
    this.#contexts = new CipherContexts(`AES-${keyBits}-GCM`, keyAndSalt.subarray(0, keyBytes));
    this.#prefixBytes = prefixBytes;
    this.#icvBytes = icvBytes;
    const memory = this.#memory;
    this.#nonce = memory.base;
    this.#parameters = memory.base + PARAMETERS;
    memory.bytes.set(keyAndSalt.subarray(keyBytes, keyBytes + SALT_BYTES));
    memory.bytes.set(new TextEncoder().encode('tag'), NAME);
    memory.setWord(PARAMETERS, memory.base + NAME);
    memory.view.setUint32(PARAMETERS + PARAMETER_TYPE, OCTET_STRING, true);
    memory.setWord(PARAMETERS + PARAMETER_SIZE, icvBytes);
  }

  seal(bytes: Uint8Array, at: number, length: number): void {
    const c = this.#c;
    const icvBytes = this.#icvBytes;
    const packet = addressIn(bytes, at, length + icvBytes);
    const dataBytes = this.#dataBytes(length);
    const context = this.#contexts.toEncrypt();
    const data = packet + this.#prefixBytes;
    this.#takeIv(bytes, at);
    // The first that fails makes the rest not run; EVP_Cipher gives lengths, of which 0 is one.
    const sealed =
      c.EVP_CipherInit_ex(context, 0, 0, 0, this.#nonce, -1) > 0 &&
      c.EVP_Cipher(context, 0, packet, ESP_HEADER_BYTES) >= 0 &&
      c.EVP_Cipher(context, data, data, dataBytes) >= 0 &&
      c.EVP_Cipher(context, 0, 0, 0) >= 0 &&
      c.EVP_CIPHER_CTX_ctrl(context, AEAD_GET_TAG, icvBytes, packet + length) > 0;
    if (!sealed) throw this.#contexts.failure('seal');
  }

  open(bytes: Uint8Array, at: number, length: number, out: Uint8Array, outAt: number): boolean {
    const c = this.#c;
    const dataBytes = this.#dataBytes(length);
    const target = addressIn(out, outAt, dataBytes);
    const packet = addressIn(bytes, at, length + this.#icvBytes);
    const context = this.#contexts.toDecrypt();
    this.#takeIv(bytes, at);
    this.#memory.setWord(this.#tagPointer, packet + length);
    const started =
      c.EVP_CipherInit_ex2(context, 0, 0, this.#nonce, -1, this.#parameters) > 0 &&
      c.EVP_Cipher(context, 0, packet, ESP_HEADER_BYTES) >= 0 &&
      c.EVP_Cipher(context, target, packet + this.#prefixBytes, dataBytes) >= 0;
    if (!started) throw this.#contexts.failure('open');
    if (c.EVP_Cipher(context, 0, 0, 0) >= 0) return true;
    c.ERR_clear_error();
    return false;
  }

  close(): void {
    this.#contexts.close();
    this.#memory.bytes.fill(0);
  }

  #dataBytes(length: number): number {
    if (length < this.#prefixBytes) throw new RangeError(`${length} bytes are shorter than header and IV`);
    return length - this.#prefixBytes;
  }

  #takeIv(bytes: Uint8Array, at: number): void {
    const nonce = this.#memory.bytes;
    const iv = at + ESP_HEADER_BYTES;
    for (let i = 0; i < IV_BYTES; i++) nonce[SALT_BYTES + i] = bytes[iv + i]!;
  }
}
