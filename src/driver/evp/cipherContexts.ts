/** One key's two EVP_CIPHER contexts, each made when its direction is first used: an SA uses but one. */

import type { Address } from '../ffi.ts';
import { fetchedCipher, libcrypto, mustBe, NativeSecret } from './libcrypto.ts';

export class CipherContexts {
  readonly #name: string;
  readonly #cipher: Address;
  readonly #key: NativeSecret;
  #encrypt: Address = 0;
  #decrypt: Address = 0;
  #closed = false;

  /**
   * @param name OpenSSL's, e.g. `AES-128-GCM`
   * @throws Error where OpenSSL has no such cipher
   */
  constructor(name: string, key: Uint8Array) {
    this.#name = name;
    this.#cipher = fetchedCipher(name);
    this.#key = new NativeSecret(key);
  }

  toEncrypt(): Address {
    if (this.#encrypt === 0) this.#encrypt = this.#make(1);
    return this.#encrypt;
  }

  toDecrypt(): Address {
    if (this.#decrypt === 0) this.#decrypt = this.#make(0);
    return this.#decrypt;
  }

  /** What to throw where OpenSSL refused what it never refuses. */
  failure(doing: string): Error {
    libcrypto().ERR_clear_error();
    return new Error(`OpenSSL does not ${doing} with ${this.#name}`);
  }

  /** Frees both, which overwrites the keys in them, and overwrites ours. Nothing works after it. */
  close(): void {
    this.#closed = true;
    for (const context of [this.#encrypt, this.#decrypt]) libcrypto().EVP_CIPHER_CTX_free(context);
    this.#encrypt = 0;
    this.#decrypt = 0;
    this.#key.wipe();
  }

  #make(encrypt: 0 | 1): Address {
    if (this.#closed) throw new Error(`${this.#name} was closed`);
    const c = libcrypto();
    const context = mustBe(c.EVP_CIPHER_CTX_new(), 'make a cipher context');
    try {
      mustBe(c.EVP_CipherInit_ex(context, this.#cipher, 0, this.#key.address, 0, encrypt), `key ${this.#name}`);
      mustBe(c.EVP_CIPHER_CTX_set_padding(context, 0), 'leave padding alone');
    } catch (error) {
      c.EVP_CIPHER_CTX_free(context);
      throw error;
    }
    return context;
  }
}
