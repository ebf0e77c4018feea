/** What a file in cases/ exports: `export const cases: readonly Case[]`. */

import type { Lab } from './lab.ts';

export interface Case {
  /** Words from general to special, e.g. `gateway chap nat`; what PATTERN is matched against. */
  readonly name: string;
  /** Cases with the same word run side by side: they use different machines, and the same kind of path. */
  readonly beside?: string;
  /** Limit, 60 unless told. */
  readonly seconds?: number;
  /** Throws to fail. Leaves the lab as it is: the runner cleans up. A text that it returns is printed: what was measured. */
  // biome-ignore lint/suspicious/noConfusingVoidType: most cases measure nothing
  readonly run: (lab: Lab) => Promise<string | void>;
}
