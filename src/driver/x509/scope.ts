/** What one piece of work with OpenSSL holds: objects that are freed and memory that is kept until it is over. */

import { fromUtf8 } from '../../wire/index.ts';
import { type Address, Memory } from '../ffi.ts';
import { type LibX509, libx509 } from './libx509.ts';

/** OpenSSL refused; the message says what for, and why in its own words. It never holds secrets. */
export class OpensslError extends Error {
  constructor(what: string, detail?: string) {
    super(`OpenSSL refuses to ${what}${detail === undefined ? '' : ` (${detail})`}`);
    this.name = 'OpensslError';
  }
}

/** The functions `d2i_…` and `i2d_…` of one type. */
export type Decoder = { [Name in keyof LibX509]: Name extends `d2i_${string}` ? Name : never }[keyof LibX509];
export type Encoder = { [Name in keyof LibX509]: Name extends `i2d_${string}` ? Name : never }[keyof LibX509];
/** Functions that give an object back. */
export type Free = { [Name in keyof LibX509]: Name extends `${string}_free` ? Name : never }[keyof LibX509];

const POINTER_BYTES = 8;
const ERROR_TEXT_BYTES = 256;

/**
 * Runs `work` and then frees whatever it took, also where it throws. Errors that OpenSSL queued are cleared, so that
 * nothing of it surfaces in another function of this thread.
 */
export function withScope<Result>(work: (scope: Scope) => Result): Result {
  const scope = new Scope();
  try {
    return work(scope);
  } finally {
    scope.end();
  }
}

export class Scope {
  readonly lib = libx509();
  readonly #owned = new Map<Address, Free>();
  /** Keeps the buffers alive while OpenSSL has their addresses. */
  readonly #memories: Memory[] = [];

  /** Zeroed memory that both sides see, until the scope ends. */
  memory(length: number): Memory {
    const memory = new Memory(Math.max(1, length));
    this.#memories.push(memory);
    return memory;
  }

  /** The address of a copy of these bytes. */
  bytes(bytes: Uint8Array): Address {
    const memory = this.memory(bytes.length);
    memory.bytes.set(bytes);
    return memory.base;
  }

  /** Is freed with the scope. @throws OpensslError for NULL */
  own(object: Address, free: Free, what: string): Address {
    if (object === 0) throw this.error(what);
    this.#owned.set(object, free);
    return object;
  }

  /** The object belongs to another one now, which frees it. */
  give(object: Address): void {
    this.#owned.delete(object);
  }

  /** @throws OpensslError where `result` says failure */
  must(result: number, what: string): number {
    if (result <= 0) throw this.error(what);
    return result;
  }

  error(what: string): OpensslError {
    const memory = new Memory(ERROR_TEXT_BYTES);
    const code = this.lib.ERR_get_error();
    if (code === 0) return new OpensslError(what);
    this.lib.ERR_error_string_n(code, memory.base, ERROR_TEXT_BYTES);
    const text = fromUtf8(memory.bytes.subarray(0, memory.bytes.indexOf(0)));
    this.lib.ERR_clear_error();
    // `error:068000A8:asn1 encoding routines::wrong tag`: the last part speaks.
    return new OpensslError(what, text.split(':').at(-1) || text);
  }

  /** Reads an object that must fill `der` to its last byte. @throws OpensslError */
  decode(decoder: Decoder, free: Free, der: Uint8Array, what: string): Address {
    const start = this.bytes(der);
    const cursor = this.memory(POINTER_BYTES);
    cursor.setWord(0, start);
    const object = this.own(this.lib[decoder](0, cursor.base, der.length), free, what);
    if (wordAt(cursor) !== start + der.length) throw new OpensslError(what, 'bytes behind the end');
    return object;
  }

  /** @throws OpensslError */
  encode(encoder: Encoder, object: Address, what: string): Uint8Array {
    const length = this.must(this.lib[encoder](object, 0), what);
    const memory = this.memory(length);
    const cursor = this.memory(POINTER_BYTES);
    cursor.setWord(0, memory.base);
    if (this.lib[encoder](object, cursor.base) !== length) throw this.error(what);
    return memory.bytes.slice(0, length);
  }

  /** A stack (`STACK_OF`) of objects that stay their owners'. */
  stack(objects: readonly Address[]): Address {
    const stack = this.own(this.lib.OPENSSL_sk_new_null(), 'OPENSSL_sk_free', 'make a list');
    for (const object of objects) this.must(this.lib.OPENSSL_sk_push(stack, object), 'extend a list');
    return stack;
  }

  end(): void {
    for (const [object, free] of [...this.#owned].reverse()) this.lib[free](object);
    this.#owned.clear();
    for (const { bytes } of this.#memories) bytes.fill(0);
    this.#memories.length = 0;
    this.lib.ERR_clear_error();
  }
}

/** The objects of a stack; they stay its own. */
export function itemsOf(lib: LibX509, stack: Address): Address[] {
  if (stack === 0) return [];
  return Array.from({ length: Math.max(0, lib.OPENSSL_sk_num(stack)) }, (_, i) => lib.OPENSSL_sk_value(stack, i));
}

/** The address that lies in memory at `at`. */
export const wordAt = ({ view }: Memory, at = 0): Address =>
  view.getUint32(at, true) + view.getUint32(at + 4, true) * 0x1_0000_0000;
