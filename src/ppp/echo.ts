/** Whether the peer is still there: Echo-Requests, but only into silence. RFC 1661 §5.8. */

import type { Instant, Milliseconds, Timers } from '../core/index.ts';
import type { TimerName } from './line.ts';

export interface EchoOwner {
  sendEchoRequest(): void;
  /** No answer to the last `failures` requests, nor anything else. */
  echoUnanswered(failures: number, now: Instant): void;
}

/** By this part of the interval a question may come early. */
const NEARLY = 32;

export class Echo {
  readonly #interval: Milliseconds;
  readonly #failures: number;
  readonly #timers: Timers<TimerName>;
  readonly #owner: EchoOwner;
  #lastHeard: Instant = 0;
  #unanswered = 0;

  constructor(interval: Milliseconds, failures: number, timers: Timers<TimerName>, owner: EchoOwner) {
    this.#interval = interval;
    this.#failures = failures;
    this.#timers = timers;
    this.#owner = owner;
  }

  start(now: Instant): void {
    this.heard(now);
    if (this.#interval > 0) this.#timers.set('echo', now + this.#interval);
  }

  stop(): void {
    this.#timers.clear('echo');
  }

  /** Anything of the peer arrived. Costs nothing: the timer is looked at again only when it expires. */
  heard(at: Instant) {
    this.#lastHeard = Math.max(this.#lastHeard, at);
    this.#unanswered = 0;
  }

  expire(now: Instant) {
    const silentUntil = this.#lastHeard + this.#interval;
    // The answer to the last one came a little later than that was sent: looking twice in each interval gains nothing.
    if (silentUntil > now + this.#interval / NEARLY) return this.#timers.set('echo', silentUntil);
    if (this.#unanswered >= this.#failures) return this.#owner.echoUnanswered(this.#unanswered, now);
    this.#unanswered++;
    this.#owner.sendEchoRequest();
    this.#timers.set('echo', now + this.#interval);
  }
}
