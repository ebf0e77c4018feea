/** HMAC over an OpenSSL context that is keyed once. RFC 2104, RFC 4868 §2. */

import type { HashName } from '../../crypto/index.ts';
import { type Address, Memory } from '../ffi.ts';
import { type Libcrypto, libcrypto, mustBe, NativeSecret } from './libcrypto.ts';

/** The longest digest, of SHA-512. */
const DIGEST_BYTES = 64;

export class EvpHmac {
  /** What `digest` gives; overwritten by each call. */
  readonly result: Uint8Array;
  readonly #c: Libcrypto = libcrypto();
  readonly #memory = new Memory(DIGEST_BYTES);
  readonly #result: Address;
  #context: Address;

  /** @throws Error where OpenSSL refuses the hash */
  constructor(hash: HashName, key: Uint8Array) {
    const c = this.#c;
    this.result = this.#memory.bytes;
    this.#result = this.#memory.base;
    const digest = mustBe(c.EVP_get_digestbyname(hash), `find ${hash}`);
    const secret = new NativeSecret(key);
    this.#context = mustBe(c.HMAC_CTX_new(), 'make an HMAC context');
    try {
      mustBe(c.HMAC_Init_ex(this.#context, secret.address, key.length, digest, 0), `key HMAC-${hash}`);
    } catch (error) {
      this.close();
      throw error;
    } finally {
      secret.wipe();
    }
  }

  /** Writes the whole digest of `length` bytes at `data` to `result`. */
  digest(data: Address, length: number): void {
    const c = this.#c;
    const context = this.#context;
    if (context === 0) throw new Error('the HMAC was closed');
    const made =
      c.HMAC_Init_ex(context, 0, 0, 0, 0) > 0 &&
      c.HMAC_Update(context, data, length) > 0 &&
      c.HMAC_Final(context, this.#result, 0) > 0;
    if (made) return;
    c.ERR_clear_error();
    throw new Error('OpenSSL does not compute an HMAC');
  }

  /** Frees the context, which overwrites its key. */
  close(): void {
    this.#c.HMAC_CTX_free(this.#context);
    this.#context = 0;
  }
}
