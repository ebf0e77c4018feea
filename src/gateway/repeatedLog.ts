/** Refused input in the log: once per peer and code, then at most every `QUIET` with the count of what came meanwhile. */

import type { Endpoint, Instant, Milliseconds } from '../core/index.ts';
import type { LogEntry } from '../session/log.ts';

const QUIET: Milliseconds = 10_000;
/** Peers and codes remembered; a flood from many sources pushes out the oldest. */
const MOST_ENTRIES = 4096;

interface Seen {
  logged: Instant;
  since: number;
}

export class RepeatedLog {
  readonly #seen = new Map<string, Seen>();
  /** Refused packets by code, since the start. */
  readonly counts = new Map<string, number>();

  /** @returns the entry to log now, if one is due */
  note(code: string, reason: string, remote: Endpoint | undefined, count: number, now: Instant): LogEntry | undefined {
    this.counts.set(code, (this.counts.get(code) ?? 0) + count);
    const key = `${code} ${remote?.address ?? ''}`;
    const seen = this.#seen.get(key);
    if (seen !== undefined && now - seen.logged < QUIET) {
      seen.since += count;
      return undefined;
    }
    const repeated = seen?.since ?? 0;
    this.#seen.delete(key);
    this.#seen.set(key, { logged: now, since: 0 });
    if (this.#seen.size > MOST_ENTRIES) this.#seen.delete(this.#seen.keys().next().value!);
    const from = remote === undefined ? '' : ` (from ${remote.address} port ${remote.port})`;
    const more = repeated === 0 ? '' : ` ${repeated} more since the last such line.`;
    return {
      type: 'log',
      level: 'warn',
      layer: 'gateway',
      event: 'dropped',
      text: `${reason}${from}${more}`,
      fields: { code, count: repeated + count, ...(remote === undefined ? {} : { remote }) },
    };
  }
}
