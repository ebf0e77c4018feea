/** Deadlines that many machines can share: what is far away waits a little longer, until others near it are due. */

import type { Instant, Milliseconds } from './core.ts';

/** From so far ahead on, deadlines stand on such a grid: they come late by a thirty-second part at most. */
const GRIDS: readonly { readonly from: Milliseconds; readonly grid: Milliseconds }[] = [
  { from: 16_000, grid: 500 },
  { from: 4000, grid: 125 },
];

/** Where ten thousand idle sessions are looked at twice a second, rather than each at its own time. */
export function coarse(at: Instant, now: Instant): Instant;
export function coarse(at: Instant | undefined, now: Instant): Instant | undefined;
export function coarse(at: Instant | undefined, now: Instant): Instant | undefined {
  if (at === undefined) return undefined;
  const wait = at - now;
  for (const { from, grid } of GRIDS) if (wait >= from) return Math.ceil(at / grid) * grid;
  return at;
}
