/**
 * The key of one SA, kept as bytes, and the cipher context that is keyed with it for as long as packets come. Of all that
 * is kept for an SA this is the most, so it is flat: what the SAs of a cipher share stands in their `ContextFamily`.
 */

import type { ActiveHolder, ActivePool } from '../activePool.ts';
import type { Address } from '../ffi.ts';
import type { HmacStates } from './hmac.ts';
import { libcrypto } from './libcrypto.ts';
import type { KeyedContexts } from './providedCipher.ts';
import { type SecretSlot, SecretSlots } from './secretSlots.ts';

/** What the SAs of one cipher and hash have in common. */
export interface ContextFamily {
  readonly cipher: KeyedContexts;
  /** Of the cipher's key. */
  readonly keyBytes: number;
  /** What stands behind it: the salt, or the key of HMAC. */
  readonly restBytes: number;
  readonly keys: SecretSlots;
  /** Of CBC. */
  readonly hmac: HmacStates | undefined;
  readonly states: SecretSlots | undefined;
  readonly pool: ActivePool;
  /** A context is freed, and may come again as another's. */
  readonly forget: (context: Address) => void;
}

/** @param forget see `ContextFamily` */
export function contextFamily(
  { cipher, keyBytes, restBytes }: Pick<ContextFamily, 'cipher' | 'keyBytes' | 'restBytes'>,
  pool: ActivePool,
  { hmac, forget = () => undefined }: { readonly hmac?: HmacStates; readonly forget?: ContextFamily['forget'] },
): ContextFamily {
  const keys = new SecretSlots(keyBytes + restBytes);
  const states = hmac === undefined ? undefined : new SecretSlots(hmac.bytes);
  return { cipher, keyBytes, restBytes, keys, hmac, states, pool, forget };
}

const NONE = -1;
const Direction = { none: 0, encrypt: 1, decrypt: 2 } as const;
type Direction = (typeof Direction)[keyof typeof Direction];

export class KeyedContext implements ActiveHolder {
  used = false;
  place = NONE;
  readonly #family: ContextFamily;
  #key: SecretSlot;
  #states: SecretSlot = NONE;
  #direction: Direction = Direction.none;
  #context: Address = 0;
  #statesAt: Address = 0;

  /** Copies. */
  constructor(family: ContextFamily, key: Uint8Array, rest: Uint8Array) {
    this.#family = family;
    this.#key = family.keys.take();
    const bytes = family.keys.bytes(this.#key);
    bytes.set(key.subarray(0, family.keyBytes));
    bytes.set(rest, family.keyBytes);
  }

  toEncrypt(): Address {
    if (this.#direction !== Direction.encrypt) this.#make(Direction.encrypt);
    this.used = true;
    return this.#context;
  }

  toDecrypt(): Address {
    if (this.#direction !== Direction.decrypt) this.#make(Direction.decrypt);
    this.used = true;
    return this.#context;
  }

  /** What HMAC begins with, behind `toEncrypt` or `toDecrypt`. */
  get states(): Address {
    return this.#statesAt;
  }

  /** Copies what stands behind the cipher's key. */
  copyRest(to: Uint8Array): void {
    const { keys, keyBytes, restBytes } = this.#family;
    to.set(keys.bytes(this.#key).subarray(keyBytes, keyBytes + restBytes));
  }

  /** What to throw where OpenSSL refused what it never refuses. */
  failure(doing: string): Error {
    libcrypto().ERR_clear_error();
    return new Error(`OpenSSL does not ${doing} with ${this.#family.cipher.name}`);
  }

  /** Freeing a context overwrites the key in it. */
  giveBack(): void {
    const { cipher, states, forget } = this.#family;
    forget(this.#context);
    cipher.freeContext(this.#context);
    this.#context = 0;
    this.#direction = Direction.none;
    if (this.#states !== NONE) states?.release(this.#states);
    this.#states = NONE;
    this.#statesAt = 0;
  }

  /** Overwrites the keys. Nothing works after it; may be called again. */
  close(): void {
    if (this.#key === NONE) return;
    this.#leave();
    this.#family.keys.release(this.#key);
    this.#key = NONE;
  }

  #leave(): void {
    if (this.#direction === Direction.none) return;
    this.#family.pool.remove(this);
    this.giveBack();
  }

  #make(direction: Direction): void {
    const { cipher, keys, keyBytes, restBytes, hmac, states, pool } = this.#family;
    if (this.#key === NONE) throw new Error(`${cipher.name} was closed`);
    this.#leave();
    pool.makeRoom();
    this.#context = cipher.keyed(keys.address(this.#key), keyBytes, direction === Direction.encrypt);
    this.#direction = direction;
    pool.add(this);
    if (hmac === undefined || states === undefined) return;
    this.#states = states.take();
    this.#statesAt = states.address(this.#states);
    hmac.compute(keys.bytes(this.#key).subarray(keyBytes, keyBytes + restBytes), this.#statesAt);
  }
}
