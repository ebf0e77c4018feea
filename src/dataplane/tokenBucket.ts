/** A rate limit of one session and direction: tokens are bits, and come with time. No allocation per packet. */

import type { Instant } from '../core/index.ts';
import type { RateLimit } from './messages.ts';

/** What a bucket holds unless told: this much of a second's rate. */
const DEFAULT_BURST_SECONDS = 0.1;
const MILLISECONDS = 1000;

export class TokenBucket {
  /** Of bits, times 1000: whole numbers as long as rate and time are. */
  readonly #capacity: number;
  readonly #bitsPerSecond: number;
  #level: number;
  #at: Instant;

  /** @param mostPacket bytes that always fit a full bucket */
  constructor({ bitsPerSecond, burstBytes }: RateLimit, mostPacket: number, now: Instant) {
    const burst = Math.max(mostPacket, burstBytes ?? Math.ceil((bitsPerSecond / 8) * DEFAULT_BURST_SECONDS));
    this.#capacity = burst * 8 * MILLISECONDS;
    this.#bitsPerSecond = bitsPerSecond;
    this.#level = this.#capacity;
    this.#at = now;
  }

  /** Takes `bytes` where there are tokens for all of them. Time that runs backwards brings none. */
  take(bytes: number, now: Instant): boolean {
    if (now > this.#at) {
      this.#level = Math.min(this.#capacity, this.#level + (now - this.#at) * this.#bitsPerSecond);
      this.#at = now;
    }
    const cost = bytes * 8 * MILLISECONDS;
    if (cost > this.#level) return false;
    this.#level -= cost;
    return true;
  }

  /** Whether this is the bucket that `limit` would make. */
  is({ bitsPerSecond, burstBytes }: RateLimit, mostPacket: number): boolean {
    const burst = Math.max(mostPacket, burstBytes ?? Math.ceil((bitsPerSecond / 8) * DEFAULT_BURST_SECONDS));
    return bitsPerSecond === this.#bitsPerSecond && burst * 8 * MILLISECONDS === this.#capacity;
  }
}
