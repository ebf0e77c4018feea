/**
 * A stream that stops at once may have lost its NAT: whoever only receives says nothing, so nothing would make the NAT
 * a new mapping. A client behind a NAT asks the server then, which follows it to where the question comes from.
 */

import type { Instant, Milliseconds } from '../core/index.ts';

/** The data plane's counters are looked at so often while packets come, and while none do. */
const BUSY_LOOK: Milliseconds = 500;
const IDLE_LOOK: Milliseconds = 15_000;
/** Packets in one look that make a stream. */
const STREAM = 10;
/** Longer than dead peer detection takes: the question alone is not to end a connection. */
export const STALL_PATIENCE: Milliseconds = 600_000;

export class Stalls {
  #packets = 0;
  #wasBusy = false;
  #lookAt: Instant;

  constructor(now: Instant) {
    this.#lookAt = now + IDLE_LOOK;
  }

  get deadline(): Instant {
    return this.#lookAt;
  }

  /**
   * @param packets that came from the server so far
   * @returns whether a stream has just stopped
   */
  look(now: Instant, packets: number): boolean {
    if (now < this.#lookAt) return false;
    const came = packets - this.#packets;
    const stopped = this.#wasBusy && came === 0;
    this.#packets = packets;
    this.#wasBusy = came >= STREAM;
    this.#lookAt = now + (came > 0 ? BUSY_LOOK : IDLE_LOOK);
    return stopped;
  }
}
