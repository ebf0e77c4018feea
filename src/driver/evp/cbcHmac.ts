/** AES-CBC with HMAC for ESP over OpenSSL contexts that are keyed once. RFC 3602, RFC 2404, RFC 4868. */

import type { HashName } from '../../crypto/index.ts';
import { ESP_HEADER_BYTES, type EspGeometry, type EspKeys, NOT_EXTENDED, type PacketCipher } from '../../esp/index.ts';
import type { ActivePool } from '../activePool.ts';
import { type Address, Memory } from '../ffi.ts';
import { addressIn } from './bufferAddress.ts';
import { CallList } from './callList.ts';
import { HMAC_CALLS, HmacCalls, HmacStates } from './hmac.ts';
import { type ContextFamily, contextFamily, KeyedContext } from './keyedContext.ts';
import { symbol } from './libcrypto.ts';
import { type ProvidedCipher, providedCipher } from './providedCipher.ts';

const BLOCK_BYTES = 16;
const HIGH_BYTES = 4;
/** Header and IV. */
const PREFIX_BYTES = ESP_HEADER_BYTES + BLOCK_BYTES;

export class CbcHmacCipher implements PacketCipher {
  readonly #keyed: KeyedContext;
  readonly #calls: CbcHmacCalls;
  readonly #icvBytes: number;

  /** @throws Error where OpenSSL refuses the cipher or the hash */
  constructor(keyBits: number, hash: HashName, keys: EspKeys, { icvBytes }: EspGeometry, pool: ActivePool) {
    const { calls, family } = sharedOf(keyBits, hash, keys.integrity.length, pool);
    this.#keyed = new KeyedContext(family, keys.encryption, keys.integrity);
    this.#calls = calls;
    this.#icvBytes = icvBytes;
  }

