/**
 * IPv6 prefixes and what belongs to each: the longest one that an address of a packet lies in, at a cost that depends
 * on how many different lengths there are, not on how many prefixes.
 */

import type { Prefix } from './prefix.ts';

interface Entry<Value> {
  readonly words: Int32Array;
  readonly value: Value;
}

interface Level<Value> {
  readonly length: number;
  /** The four words of a netmask. */
  readonly mask: Int32Array;
  /** By a hash of the masked address; addresses of one hash in a list. */
  readonly entries: Map<number, Entry<Value>[]>;
}

export class PrefixTable<Value> {
  /** Longest prefixes first. */
  readonly #levels: Level<Value>[] = [];

  /** Says that addresses in `prefix` belong to `value`; what was said of the same prefix before is forgotten. */
  set(prefix: Prefix, value: Value): void {
    const level = this.#level(prefix.length);
    const words = wordsOf(prefix.address);
    const hash = hashOf(words[0]!, words[1]!, words[2]!, words[3]!);
    const others = level.entries.get(hash)?.filter((entry) => !same(entry.words, words)) ?? [];
    level.entries.set(hash, [...others, { words, value }]);
  }

  /** Forgets the prefix where it belongs to `value`. */
  delete(prefix: Prefix, value: Value): void {
    const index = this.#levels.findIndex(({ length }) => length === prefix.length);
    const level = this.#levels[index];
    if (level === undefined) return;
    const words = wordsOf(prefix.address);
    const hash = hashOf(words[0]!, words[1]!, words[2]!, words[3]!);
    const left = level.entries.get(hash)?.filter((entry) => entry.value !== value || !same(entry.words, words)) ?? [];
    if (left.length === 0) level.entries.delete(hash);
    else level.entries.set(hash, left);
    if (level.entries.size === 0) this.#levels.splice(index, 1);
  }

  /** Whom the 16 bytes at `at` belong to. */
  find(bytes: Uint8Array, at: number): Value | undefined {
    const levels = this.#levels;
    if (levels.length === 0) return undefined;
    const a = word(bytes, at);
    const b = word(bytes, at + 4);
    const c = word(bytes, at + 8);
    const d = word(bytes, at + 12);
    for (let i = 0; i < levels.length; i++) {
      const { mask, entries } = levels[i]!;
      const ma = a & mask[0]!;
      const mb = b & mask[1]!;
      const mc = c & mask[2]!;
      const md = d & mask[3]!;
      const list = entries.get(hashOf(ma, mb, mc, md));
      if (list === undefined) continue;
      for (let k = 0; k < list.length; k++) {
        const { words } = list[k]!;
        if (words[0] === ma && words[1] === mb && words[2] === mc && words[3] === md) return list[k]!.value;
      }
    }
    return undefined;
  }

  #level(length: number): Level<Value> {
    const known = this.#levels.find((level) => level.length === length);
    if (known !== undefined) return known;
    const level: Level<Value> = { length, mask: maskOf(length), entries: new Map() };
    this.#levels.push(level);
    this.#levels.sort((one, other) => other.length - one.length);
    return level;
  }
}

/** One prefix, to be compared with addresses in packets. */
export class PrefixMatch {
  readonly #words: Int32Array;
  readonly #mask: Int32Array;

  constructor(prefix: Prefix) {
    this.#words = wordsOf(prefix.address);
    this.#mask = maskOf(prefix.length);
  }

  /** Whether the 16 bytes at `at` lie in it. */
  contains(bytes: Uint8Array, at: number): boolean {
    const words = this.#words;
    const mask = this.#mask;
    return (
      (word(bytes, at) & mask[0]!) === words[0] &&
      (word(bytes, at + 4) & mask[1]!) === words[1] &&
      (word(bytes, at + 8) & mask[2]!) === words[2] &&
      (word(bytes, at + 12) & mask[3]!) === words[3]
    );
  }
}

function wordsOf(address: Uint8Array): Int32Array {
  return Int32Array.from([0, 4, 8, 12], (at) => word(address, at));
}

function maskOf(length: number): Int32Array {
  return Int32Array.from([0, 32, 64, 96], (from) => {
    const bits = Math.min(32, Math.max(0, length - from));
    return bits === 0 ? 0 : -1 << (32 - bits);
  });
}

function hashOf(a: number, b: number, c: number, d: number): number {
  let hash = Math.imul(a ^ (a >>> 15), 0x2c1b3c6d);
  hash = Math.imul(hash ^ b ^ (b >>> 13), 0x297a2d39);
  hash = Math.imul(hash ^ c ^ (c >>> 15), 0x2c1b3c6d);
  return Math.imul(hash ^ d ^ (d >>> 13), 0x297a2d39) >> 1;
}

const same = (one: Int32Array, other: Int32Array) => one.every((value, i) => value === other[i]);

const word = (bytes: Uint8Array, at: number) =>
  (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
