/** The first of several deadlines. */

import type { Instant } from './core.ts';

/** The same of two, for what is asked after every message: no list is made. */
export function sooner(one: Instant | undefined, other: Instant | undefined): Instant | undefined {
  return one === undefined || (other !== undefined && other < one) ? other : one;
}

/** @returns undefined where nothing waits */
export function earliest(instants: Iterable<Instant | undefined>): Instant | undefined {
  let first: Instant | undefined;
  for (const instant of instants) {
    if (instant !== undefined && (first === undefined || instant < first)) first = instant;
  }
  return first;
}
