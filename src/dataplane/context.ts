/** What all parts of one packet path share. */

import type { Drops } from './drops.ts';
import type { DataPlanePorts } from './ports.ts';
import type { Second } from './second.ts';

export interface PathContext {
  readonly ports: DataPlanePorts;
  /** `COUNTERS_PER_SESSION` for each slot. */
  readonly counters: Float64Array;
  readonly scratch: Uint8Array;
  readonly drops: Drops;
  readonly second: Second;
}
