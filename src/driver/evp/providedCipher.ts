/**
 * The functions of OpenSSL's own provider behind a cipher, to be called directly: looked up by numbers that are
 * public, they cost a third of what the calls through EVP do, which checks and looks up names for each packet.
 * OSSL_PROVIDER(3), provider-cipher(7), openssl/core_dispatch.h.
 */

import { type Address, functionAt, Memory, textAt } from '../ffi.ts';
import { CallList } from './callList.ts';
import { libcrypto, mustBe } from './libcrypto.ts';

/** OSSL_OP_CIPHER. */
const CIPHERS = 2;
/** OSSL_FUNC_CIPHER_*. */
const Dispatch = {
  newContext: 1,
  encryptInit: 2,
  decryptInit: 3,
  final: 5,
  cipher: 6,
  freeContext: 7,
  getParameters: 10,
} as const;
/** OSSL_ALGORITHM: names, properties, OSSL_DISPATCH, description. */
const ALGORITHM_BYTES = 32;
const ALGORITHM_FUNCTIONS = 16;
/** OSSL_DISPATCH: a number and a function. */
const DISPATCH_BYTES = 16;
const DISPATCH_FUNCTION = 8;

/** Contexts that are keyed once, whoever works with them. */
export interface KeyedContexts {
  /** OpenSSL's name, e.g. `AES-128-GCM`. */
  readonly name: string;
  /** A context for the key at an address. @throws Error where there is none */
  keyed(key: Address, keyBytes: number, encrypts: boolean): Address;
  /** Overwrites the keys in it. */
  freeContext(context: Address): void;
}

/** Where the functions lie. `int` functions return 1 for success and 0 for failure. */
export interface ProvidedCipher extends KeyedContexts {
  /** int (context, key, key length, iv, iv length, parameters) */
  readonly encryptInit: Address;
  readonly decryptInit: Address;
  /** int (context, out, length out, room of out, in, length): without `out` what is authenticated only */
  readonly cipher: Address;
  /** int (context, out, length out, room of out) */
  readonly final: Address;
  /** int (context, parameters) */
  readonly getParameters: Address;
}

/** Looked up once for the thread. @throws Error where OpenSSL has no such cipher, or one without these functions */
export function providedCipher(name: string): ProvidedCipher {
  let known = ciphers.get(name);
  if (known === undefined) {
    known = lookUp(name);
    ciphers.set(name, known);
  }
  return known;
}

const ciphers = new Map<string, ProvidedCipher>();

function lookUp(name: string): ProvidedCipher {
  const c = libcrypto();
  const cipher = mustBe(c.EVP_CIPHER_fetch(0, name, 0), `fetch ${name}`);
  const provider = mustBe(c.EVP_CIPHER_get0_provider(cipher), `name the provider of ${name}`);
  const providerContext = c.OSSL_PROVIDER_get0_provider_ctx(provider);
  const functions = functionsOf(provider, name);
  const need = (id: number): Address => mustBe(functions.get(id) ?? 0, `give the functions of ${name}`);
  const newContext = functionAt(need(Dispatch.newContext), 'uintptr_t', 1);
  const freeContext = functionAt(need(Dispatch.freeContext), 'void', 1);
  return {
    name,
    encryptInit: need(Dispatch.encryptInit),
    decryptInit: need(Dispatch.decryptInit),
    cipher: need(Dispatch.cipher),
    final: need(Dispatch.final),
    getParameters: need(Dispatch.getParameters),
    keyed: (key, keyBytes, encrypts) => {
      const context = mustBe(newContext(providerContext), 'make a cipher context');
      if (makeCall(need(encrypts ? Dispatch.encryptInit : Dispatch.decryptInit), context, key, keyBytes))
        return context;
      freeContext(context);
      throw new Error(`OpenSSL does not key ${name}`);
    },
    freeContext: (context) => void freeContext(context),
  };
}

let keying: CallList | undefined;

/** Leaves nothing of what it was called with. */
function makeCall(target: Address, ...values: readonly Address[]): boolean {
  keying ??= new CallList(1);
  keying.set(0, target, ...values);
  const isDone = keying.run(0, 1);
  keying.set(0, 0);
  return isDone;
}

/** By number. Empty where the provider does not list the cipher. */
function functionsOf(provider: Address, name: string): ReadonlyMap<number, Address> {
  const record = new Memory(ALGORITHM_BYTES);
  const functions = new Map<number, Address>();
  let algorithm = libcrypto().OSSL_PROVIDER_query_operation(provider, CIPHERS, record.base);
  for (; ; algorithm += ALGORITHM_BYTES) {
    if (algorithm === 0) return functions;
    record.copyFrom(algorithm);
    const names = record.word(0);
    if (names === 0) return functions;
    if (textAt(names).split(':').includes(name)) break;
  }
  for (let entry = record.word(ALGORITHM_FUNCTIONS); ; entry += DISPATCH_BYTES) {
    record.copyFrom(entry, DISPATCH_BYTES);
    const id = record.view.getInt32(0, true);
    if (id === 0) return functions;
    functions.set(id, record.word(DISPATCH_FUNCTION));
  }
}
