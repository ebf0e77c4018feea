/** Counts what the kernel refused and tells it at most once a second for each code and peer. */

import type { Endpoint, Instant } from '../core/index.ts';
import type { DataPlaneEvent } from '../dataplane/messages.ts';

/** What the loop itself refuses. */
export const Reason = {
  forbidden: 'traffic between two clients, which the configuration forbids',
  queueFull: 'packets for another worker found no room: it does not keep up',
  badOffload: 'the kernel gave a large packet whose description contradicts it',
} as const;

const TELL_EVERY = 1000;
/** Codes and peers counted apart; further ones are counted without their peer. */
const MOST_APART = 256;

interface Refusal {
  readonly code: string;
  readonly reason: string;
  readonly remote?: Endpoint;
  count: number;
}

export class Refusals {
  readonly #open = new Map<string, Refusal>();
  /** When the open ones are told; kept for a second after the last telling. */
  #tellAt: Instant | undefined;
  #toldAt = Number.NEGATIVE_INFINITY;

  get deadline(): Instant | undefined {
    return this.#tellAt;
  }

  add(code: string, reason: string, remote: Endpoint | undefined, now: Instant): void {
    const apart = remote !== undefined && this.#open.size < MOST_APART;
    const key = apart ? `${code} ${remote.address} ${remote.port}` : code;
    const known = this.#open.get(key);
    if (known === undefined) this.#open.set(key, { code, reason, ...(apart ? { remote } : {}), count: 1 });
    else known.count++;
    this.#tellAt ??= Math.max(now, this.#toldAt + TELL_EVERY);
  }

  due(now: Instant): DataPlaneEvent[] {
    if (this.#tellAt === undefined || this.#tellAt > now) return [];
    const told = [...this.#open.values()].map((refusal) => ({ type: 'dropped', ...refusal }) as const);
    this.#open.clear();
    this.#tellAt = undefined;
    this.#toldAt = now;
    return told;
  }
}
