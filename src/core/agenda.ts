/** Who must be woken when: a binary heap over the deadlines of many machines, so that an idle one costs nothing. */

import type { Instant } from './core.ts';

interface Entry<Key> {
  readonly key: Key;
  at: Instant;
  /** Where it stands in the heap. */
  index: number;
}

/** So many are looked through; more are found by a Map, which weighs more than they do. */
const FEW = 4;

/** Never changed. */
const NOBODY: never[] = [];

export class Agenda<Key> {
  /** One that is begun with its first entry has room for that alone. */
  #heap: Entry<Key>[] = NOBODY;
  /** Nothing stays behind of a key that was taken off: it may hold much memory. */
  #entries: Map<Key, Entry<Key>> | undefined;

  /** Says that `key` must be woken at `at`; `undefined` takes it off. Call after every change of a machine's deadline. */
  set(key: Key, at: Instant | undefined): void {
    const entry = this.#entryOf(key);
    if (at === undefined) {
      if (entry !== undefined) this.#remove(entry);
    } else if (entry === undefined) {
      const added = { key, at, index: this.#heap.length };
      this.#entries?.set(key, added);
      if (this.#heap.length === 0) this.#heap = [added];
      else this.#heap.push(added);
      this.#rise(added);
      if (this.#entries === undefined && this.#heap.length > FEW) {
        this.#entries = new Map(this.#heap.map((each) => [each.key, each]));
      }
    } else if (at !== entry.at) {
      const earlier = at < entry.at;
      entry.at = at;
      if (earlier) this.#rise(entry);
      else this.#sink(entry);
    }
  }

  /** How many keys wait. */
  get size(): number {
    return this.#heap.length;
  }

  get deadline(): Instant | undefined {
    return this.#heap[0]?.at;
  }

  /** Takes off and returns the keys that are due at `now`, earliest first. */
  due(now: Instant): Key[] {
    const keys: Key[] = [];
    for (let top = this.#heap[0]; top !== undefined && top.at <= now; top = this.#heap[0]) {
      this.#remove(top);
      keys.push(top.key);
    }
    return keys;
  }

  #entryOf(key: Key): Entry<Key> | undefined {
    if (this.#entries !== undefined) return this.#entries.get(key);
    for (const entry of this.#heap) if (entry.key === key) return entry;
    return undefined;
  }

  #remove(entry: Entry<Key>): void {
    this.#entries?.delete(entry.key);
    const last = this.#heap.pop()!;
    if (last === entry) return;
    this.#place(last, entry.index);
    this.#rise(last);
    this.#sink(last);
  }

  #rise(entry: Entry<Key>): void {
    const heap = this.#heap;
    let { index } = entry;
    while (index > 0) {
      const parent = heap[(index - 1) >> 1]!;
      if (parent.at <= entry.at) break;
      const above = parent.index;
      this.#place(parent, index);
      index = above;
    }
    this.#place(entry, index);
  }

  #sink(entry: Entry<Key>): void {
    const heap = this.#heap;
    let { index } = entry;
    for (;;) {
      const at = 2 * index + 1;
      let child = heap[at];
      if (child === undefined) break;
      const right = heap[at + 1];
      if (right !== undefined && right.at < child.at) child = right;
      if (child.at >= entry.at) break;
      const below = child.index;
      this.#place(child, index);
      index = below;
    }
    this.#place(entry, index);
  }

  #place(entry: Entry<Key>, index: number): void {
    this.#heap[index] = entry;
    entry.index = index;
  }
}
