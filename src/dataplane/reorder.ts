/**
 * Data messages with sequence numbers put back in order: early ones wait, within bounds of number and time; what comes
 * late or twice is not passed on. RFC 2661 §5.4, appendix C.
 */

import type { Instant } from '../core/index.ts';
import type { ReorderBounds } from './messages.ts';

const NUMBERS = 0x10000;
const HALF = 0x8000;

/** So many messages in a row, each the next of the one before and all long past: the peer counts anew. */
const RESTART_AFTER = 8;
const LONG_PAST = 512;

/** More than this cannot be told from what is late. */
const MOST_WAITING = 4096;

/** What becomes of a message that has just come. */
export const Arrival = {
  /** To be passed on now; `release` then gives those that waited for it. */
  next: 0,
  /** It waits: a copy was kept. */
  kept: 1,
  /** Late, or there already. */
  late: 2,
} as const;

interface Waiting {
  readonly ns: number;
  readonly bytes: Uint8Array;
  readonly until: Instant;
}

export class ReorderQueue {
  readonly #packets: number;
  readonly #milliseconds: number;
  /** By Ns modulo the bound: within the window no two share a place. Made when the first one waits: few ever do. */
  #places: (Waiting | undefined)[] = [];
  #expected = -1;
  #waiting = 0;
  #lastLate = -1;
  #lateInARow = 0;

  /** Without bounds nothing waits. */
  constructor(bounds: ReorderBounds | undefined) {
    this.#packets = bounds === undefined ? 0 : Math.min(MOST_WAITING, Math.max(0, bounds.packets));
    this.#milliseconds = bounds?.milliseconds ?? 0;
  }

  /** How many wait. */
  get size(): number {
    return this.#waiting;
  }

  /** When `expire` must be called. */
  get deadline(): Instant | undefined {
    if (this.#waiting === 0) return undefined;
    let earliest: Instant | undefined;
    for (const place of this.#places) {
      if (place !== undefined && (earliest === undefined || place.until < earliest)) earliest = place.until;
    }
    return earliest;
  }

  /**
   * A message with number `ns` stands in `bytes[at, at + length)`.
   * @param release is given those whose turn comes before this one's, in order; they must be done with when it returns
   * @returns one of `Arrival`
   */
  take(
    ns: number,
    bytes: Uint8Array,
    at: number,
    length: number,
    now: Instant,
    release: (bytes: Uint8Array) => void,
  ): number {
    if (this.#expected < 0 || ns === this.#expected) return this.#advance(ns);
    const ahead = (ns - this.#expected) & 0xffff;
    if (ahead >= HALF) return this.#late(ns, ahead);
    this.#lateInARow = 0;
    if (this.#packets === 0) return this.#advance(ns);
    // Whoever stands too far in front pushes the window: those behind it have waited long enough.
    if (ahead >= this.#packets) this.#moveTo((ns - this.#packets + 1) & 0xffff, release);
    if (ns === this.#expected) return this.#advance(ns);
    const place = ns % this.#packets;
    if (this.#places.length === 0) this.#places = new Array(this.#packets).fill(undefined);
    if (this.#places[place] !== undefined) return Arrival.late;
    this.#places[place] = { ns, bytes: bytes.slice(at, at + length), until: now + this.#milliseconds };
    this.#waiting++;
    return Arrival.kept;
  }

  /** Gives those that follow on what has been passed on. */
  release(release: (bytes: Uint8Array) => void): void {
    while (this.#waiting > 0) {
      const waiting = this.#takeOut(this.#expected);
      if (waiting === undefined) return;
      this.#expected = (this.#expected + 1) & 0xffff;
      release(waiting.bytes);
    }
  }

  /** Gives those whose time is up, all that stand before them and those that follow at once, in order. */
  expire(now: Instant, release: (bytes: Uint8Array) => void): void {
    if (this.#waiting === 0) return;
    let furthest = -1;
    for (const place of this.#places) {
      if (place !== undefined && place.until <= now) {
        furthest = Math.max(furthest, (place.ns - this.#expected) & 0xffff);
      }
    }
    if (furthest < 0) return;
    this.#moveTo((this.#expected + furthest + 1) & 0xffff, release);
    this.release(release);
  }

  /** Gives all that waits: messages come without numbers from now on, or the session ends. */
  flush(release: (bytes: Uint8Array) => void): void {
    if (this.#waiting > 0) this.expire(Number.POSITIVE_INFINITY, release);
  }

  #advance(ns: number): number {
    this.#lateInARow = 0;
    this.#expected = (ns + 1) & 0xffff;
    return Arrival.next;
  }

  /** Passes on what waits below `ns`, which becomes the expected one. */
  #moveTo(ns: number, release: (bytes: Uint8Array) => void): void {
    const steps = (ns - this.#expected) & 0xffff;
    // What waits is at most `packets` ahead, however far the new place is.
    for (let i = 0; i < Math.min(steps, this.#packets) && this.#waiting > 0; i++) {
      const waiting = this.#takeOut((this.#expected + i) % NUMBERS);
      if (waiting !== undefined) release(waiting.bytes);
    }
    this.#expected = ns;
    this.release(release);
  }

  #takeOut(ns: number): Waiting | undefined {
    const place = ns % this.#packets;
    const waiting = this.#places[place];
    if (waiting?.ns !== ns) return undefined;
    this.#places[place] = undefined;
    this.#waiting--;
    return waiting;
  }

  #late(ns: number, ahead: number): number {
    const isLongPast = NUMBERS - ahead > LONG_PAST;
    const follows = ns === ((this.#lastLate + 1) & 0xffff);
    this.#lateInARow = isLongPast && (follows || this.#lateInARow === 0) ? this.#lateInARow + 1 : 0;
    this.#lastLate = ns;
    return this.#lateInARow >= RESTART_AFTER && this.#waiting === 0 ? this.#advance(ns) : Arrival.late;
  }
}
