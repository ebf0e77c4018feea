/** What a whole gateway or client is handed instead of reaching for it. */

import type { Environment } from '../core/index.ts';
import type { Crypto } from '../crypto/index.ts';

export interface StackEnvironment extends Environment {
  readonly crypto: Crypto;
  /** Seconds since the Unix epoch. */
  unixTime(): number;
}
