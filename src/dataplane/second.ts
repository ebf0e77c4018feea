/** Time as the packet path needs it: which second it is, for its bounds, and when the packets at hand came. */

import type { Instant, Milliseconds } from '../core/index.ts';

const SECOND: Milliseconds = 1000;

export class Second {
  /** Grows by one when a second has passed and someone was waiting for it. */
  number = 0;
  /** When the packets that are being worked on came. */
  now: Instant = 0;
  #from: Instant = Number.NEGATIVE_INFINITY;
  #waiting = false;

  /** Says that something is held back until the next second. */
  wait(): void {
    this.#waiting = true;
  }

  /** When `tick` must be called: at once where the last second began long ago. */
  get deadline(): Instant | undefined {
    return this.#waiting ? this.#from + SECOND : undefined;
  }

  /** @returns whether a new second begins */
  tick(now: Instant): boolean {
    if (!this.#waiting || now < this.#from + SECOND) return false;
    this.#from = now;
    this.#waiting = false;
    this.number++;
    return true;
  }
}

/** At most so many a second. */
export class Rate {
  readonly #second: Second;
  readonly #most: number;
  #number = -1;
  #used = 0;

  constructor(second: Second, most: number) {
    this.#second = second;
    this.#most = most;
  }

  /** Takes one, if there is one left in this second. */
  take(): boolean {
    if (this.#number !== this.#second.number) {
      this.#number = this.#second.number;
      this.#used = 0;
    }
    this.#second.wait();
    if (this.#used >= this.#most) return false;
    this.#used++;
    return true;
  }
}
