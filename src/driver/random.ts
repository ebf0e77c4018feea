/** The environment of cores that run for real: randomness of the operating system. */

import { randomFillSync } from 'node:crypto';
import type { Environment } from '../core/index.ts';

export const systemEnvironment: Environment = {
  random: (length) => randomFillSync(new Uint8Array(length)),
};
