/** How many unauthenticated IKE SAs may stand, per source and in all, and who makes room. RFC 2408 §2.5.3. */

import type { Instant, Milliseconds } from '../../core/index.ts';

export interface HalfOpenLimits {
  /** From one source address; many clients may stand behind it. */
  readonly perSource: number;
  readonly total: number;
}

interface HalfOpen {
  readonly source: string;
  /** Set once message 3 has come: the peer receives what is sent to its address. */
  proven: boolean;
}

/** Half-open SAs in order of age. */
export class HalfOpenTable<Key> {
  readonly #limits: HalfOpenLimits;
  readonly #entries = new Map<Key, HalfOpen>();
  readonly #perSource = new Map<string, number>();

  constructor(limits: HalfOpenLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#entries.size;
  }

  /**
   * Asks for room for one more from `source`.
   * @returns `no`, or `yes` with the oldest entry of an unproven source that must go, where the table is full
   */
  admit(source: string): { readonly admitted: boolean; readonly evict?: Key } {
    if ((this.#perSource.get(source) ?? 0) >= this.#limits.perSource) return { admitted: false };
    if (this.#entries.size < this.#limits.total) return { admitted: true };
    for (const [key, entry] of this.#entries) if (!entry.proven) return { admitted: true, evict: key };
    return { admitted: false };
  }

  /** Unfinished ones of one source. */
  countOf(source: string): number {
    return this.#perSource.get(source) ?? 0;
  }

  add(key: Key, source: string): void {
    this.#entries.set(key, { source, proven: false });
    this.#perSource.set(source, (this.#perSource.get(source) ?? 0) + 1);
  }

  prove(key: Key): void {
    const entry = this.#entries.get(key);
    if (entry !== undefined) entry.proven = true;
  }

  /** Harmless for a key that is not in the table. */
  remove(key: Key): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    const left = this.#perSource.get(entry.source)! - 1;
    if (left === 0) this.#perSource.delete(entry.source);
    else this.#perSource.set(entry.source, left);
  }
}

/** Most sources that are remembered by one limiter. */
const MAX_SOURCES = 4096;

/** At most one event per key and span. */
export class OncePer {
  readonly #span: Milliseconds;
  readonly #last = new Map<string, Instant>();

  constructor(span: Milliseconds) {
    this.#span = span;
  }

  allows(key: string, now: Instant): boolean {
    const last = this.#last.get(key);
    if (last !== undefined && now - last < this.#span) return false;
    this.#last.delete(key);
    if (this.#last.size >= MAX_SOURCES) {
      const oldest = this.#last.entries().next().value!;
      // Where even the oldest is recent the limiter is under attack, and silence is the right answer.
      if (now - oldest[1] < this.#span) return false;
      this.#last.delete(oldest[0]);
    }
    this.#last.set(key, now);
    return true;
  }
}
