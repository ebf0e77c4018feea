/**
 * Events on their way to the control side: at once while they are few, as those of a few connections are, else those of
 * a millisecond together, for waking a thread costs more than most of what it is woken for.
 */

import type { Instant, Milliseconds } from '../core/index.ts';
import type { DataPlaneEvent } from '../dataplane/messages.ts';

/** Between two deliveries on average, and how many may come at once before that counts. */
export const BETWEEN_DELIVERIES: Milliseconds = 1;
export const DELIVERIES_AT_ONCE = 16;
/** So many events are delivered in any case. */
export const MOST_WAITING_EVENTS = 64;

export class EventOutbox {
  readonly #deliver: (events: readonly DataPlaneEvent[]) => void;
  #waiting: DataPlaneEvent[] = [];
  /** When the next delivery were due, had all been as far apart as they are to be; in the past where they were farther. */
  #due: Instant = 0;

  constructor(deliver: (events: readonly DataPlaneEvent[]) => void) {
    this.#deliver = deliver;
  }

  add(event: DataPlaneEvent): void {
    this.#waiting.push(event);
  }

  /** When to call `deliverDue`; undefined where nothing waits. */
  get deadline(): Instant | undefined {
    return this.#waiting.length === 0 ? undefined : this.#due;
  }

  /** Hands out what waits, where it is time. */
  deliverDue(now: Instant): void {
    const { length } = this.#waiting;
    if (length === 0 || (now < this.#due && length < MOST_WAITING_EVENTS)) return;
    this.#due = Math.max(this.#due, now - DELIVERIES_AT_ONCE * BETWEEN_DELIVERIES) + BETWEEN_DELIVERIES;
    this.deliverAll();
  }

  /** Hands out what waits, at once. */
  deliverAll(): void {
    const events = this.#waiting;
    if (events.length === 0) return;
    this.#waiting = [];
    this.#deliver(events);
  }
}
