/** The real clock: a monotonic one for the cores and the wall clock for certificates and logs. */

import type { Instant } from '../core/index.ts';

export interface Clock {
  /** Milliseconds, never going back. */
  now(): Instant;
  /** Seconds since 1970, UTC. */
  unixTime(): number;
}

/** The machine's monotonic clock, which is the same in every thread: the data plane's times are the control plane's. */
function monotonic(): Instant {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + nanoseconds / 1e6;
}

export const systemClock: Clock = {
  now: monotonic,
  unixTime: () => Math.floor(Date.now() / 1000),
};
