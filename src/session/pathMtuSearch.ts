/**
 * Finds the largest outer packet that a path carries whole, by probes that the peer answers and by what ICMP says.
 * Packetization Layer Path MTU Discovery: RFC 4821, RFC 8899 §5.
 *
 * Until something has proved a size, packets may be fragmented and nothing is lost; once it has, they go whole at that
 * size. ICMP, which nobody authenticates, may only lower, and never below the floor.
 */

import { type Instant, type Milliseconds, sooner } from '../core/index.ts';

/** How long the answer to a probe may take, and how often a size is tried. RFC 8899 §5.1.1 and §5.1.2. */
export const PROBE_TIMEOUT: Milliseconds = 1000;
export const MOST_PROBES = 3;
/** How often a size that is proved is proved again, where large packets go that way. */
export const CONFIRM_INTERVAL: Milliseconds = 30_000;
/** By so much earlier or later, where the connection is looked at anyway: an idle one is not woken for this. */
export const CONFIRM_SLACK: Milliseconds = 5000;
/** How often a larger size than the proved one is tried. RFC 8899 §5.1.1 (PMTU_RAISE_TIMER). */
export const RAISE_INTERVAL: Milliseconds = 600_000;
/** A search ends when it is so near: less than a block of padding tells sizes apart. Bytes. */
export const GRANULARITY = 4;
/** What any path carries that carries IPv6. RFC 8200 §5. */
export const PATH_MTU_FLOOR = 1280;

export interface PathMtuBounds {
  /** What is never gone below, and what is never gone above. Bytes of the outer IP packet. */
  readonly floor: number;
  readonly most: number;
}

/**
 * `proved`: a packet of that size came through whole. `unproved`: it is the most that is configured, or that ICMP has
 * left, and packets are fragmented where it is too much.
 */
export type PathMtuState = 'unproved' | 'proved';

type Step = 'first' | 'floor' | 'between' | 'proved' | 'mute';

export class PathMtuSearch {
  readonly #floor: number;
  readonly #most: number;
  #step: Step = 'first';
  /** The largest proved size, 0 while there is none, and the smallest that is known to be too large. */
  #low = 0;
  #high: number;
  /** What holds while nothing is proved: the most, or what ICMP or an earlier proof has left of it. */
  #claimed: number;
  #candidate: number;
  /** By how much probes have been smaller than what was asked for: their padding may be coarse. */
  #coarse = 0;
  #tries = 0;
  #probeAt: Instant | undefined;
  #waitUntil: Instant | undefined;
  #confirmAt: Instant | undefined;
  #raiseAt: Instant | undefined;
  #confirming = false;

  /** @throws RangeError for a floor above the most */
  constructor({ floor, most }: PathMtuBounds, now: Instant) {
    if (floor > most) throw new RangeError(`a floor of ${floor} above ${most} bytes`);
    this.#floor = floor;
    this.#most = most;
    this.#high = most + 1;
    this.#claimed = most;
    this.#candidate = most;
    this.#probeAt = now;
  }

  get state(): PathMtuState {
    return this.#low > 0 ? 'proved' : 'unproved';
  }

  /** How large packets may be by now. */
  get mtu(): number {
    return this.#low > 0 ? this.#low : this.#claimed;
  }

  get isSearching(): boolean {
    return this.#step === 'first' || this.#step === 'floor' || this.#step === 'between';
  }

