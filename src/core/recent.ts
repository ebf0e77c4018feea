/** Keys of what has just ended, so that stragglers are known for what they are. Bounded in time and number. */

import type { Instant, Milliseconds } from './core.ts';

export class Recent<Key> {
  readonly #span: Milliseconds;
  readonly #most: number;
  /** Oldest first. */
  #since: Map<Key, Instant> | undefined;

  constructor(span: Milliseconds, most: number) {
    this.#span = span;
    this.#most = most;
  }

  note(key: Key, now: Instant): void {
    // Most have nothing to remember.
    this.#since ??= new Map();
    this.#since.delete(key);
    this.#since.set(key, now);
    if (this.#since.size > this.#most) this.#since.delete(this.#since.keys().next().value!);
  }

  has(key: Key, now: Instant): boolean {
    const since = this.#since?.get(key);
    return since !== undefined && now - since < this.#span;
  }
}
