/** Counts and times of a load run. */

/** Milliseconds. Absent values: nothing was measured. */
export interface Distribution {
  readonly median: number;
  readonly p95: number;
  readonly p99: number;
  readonly most: number;
}

/** @returns undefined of no values */
export function distribution(values: readonly number[]): Distribution | undefined {
  if (values.length === 0) return undefined;
  const sorted = Float64Array.from(values).sort();
  const at = (share: number) => round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!);
  return { median: at(0.5), p95: at(0.95), p99: at(0.99), most: at(1) };
}

/** To tenths. */
export const round = (value: number): number => Math.round(value * 10) / 10;
