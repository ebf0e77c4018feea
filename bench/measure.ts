/** Medians, and the CPU seconds of processes. proc_pid_stat(5). */

import { readFileSync } from 'node:fs';

/** Of an odd or even number of values; NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return Number.NaN;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The value that a tenth of all do not reach: what something takes where nothing else runs. */
export function quiet(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 10)] ?? Number.NaN;
}

/** USER_HZ, which Linux has fixed. */
const TICKS_PER_SECOND = 100;

/** User and system time of a process so far, all threads (or of one thread, `PID/task/TID`); 0 where it is gone. */
export function cpuSeconds(pid: number | string): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // Behind the name, which may hold blanks, in parentheses.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  } catch {
    return 0;
  }
}