  seal(bytes: Uint8Array, at: number, length: number, high = NOT_EXTENDED): void {
    const packet = addressIn(bytes, at, length + this.#icvBytes);
    const dataBytes = wholeBlocks(length);
    const calls = this.#calls;
    const data = packet + PREFIX_BYTES;
    const context = this.#keyed.toEncrypt();
    calls.takeHash(this.#keyed.states, packet, high === NOT_EXTENDED ? length : length + HIGH_BYTES);
    if (high !== NOT_EXTENDED) putU32(bytes, at + length, high);
    if (!calls.seal(context, packet + ESP_HEADER_BYTES, data, dataBytes, packet + length, this.#icvBytes)) {
      throw this.#keyed.failure('encrypt');
    }
  }

  open(bytes: Uint8Array, at: number, length: number, out: Uint8Array, outAt: number, high = NOT_EXTENDED): boolean {
    const dataBytes = wholeBlocks(length);
    const target = addressIn(out, outAt, dataBytes);
    const packet = addressIn(bytes, at, length + this.#icvBytes);
    const context = this.#keyed.toDecrypt();
    const calls = this.#calls;
    if (!this.#hash(bytes, at, packet, length, high)) throw this.#keyed.failure('authenticate');
    if (!isSame(calls.digest, bytes, at + length, this.#icvBytes)) return false;
    if (!calls.decrypt(context, packet + ESP_HEADER_BYTES, packet + PREFIX_BYTES, target, dataBytes)) {
      throw this.#keyed.failure('decrypt');
    }
    return true;
  }

  close(): void {
    this.#keyed.close();
  }

  /** The high half of an extended sequence number is hashed behind the packet, where the ICV stands. RFC 4303 §2.2.1. */
  #hash(bytes: Uint8Array, at: number, packet: Address, length: number, high: number): boolean {
    const calls = this.#calls;
    if (high === NOT_EXTENDED) {
      calls.takeHash(this.#keyed.states, packet, length);
      return calls.hash();
    }
    const icvAt = at + length;
    const icv = getU32(bytes, icvAt);
    putU32(bytes, icvAt, high);
    calls.takeHash(this.#keyed.states, packet, length + HIGH_BYTES);
    const done = calls.hash();
    putU32(bytes, icvAt, icv);
    return done;
  }
}

/** OpenSSL writes whole blocks, so what is none would end outside of the buffer. */
function wholeBlocks(length: number): number {
  const dataBytes = length - PREFIX_BYTES;
  if (dataBytes < 0 || dataBytes % BLOCK_BYTES !== 0) throw new RangeError(`${dataBytes} bytes are no blocks of AES`);
  return dataBytes;
}

function putU32(bytes: Uint8Array, at: number, value: number): void {
  for (let i = 0; i < 4; i++) bytes[at + i] = value >>> (24 - 8 * i);
}

function getU32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
}

/** Compares every byte, whatever the first ones say, so that the time tells nothing. */
function isSame(digest: Uint8Array, bytes: Uint8Array, at: number, length: number): boolean {
  let difference = 0;
  for (let i = 0; i < length; i++) difference |= digest[i]! ^ bytes[at + i]!;
  return difference === 0;
}

/** In this order a packet is sealed; to open one, the hash and then the two that decrypt are called. */
const Call = {
  encryptInit: 0,
  encrypt: 1,
  hash: 2,
  icv: 2 + HMAC_CALLS,
  decryptInit: 3 + HMAC_CALLS,
  decrypt: 4 + HMAC_CALLS,
};
const ALL_CALLS = Call.decrypt + 1;
const Init = { context: 0, iv: 3 } as const;
const Cipher = { context: 0, out: 1, room: 3, input: 4, length: 5 } as const;
const Copy = { to: 0, length: 2 } as const;

/** The calls of one cipher and hash, for all SAs of the thread. */
class CbcHmacCalls {
  readonly digest: Uint8Array;
  readonly #list = new CallList(ALL_CALLS);
  readonly #hmac: HmacCalls;
  readonly #lengthOut = new Memory(8);

  constructor(cipher: ProvidedCipher, hash: HashName) {
    const list = this.#list;
    const lengthOut = this.#lengthOut.base;
    this.#hmac = new HmacCalls(hash, list, Call.hash);
    this.digest = this.#hmac.result;
    list.set(Call.encryptInit, cipher.encryptInit, 0, 0, 0, 0, BLOCK_BYTES);
    list.set(Call.encrypt, cipher.cipher, 0, 0, lengthOut);
    list.set(Call.icv, symbol('memcpy'), 0, this.#hmac.resultAddress);
    list.set(Call.decryptInit, cipher.decryptInit, 0, 0, 0, 0, BLOCK_BYTES);
    list.set(Call.decrypt, cipher.cipher, 0, 0, lengthOut);
  }

  takeHash(states: Address, packet: Address, length: number): void {
    this.#hmac.choose(states);
    this.#hmac.take(packet, length);
  }

  hash(): boolean {
    return this.#list.run(Call.hash, HMAC_CALLS);
  }

  /** Encrypts, hashes what that gave, and writes the ICV. */
  seal(context: Address, iv: Address, data: Address, dataBytes: number, icv: Address, icvBytes: number): boolean {
    this.#layOut(Call.encryptInit, context, iv, data, data, dataBytes);
    this.#list.put(Call.icv, Copy.to, icv);
    this.#list.putSmall(Call.icv, Copy.length, icvBytes);
    return this.#list.run(Call.encryptInit, Call.icv + 1);
  }

  decrypt(context: Address, iv: Address, data: Address, target: Address, dataBytes: number): boolean {
    this.#layOut(Call.decryptInit, context, iv, data, target, dataBytes);
    return this.#list.run(Call.decryptInit, 2);
  }

  #layOut(init: number, context: Address, iv: Address, data: Address, target: Address, dataBytes: number): void {
    const list = this.#list;
    const cipher = init + 1;
    list.put(init, Init.context, context);
    list.put(init, Init.iv, iv);
    list.put(cipher, Cipher.context, context);
    list.put(cipher, Cipher.out, target);
    list.putSmall(cipher, Cipher.room, dataBytes);
    list.put(cipher, Cipher.input, data);
    list.putSmall(cipher, Cipher.length, dataBytes);
  }
}

/** What the SAs of one cipher and hash have in common. */
interface Shared {
  readonly calls: CbcHmacCalls;
  readonly family: ContextFamily;
}

const ciphers = new WeakMap<ActivePool, Map<string, Shared>>();

function sharedOf(keyBits: number, hash: HashName, restBytes: number, pool: ActivePool): Shared {
  let known = ciphers.get(pool);
  if (known === undefined) {
    known = new Map();
    ciphers.set(pool, known);
  }
  const name = `${keyBits}/${hash}`;
  let shared = known.get(name);
  if (shared === undefined) {
    const cipher = providedCipher(`AES-${keyBits}-CBC`);
    const hmac = new HmacStates(hash);
    const family = contextFamily({ cipher, keyBytes: keyBits / 8, restBytes }, pool, { hmac });
    shared = { calls: new CbcHmacCalls(cipher, hash), family };
    known.set(name, shared);
  }
  return shared;
}
