/** How long a user's session may last, and how long it may stand without a packet of the user. */

import type { Failure, Instant, Milliseconds } from '../core/index.ts';

/** 0 or absent: without end. */
export interface SessionLimits {
  /** From the first network protocol on. */
  readonly sessionTimeout?: Milliseconds;
  /** Without an IP packet in either direction: PPP's and L2TP's own messages do not count. */
  readonly idleTimeout?: Milliseconds;
}

/** Of all sessions that have none. */
export const NO_LIMITS: SessionLimits = {};

/** Whether there is anything for a clock to watch. */
export const isLimited = ({ sessionTimeout = 0, idleTimeout = 0 }: SessionLimits): boolean =>
  sessionTimeout > 0 || idleTimeout > 0;

/** The data plane's counters are looked at so often in an idle time-out: it comes late by this part at most. */
const LOOKS = 8;

export class SessionClock {
  readonly #endsAt: Instant;
  readonly #idleTimeout: Milliseconds;
  readonly #sessionTimeout: Milliseconds;
  #lookAt: Instant;
  #activeAt: Instant;
  #packets = 0;

  constructor({ sessionTimeout = 0, idleTimeout = 0 }: SessionLimits, now: Instant) {
    this.#sessionTimeout = sessionTimeout;
    this.#idleTimeout = idleTimeout;
    this.#endsAt = sessionTimeout > 0 ? now + sessionTimeout : Number.POSITIVE_INFINITY;
    this.#lookAt = idleTimeout > 0 ? now + idleTimeout / LOOKS : Number.POSITIVE_INFINITY;
    this.#activeAt = now;
  }

  get deadline(): Instant | undefined {
    const next = Math.min(this.#endsAt, this.#lookAt);
    return next === Number.POSITIVE_INFINITY ? undefined : next;
  }

  /**
   * @param packets of the user in both directions, since the session began
   * @returns why the session is to end now
   */
  expire(now: Instant, packets: number): Failure | undefined {
    if (packets !== this.#packets) this.#activeAt = now;
    this.#packets = packets;
    if (this.#endsAt <= now) {
      return { code: 'session-timeout', reason: `The session has lasted ${inWords(this.#sessionTimeout)}.` };
    }
    if (this.#lookAt > now) return undefined;
    const idleUntil = this.#activeAt + this.#idleTimeout;
    if (idleUntil <= now) {
      return { code: 'idle-timeout', reason: `The user sent and got nothing for ${inWords(this.#idleTimeout)}.` };
    }
    this.#lookAt = Math.min(now + this.#idleTimeout / LOOKS, idleUntil);
    return undefined;
  }
}

function inWords(span: Milliseconds): string {
  const seconds = Math.round(span / 1000);
  return seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
}
