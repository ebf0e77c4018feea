/** The functions of OpenSSL 3 inside the node binary that packets need, with addresses as numbers. EVP_EncryptInit(3). */

import { type Address, declare } from '../ffi.ts';

/** An address of 0 is NULL. */
export interface Libcrypto {
  readonly EVP_CIPHER_fetch: (library: Address, name: string, properties: Address) => Address;
  readonly EVP_CIPHER_get0_provider: (cipher: Address) => Address;
  readonly OSSL_PROVIDER_get0_provider_ctx: (provider: Address) => Address;
  readonly OSSL_PROVIDER_query_operation: (provider: Address, operation: number, noCache: Address) => Address;
  readonly ERR_clear_error: () => void;
  /** Of the C library: where a function of this process lies, 0 where there is none of that name. */
  readonly dlsym: (handle: Address, name: string) => Address;
}

/** @throws Error where FFI is missing, or this node's OpenSSL is another one or keeps its functions to itself */
export function libcrypto(): Libcrypto {
  loaded ??= declare(DECLARATIONS) as Libcrypto;
  return loaded;
}

/** Where a function lies, for a `CallList`. @throws Error where the process has none of that name */
export function symbol(name: string): Address {
  const known = symbols.get(name);
  if (known !== undefined) return known;
  const address = libcrypto().dlsym(0, name);
  if (address <= 0) throw new Error(`this node's OpenSSL has no ${name}`);
  symbols.set(name, address);
  return address;
}

/** @throws Error where OpenSSL says that it failed; leaves no error behind for the next one who asks */
export function mustBe(result: number, what: string): number {
  if (result > 0) return result;
  libcrypto().ERR_clear_error();
  throw new Error(`OpenSSL refuses to ${what}`);
}

const symbols = new Map<string, Address>();
let loaded: Libcrypto | undefined;

const DECLARATIONS = {
  EVP_CIPHER_fetch: 'uintptr_t EVP_CIPHER_fetch(uintptr_t library, const char *name, uintptr_t properties)',
  EVP_CIPHER_get0_provider: 'uintptr_t EVP_CIPHER_get0_provider(uintptr_t cipher)',
  OSSL_PROVIDER_get0_provider_ctx: 'uintptr_t OSSL_PROVIDER_get0_provider_ctx(uintptr_t provider)',
  OSSL_PROVIDER_query_operation:
    'uintptr_t OSSL_PROVIDER_query_operation(uintptr_t provider, int operation, uintptr_t noCache)',
  ERR_clear_error: 'void ERR_clear_error()',
  dlsym: 'uintptr_t dlsym(uintptr_t handle, const char *name)',
} as const satisfies Record<keyof Libcrypto, string>;