  /** When `expire` must be called next. */
  get deadline(): Instant | undefined {
    if (this.#waitUntil !== undefined) return this.#waitUntil;
    const confirmAt = this.#confirmAt === undefined ? undefined : this.#confirmAt + CONFIRM_SLACK;
    return sooner(sooner(this.#probeAt, confirmAt), this.#raiseAt);
  }

  /** Whether `expire` has something to do already. */
  mayExpire(now: Instant): boolean {
    const { deadline } = this;
    if (deadline !== undefined && deadline <= now) return true;
    return this.#waitUntil === undefined && this.#isToConfirm(now);
  }

  /**
   * @param isUsed whether packets have gone to the peer since the size was last proved: an idle path is left alone
   * @returns the size of the probe that is to be sent now
   */
  expire(now: Instant, isUsed: boolean): number | undefined {
    if (this.#waitUntil !== undefined) {
      if (this.#waitUntil > now) return undefined;
      this.#waitUntil = undefined;
      if (this.#tries < MOST_PROBES) this.#probeAt = now;
      else this.#unanswered(now);
    }
    if (this.#raiseAt !== undefined && this.#raiseAt <= now) this.#raise(now);
    else if (this.#isToConfirm(now)) this.#confirm(now, isUsed);
    if (this.#probeAt === undefined || this.#probeAt > now) return undefined;
    this.#probeAt = undefined;
    this.#waitUntil = now + PROBE_TIMEOUT;
    this.#tries++;
    return this.#candidate;
  }

  /**
   * A probe of that size, the last one or one before, was answered: it came through whole.
   * @param proved bytes that it had, where that was less: nothing between the two can be told apart
   */
  answered(size: number, now: Instant, proved = size): void {
    if (size < this.#floor || size > this.#most) return;
    this.#coarse = Math.max(this.#coarse, size - proved);
    // A late answer may contradict what was given up; the larger size has then come through after all.
    if (proved >= this.#high) this.#high = Math.min(this.#most, proved) + 1;
    const isAwaited = size >= this.#candidate && (this.#waitUntil !== undefined || this.#probeAt !== undefined);
    if (proved > this.#low) this.#low = proved;
    else if (!isAwaited) return;
    else if (!this.#confirming) {
      this.#settle(now);
      return;
    }
    if (isAwaited || this.#step === 'mute') this.#next(now);
  }

  /**
   * ICMP says that a path carries no more than `mtu`. Takes nothing that raises, nor what is below the floor: there the
   * floor is left, and packets are fragmented.
   * @returns whether that changed anything
   */
  tooBig(mtu: number, now: Instant): boolean {
    const isProbing = this.#waitUntil !== undefined || this.#probeAt !== undefined;
    if (mtu >= Math.max(this.mtu, isProbing ? this.#candidate : 0)) return false;
    if (mtu < this.#floor) {
      if (this.#low === 0 && this.#claimed === this.#floor) return false;
      this.#low = 0;
      this.#claimed = this.#floor;
      this.#mute(now);
      return true;
    }
    this.#high = Math.min(this.#high, mtu + 1);
    if (mtu === this.#low) {
      this.#settle(now);
      return false;
    }
    // What was proved before is not any more; the size that the router names is very likely the right one.
    if (this.#low > mtu) this.#low = 0;
    if (this.#low === 0) this.#claimed = Math.min(this.#claimed, mtu);
    this.#raiseAt = undefined;
    this.#step = 'between';
    this.#ask(mtu, now);
    return true;
  }

  /** The path is another one: all that was learned is forgotten. */
  restart(now: Instant): void {
    this.#low = 0;
    this.#high = this.#most + 1;
    this.#claimed = this.#most;
    this.#raiseAt = undefined;
    this.#step = 'first';
    this.#ask(this.#most, now);
  }

  #ask(size: number, now: Instant): void {
    this.#candidate = size;
    this.#tries = 0;
    this.#probeAt = now;
    this.#waitUntil = undefined;
    this.#confirmAt = undefined;
    this.#confirming = false;
  }

  /** Towards the middle, until nothing is left between. */
  #next(now: Instant): void {
    if (this.#high - this.#low <= Math.max(GRANULARITY, this.#coarse + 1)) {
      this.#settle(now);
      return;
    }
    this.#step = 'between';
    this.#ask((this.#low + this.#high) >> 1, now);
  }

  #settle(now: Instant): void {
    this.#step = 'proved';
    this.#claimed = this.#low;
    this.#ask(this.#low, now);
    this.#probeAt = undefined;
    this.#confirmAt = now + CONFIRM_INTERVAL;
    // Where nothing was too large there is nothing to try again.
    this.#raiseAt = this.#high <= this.#most ? (this.#raiseAt ?? now + RAISE_INTERVAL) : undefined;
  }

  #unanswered(now: Instant): void {
    const size = this.#candidate;
    if (this.#confirming) {
      // A black hole: packets are fragmented from now on, and the search begins at the floor.
      this.#low = 0;
      this.#high = size;
      this.#raiseAt = undefined;
    } else this.#high = Math.min(this.#high, size);
    if (this.#low > 0) this.#next(now);
    else if (size <= this.#floor) this.#mute(now);
    else {
      this.#step = 'floor';
      this.#ask(this.#floor, now);
    }
  }

  /** Not even the smallest probe is answered: the peer may not answer any, and nothing is known of the path. */
  #mute(now: Instant): void {
    this.#step = 'mute';
    this.#ask(this.#floor, now);
    this.#probeAt = undefined;
    this.#raiseAt = now + RAISE_INTERVAL;
  }

  #raise(now: Instant): void {
    if (this.#low === 0) {
      this.restart(now);
      return;
    }
    this.#raiseAt = undefined;
    this.#high = this.#most + 1;
    this.#step = 'between';
    this.#ask(this.#most, now);
  }

  #isToConfirm(now: Instant): boolean {
    return this.#confirmAt !== undefined && this.#confirmAt - CONFIRM_SLACK <= now;
  }

  #confirm(now: Instant, isUsed: boolean): void {
    this.#confirmAt = now + CONFIRM_INTERVAL;
    if (!isUsed) return;
    this.#ask(this.#low, now);
    this.#confirming = true;
  }
}
