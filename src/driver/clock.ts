/** The real clock: a monotonic one for the cores and the wall clock for certificates and logs. */

import type { Instant } from '../core/index.ts';

export interface Clock {
  /** Milliseconds, never going back. */
  now(): Instant;
  /** Seconds since 1970, UTC. */
  unixTime(): number;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  unixTime: () => Math.floor(Date.now() / 1000),
};
