/** The first of several deadlines. */

import type { Instant } from './core.ts';

/** @returns undefined where nothing waits */
export function earliest(instants: Iterable<Instant | undefined>): Instant | undefined {
  let first: Instant | undefined;
  for (const instant of instants) {
    if (instant !== undefined && (first === undefined || instant < first)) first = instant;
  }
  return first;
}
