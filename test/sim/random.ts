/** Seeded randomness for tests: the same seed gives the same bytes on every machine. */

import type { Environment } from '../../src/core/index.ts';

/** Numbers in [0, 1) from a 32-bit seed (mulberry32). */
export function seededNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** An `Environment` for cores whose random bytes follow from `seed`. */
export function seededEnvironment(seed: number): Environment {
  const next = seededNumbers(seed);
  return { random: (length) => Uint8Array.from({ length }, () => Math.floor(next() * 256)) };
}
