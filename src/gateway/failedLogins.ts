/** Failed logins by address and user: who guesses is refused at once, for longer each time. Others behind a NAT are not. */

import type { Endpoint, Failure, Instant, Milliseconds } from '../core/index.ts';
import { parseAddress } from '../net/index.ts';

/** Failures further apart than this do not add up. */
const WINDOW: Milliseconds = 60_000;
/** How long logins are refused at first; each further failure after that doubles it. */
const FIRST_REFUSAL: Milliseconds = 30_000;
const LONGEST_REFUSAL: Milliseconds = 15 * 60_000;
/** Addresses and users remembered; the one that failed longest ago is forgotten first. */
const MOST_ENTRIES = 8192;

interface Failures {
  /** When the window began. */
  since: Instant;
  count: number;
  /** How often logins were refused for a while. */
  refusals: number;
  refusedUntil: Instant;
}

export class FailedLogins {
  readonly #most: number;
  readonly #failures = new Map<string, Failures>();

  /** @param most failures within a minute, after which logins are refused */
  constructor(most: number) {
    this.#most = most;
  }

  /** Why a login is refused without a look at its password; undefined where it is not. */
  refusal(from: Endpoint, user: string, now: Instant): Failure | undefined {
    const until = this.#failures.get(keyOf(from, user))?.refusedUntil ?? now;
    if (until <= now) return undefined;
    return {
      code: 'too-many-failed-logins',
      reason: `Too many failed logins: the next may be tried in ${Math.ceil((until - now) / 1000)} s.`,
    };
  }

  /** Those that fail while others are refused already do not count. */
  failed(from: Endpoint, user: string, now: Instant): void {
    const key = keyOf(from, user);
    const failures = this.#remembered(key, now);
    if (failures.refusedUntil > now) return;
    failures.count++;
    if (failures.count >= this.#most) {
      failures.refusedUntil = now + Math.min(LONGEST_REFUSAL, FIRST_REFUSAL * 2 ** failures.refusals);
      failures.refusals++;
    }
    this.#failures.delete(key);
    this.#failures.set(key, failures);
    if (this.#failures.size > MOST_ENTRIES) this.#failures.delete(this.#failures.keys().next().value!);
  }

  succeeded(from: Endpoint, user: string): void {
    this.#failures.delete(keyOf(from, user));
  }

  /** After refusals one more failure is one too many, until it has been quiet for long. */
  #remembered(key: string, now: Instant): Failures {
    const known = this.#failures.get(key);
    const quietAfter = known === undefined || known.refusals === 0 ? WINDOW : LONGEST_REFUSAL;
    const from = known === undefined ? now : Math.max(known.since, known.refusedUntil);
    if (known !== undefined && now - from <= quietAfter) return known;
    return { since: now, count: 0, refusals: 0, refusedUntil: now };
  }
}

/** A site with IPv6 has a /64 of addresses to try from; a domain before the name does not make another user of it. */
function keyOf({ address }: Endpoint, user: string): string {
  const bytes = parseAddress(address);
  const source = bytes?.length === 16 ? bytes.subarray(0, 8).join('.') : address;
  return `${source} ${user.slice(user.lastIndexOf('\\') + 1)}`;
}
