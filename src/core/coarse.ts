/** Deadlines that many machines can share: what is far away waits a little longer, until others near it are due. */

import type { Instant, Milliseconds } from './core.ts';

/** From so far ahead on, deadlines stand on a grid: they come late by a thirty-second part at most. */
const FAR: Milliseconds = 8000;
/** Ten thousand idle sessions are then looked at four times a second, rather than each in its own time. */
const GRID: Milliseconds = 250;

export function coarse(at: Instant, now: Instant): Instant;
export function coarse(at: Instant | undefined, now: Instant): Instant | undefined;
export function coarse(at: Instant | undefined, now: Instant): Instant | undefined {
  return at === undefined || at - now < FAR ? at : Math.ceil(at / GRID) * GRID;
}
