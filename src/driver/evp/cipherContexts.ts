/** One key's two cipher contexts, each made when its direction is first used: an SA uses but one. */

import type { Address } from '../ffi.ts';
import { CallList } from './callList.ts';
import { libcrypto, mustBe, NativeSecret } from './libcrypto.ts';
import type { ProvidedCipher } from './providedCipher.ts';

export class CipherContexts {
  readonly #cipher: ProvidedCipher;
  readonly #key: NativeSecret;
  readonly #keyBytes: number;
  #encrypt: Address = 0;
  #decrypt: Address = 0;
  #closed = false;

  constructor(cipher: ProvidedCipher, key: Uint8Array) {
    this.#cipher = cipher;
    this.#key = new NativeSecret(key);
    this.#keyBytes = key.length;
  }

  toEncrypt(): Address {
    if (this.#encrypt === 0) this.#encrypt = this.#make(this.#cipher.encryptInit);
    return this.#encrypt;
  }

  toDecrypt(): Address {
    if (this.#decrypt === 0) this.#decrypt = this.#make(this.#cipher.decryptInit);
    return this.#decrypt;
  }

  /** What to throw where OpenSSL refused what it never refuses. */
  failure(doing: string): Error {
    libcrypto().ERR_clear_error();
    return new Error(`OpenSSL does not ${doing} with ${this.#cipher.name}`);
  }

  /** Frees both, which overwrites the keys in them, and overwrites ours. Nothing works after it. */
  close(): void {
    this.#closed = true;
    for (const context of [this.#encrypt, this.#decrypt]) if (context !== 0) this.#cipher.freeContext(context);
    this.#encrypt = 0;
    this.#decrypt = 0;
    this.#key.wipe();
  }

  #make(init: Address): Address {
    if (this.#closed) throw new Error(`${this.#cipher.name} was closed`);
    const context = this.#cipher.newContext();
    keying ??= new CallList(1);
    keying.set(0, init, context, this.#key.address, this.#keyBytes);
    const isKeyed = keying.run(0, 1);
    keying.set(0, 0);
    if (isKeyed) return context;
    this.#cipher.freeContext(context);
    mustBe(0, `key ${this.#cipher.name}`);
    return 0;
  }
}

let keying: CallList | undefined;
