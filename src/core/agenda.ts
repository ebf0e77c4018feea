/** Who must be woken when: a binary heap over the deadlines of many machines, so that an idle one costs nothing. */

import type { Instant } from './core.ts';

interface Entry<Key> {
  readonly key: Key;
  readonly at: Instant;
}

export class Agenda<Key> {
  readonly #heap: Entry<Key>[] = [];
  /** The entry that counts for each key; others in the heap are stale and skipped. */
  readonly #current = new Map<Key, Entry<Key>>();

  /** Says that `key` must be woken at `at`; `undefined` takes it off. Call after every change of a machine's deadline. */
  set(key: Key, at: Instant | undefined): void {
    const current = this.#current.get(key);
    if (current?.at === at) return;
    if (at === undefined) {
      this.#current.delete(key);
      return;
    }
    const entry = { key, at };
    this.#current.set(key, entry);
    this.#push(entry);
  }

  get deadline(): Instant | undefined {
    this.#dropStale();
    return this.#heap[0]?.at;
  }

  /** Takes off and returns the keys that are due at `now`, earliest first. */
  due(now: Instant): Key[] {
    const keys: Key[] = [];
    for (;;) {
      this.#dropStale();
      const top = this.#heap[0];
      if (top === undefined || top.at > now) return keys;
      this.#pop();
      this.#current.delete(top.key);
      keys.push(top.key);
    }
  }

  #dropStale(): void {
    for (let top = this.#heap[0]; top !== undefined && this.#current.get(top.key) !== top; top = this.#heap[0]) {
      this.#pop();
    }
  }

  #push(entry: Entry<Key>): void {
    const heap = this.#heap;
    let at = heap.push(entry) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (heap[parent]!.at <= entry.at) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1]!.at < heap[child]!.at) child++;
      if (heap[child]!.at >= last.at) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
  }
}
