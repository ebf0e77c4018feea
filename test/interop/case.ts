/** What a file in cases/ exports: `export const cases: readonly Case[]`. */

import type { Lab } from './lab.ts';

export interface Case {
  /** Words from general to special, e.g. `gateway chap nat`; what PATTERN is matched against. */
  readonly name: string;
  /** Limit, 60 unless told. */
  readonly seconds?: number;
  /** Throws to fail. Leaves the lab as it is: the runner cleans up. */
  readonly run: (lab: Lab) => Promise<void>;
}
