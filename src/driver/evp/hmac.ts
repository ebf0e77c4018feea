/**
 * HMAC over OpenSSL's bare hashes: what a key makes of them is computed once, and a packet begins with a copy of it.
 * RFC 2104 §4, SHA256_Init(3).
 */

import type { HashName } from '../../crypto/index.ts';
import { type Address, Memory } from '../ffi.ts';
import { CallList } from './callList.ts';
import { mustBe, symbol } from './libcrypto.ts';

/** SHA_CTX, SHA256_CTX and SHA512_CTX of openssl/sha.h, and the functions on them. */
interface BareHash {
  readonly blockBytes: number;
  readonly digestBytes: number;
  readonly stateBytes: number;
  readonly init: string;
  readonly update: string;
  readonly final: string;
}

// biome-ignore-start format: a table
const bareHashes: { readonly [Hash in HashName]?: BareHash } = {
  sha1: {
    blockBytes: 64,
    digestBytes: 20,
    stateBytes: 96,
    init: 'SHA1_Init',
    update: 'SHA1_Update',
    final: 'SHA1_Final',
  },
  sha256: {
    blockBytes: 64,
    digestBytes: 32,
    stateBytes: 112,
    init: 'SHA256_Init',
    update: 'SHA256_Update',
    final: 'SHA256_Final',
  },
  sha384: {
    blockBytes: 128,
    digestBytes: 48,
    stateBytes: 216,
    init: 'SHA384_Init',
    update: 'SHA384_Update',
    final: 'SHA384_Final',
  },
  sha512: {
    blockBytes: 128,
    digestBytes: 64,
    stateBytes: 216,
    init: 'SHA512_Init',
    update: 'SHA512_Update',
    final: 'SHA512_Final',
  },
};
// biome-ignore-end format: a table

/** What carries packets today: MD5 is rare, and stays with the slow ciphers. */
export const isBareHash = (hash: HashName): boolean => bareHashes[hash] !== undefined;

/** Calls that `HmacCalls.layOut` takes in a list. */
export const HMAC_CALLS = 5;

const INNER_PAD = 0x36;
const OUTER_PAD = 0x5c;

/** What a key makes of the hash: both states, behind each other. One computes those of all keys. */
export class HmacStates {
  /** Of both states. */
  readonly bytes: number;
  readonly #hash: HashName;
  readonly #block: Memory;
  readonly #list: CallList;

  /** @throws Error where OpenSSL has no such hash */
  constructor(hash: HashName) {
    const { blockBytes, stateBytes, init, update } = bareHash(hash);
    this.bytes = 2 * stateBytes;
    this.#hash = hash;
    this.#block = new Memory(blockBytes);
    this.#list = new CallList(2);
    this.#list.set(0, symbol(init));
    this.#list.set(1, symbol(update), 0, this.#block.base, blockBytes);
  }

  /** Writes those of `key` to the `bytes` from `at` on. */
  compute(key: Uint8Array, at: Address): void {
    const { bytes } = this.#block;
    if (key.length > bytes.length) throw new RangeError('a key of HMAC in ESP is no longer than a block');
    this.#begin(key, INNER_PAD, at);
    this.#begin(key, OUTER_PAD, at + this.bytes / 2);
    bytes.fill(0);
  }

  #begin(key: Uint8Array, pad: number, state: Address): void {
    const { bytes } = this.#block;
    bytes.fill(pad);
    for (let i = 0; i < key.length; i++) bytes[i]! ^= key[i]!;
    this.#list.put(0, 0, state);
    this.#list.put(1, 0, state);
    mustBe(this.#list.run(0, 2) ? 1 : 0, `key HMAC-${this.#hash}`);
  }
}

const Value = { key: 1, data: 1, length: 2 } as const;

/** The calls of one hash, laid out in a list that has others too. */
export class HmacCalls {
  /** The digest, once the calls were made; overwritten by the next. */
  readonly result: Uint8Array;
  readonly resultAddress: Address;
  readonly #list: CallList;
  readonly #first: number;

  /** Lays out calls number `first` to `first + HMAC_CALLS - 1`. */
  constructor(hash: HashName, list: CallList, first: number) {
    const { digestBytes, stateBytes, update, final } = bareHash(hash);
    const work = new Memory(2 * stateBytes + digestBytes);
    const inner = work.base;
    const outer = inner + stateBytes;
    const result = outer + stateBytes;
    this.#list = list;
    this.#first = first;
    this.resultAddress = result;
    this.result = work.bytes.subarray(2 * stateBytes);
    list.set(first, symbol('memcpy'), inner, 0, 2 * stateBytes);
    list.set(first + 1, symbol(update), inner);
    list.set(first + 2, symbol(final), result, inner);
    list.set(first + 3, symbol(update), outer, result, digestBytes);
    list.set(first + 4, symbol(final), result, outer);
  }

  /** @param states of a key, see `HmacStates` */
  choose(states: Address): void {
    this.#list.put(this.#first, Value.key, states);
  }

  take(data: Address, length: number): void {
    this.#list.put(this.#first + 1, Value.data, data);
    this.#list.putSmall(this.#first + 1, Value.length, length);
  }
}

function bareHash(hash: HashName): BareHash {
  const found = bareHashes[hash];
  if (found === undefined) throw new Error(`${hash} is not among the fast hashes`);
  return found;
}
