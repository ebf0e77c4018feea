/** The environment of cores that run for real: randomness of the operating system. */

import { randomFillSync } from 'node:crypto';
import type { Environment } from '../core/index.ts';

/** Cores ask for a few bytes at a time, and each call of the generator costs more than what it gives. */
const POOL_BYTES = 4096;
const pool = new Uint8Array(POOL_BYTES);
let at = POOL_BYTES;

export const systemEnvironment: Environment = {
  random: (length) => {
    if (length > POOL_BYTES / 4) return randomFillSync(new Uint8Array(length));
    if (at + length > POOL_BYTES) {
      randomFillSync(pool);
      at = 0;
    }
    const given = pool.slice(at, at + length);
    // What was given is a secret of whoever asked.
    pool.fill(0, at, at + length);
    at += length;
    return given;
  },
};
