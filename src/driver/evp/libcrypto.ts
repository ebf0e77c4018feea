/** The functions of OpenSSL 3 inside the node binary that packets need, with addresses as numbers. EVP_EncryptInit(3). */

import { type Address, declare, Memory } from '../ffi.ts';

/** Functions that return an int give 1 (or a length) for success, 0 or less for failure. An address of 0 is NULL. */
export interface Libcrypto {
  readonly EVP_CIPHER_fetch: (library: Address, name: string, properties: Address) => Address;
  readonly EVP_CIPHER_CTX_new: () => Address;
  readonly EVP_CIPHER_CTX_free: (context: Address) => void;
  /** `encrypt` is 1 or 0, or -1 to leave the direction as it is. */
  readonly EVP_CipherInit_ex: (
    context: Address,
    cipher: Address,
    engine: Address,
    key: Address,
    iv: Address,
    encrypt: number,
  ) => number;
  readonly EVP_CipherInit_ex2: (
    context: Address,
    cipher: Address,
    key: Address,
    iv: Address,
    encrypt: number,
    parameters: Address,
  ) => number;
  readonly EVP_CIPHER_CTX_set_padding: (context: Address, padding: number) => number;
  readonly EVP_CIPHER_CTX_ctrl: (context: Address, command: number, argument: number, pointer: Address) => number;
  /** @returns a length, or -1 */
  readonly EVP_Cipher: (context: Address, out: Address, input: Address, length: number) => number;
  readonly EVP_get_digestbyname: (name: string) => Address;
  readonly HMAC_CTX_new: () => Address;
  readonly HMAC_CTX_free: (context: Address) => void;
  readonly HMAC_Init_ex: (context: Address, key: Address, length: number, digest: Address, engine: Address) => number;
  readonly HMAC_Update: (context: Address, data: Address, length: number) => number;
  readonly HMAC_Final: (context: Address, digest: Address, lengthOut: Address) => number;
  readonly ERR_clear_error: () => void;
}

/** EVP_CTRL_AEAD_GET_TAG of openssl/evp.h. */
export const AEAD_GET_TAG = 0x10;

/** @throws Error where FFI is missing, or this node's OpenSSL is another one or keeps its functions to itself */
export function libcrypto(): Libcrypto {
  loaded ??= declare(DECLARATIONS) as Libcrypto;
  return loaded;
}

/** A cipher by OpenSSL's name, fetched once for the process. @throws Error where there is none */
export function fetchedCipher(name: string): Address {
  const known = ciphers.get(name);
  if (known !== undefined) return known;
  const cipher = mustBe(libcrypto().EVP_CIPHER_fetch(0, name, 0), `fetch ${name}`);
  ciphers.set(name, cipher);
  return cipher;
}

/** @throws Error where OpenSSL says that it failed; leaves no error behind for the next one who asks */
export function mustBe(result: number, what: string): number {
  if (result > 0) return result;
  libcrypto().ERR_clear_error();
  throw new Error(`OpenSSL refuses to ${what}`);
}

/** Secret bytes where OpenSSL can read them. */
export class NativeSecret {
  readonly #memory: Memory;

  /** Copies. */
  constructor(secret: Uint8Array) {
    this.#memory = new Memory(Math.max(1, secret.length));
    this.#memory.bytes.set(secret);
  }

  get address(): Address {
    return this.#memory.base;
  }

  wipe(): void {
    this.#memory.bytes.fill(0);
  }
}

const ciphers = new Map<string, Address>();
let loaded: Libcrypto | undefined;

const DECLARATIONS = {
  EVP_CIPHER_fetch: 'uintptr_t EVP_CIPHER_fetch(uintptr_t library, const char *name, uintptr_t properties)',
  EVP_CIPHER_CTX_new: 'uintptr_t EVP_CIPHER_CTX_new()',
  EVP_CIPHER_CTX_free: 'void EVP_CIPHER_CTX_free(uintptr_t context)',
  EVP_CipherInit_ex:
    'int EVP_CipherInit_ex(uintptr_t context, uintptr_t cipher, uintptr_t engine, uintptr_t key, uintptr_t iv, int encrypt)',
  EVP_CipherInit_ex2:
    'int EVP_CipherInit_ex2(uintptr_t context, uintptr_t cipher, uintptr_t key, uintptr_t iv, int encrypt, uintptr_t parameters)',
  EVP_CIPHER_CTX_set_padding: 'int EVP_CIPHER_CTX_set_padding(uintptr_t context, int padding)',
  EVP_CIPHER_CTX_ctrl: 'int EVP_CIPHER_CTX_ctrl(uintptr_t context, int command, int argument, uintptr_t pointer)',
  EVP_Cipher: 'int EVP_Cipher(uintptr_t context, uintptr_t out, uintptr_t input, uint32_t length)',
  EVP_get_digestbyname: 'uintptr_t EVP_get_digestbyname(const char *name)',
  HMAC_CTX_new: 'uintptr_t HMAC_CTX_new()',
  HMAC_CTX_free: 'void HMAC_CTX_free(uintptr_t context)',
  HMAC_Init_ex: 'int HMAC_Init_ex(uintptr_t context, uintptr_t key, int length, uintptr_t digest, uintptr_t engine)',
  HMAC_Update: 'int HMAC_Update(uintptr_t context, uintptr_t data, size_t length)',
  HMAC_Final: 'int HMAC_Final(uintptr_t context, uintptr_t digest, uintptr_t lengthOut)',
  ERR_clear_error: 'void ERR_clear_error()',
} as const satisfies Record<keyof Libcrypto, string>;
