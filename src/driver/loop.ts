/** Runs cores on the real clock with one timer: each is woken at its deadline, and what it returns goes to its owner. */

import type { Instant } from '../core/index.ts';
import { type Clock, systemClock } from './clock.ts';

/** What the loop sees of a core. */
export interface Expiring<Output> {
  expire(now: Instant): readonly Output[];
  readonly deadline: Instant | undefined;
}

/** A core on the loop. */
export interface Attached<Output> {
  /** Runs `work` (a command, a datagram) with the time, hands out what it returns and looks at the deadline again. */
  perform(work: (now: Instant) => readonly Output[]): void;
  /** Takes the core off; it is not woken any more. */
  detach(): void;
}

/** The timer that the loop needs; tests give their own. */
export interface AlarmClock {
  set(work: () => void, milliseconds: number): unknown;
  clear(alarm: unknown): void;
}

/** Between two wake-ups at least: the timers of ten thousand sessions are served a hundred at a time, not one by one. */
const LEAST_BETWEEN_WAKES = 10;
/** The longest sleep; setTimeout takes no more than 2^31 ms. */
const MOST_SLEEP = 60 * 60 * 1000;

const realAlarm: AlarmClock = {
  set: (work, milliseconds) => setTimeout(work, milliseconds),
  clear: (alarm) => clearTimeout(alarm as NodeJS.Timeout),
};

export class Loop {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #alarmClock: AlarmClock;
  readonly #cores = new Set<{
    readonly deadline: () => Instant | undefined;
    readonly expire: (now: Instant) => void;
  }>();
  #alarm: { readonly handle: unknown; readonly at: Instant } | undefined;
  #wokeAt = Number.NEGATIVE_INFINITY;
  #stopped = false;

  constructor(clock: Pick<Clock, 'now'> = systemClock, alarmClock: AlarmClock = realAlarm) {
    this.#clock = clock;
    this.#alarmClock = alarmClock;
  }

  get now(): Instant {
    return this.#clock.now();
  }

  /** @param take is given every output of the core, in order; it may perform work on this or other cores */
  attach<Output>(core: Expiring<Output>, take: (outputs: readonly Output[], now: Instant) => void): Attached<Output> {
    const perform = (work: (now: Instant) => readonly Output[]): void => {
      const now = this.#clock.now();
      const outputs = work(now);
      if (outputs.length > 0) take(outputs, now);
      this.rearm();
    };
    const entry = { deadline: () => core.deadline, expire: () => perform((now) => core.expire(now)) };
    this.#cores.add(entry);
    this.rearm();
    return {
      perform,
      detach: () => {
        this.#cores.delete(entry);
        this.rearm();
      },
    };
  }

  /** Looks at all deadlines again: for owners that drive a core without `perform`. */
  rearm(): void {
    const next = this.#earliest();
    // Deadlines move away with most messages: an alarm that finds nothing due costs less than so many new ones.
    if (this.#alarm !== undefined && next !== undefined && next >= this.#alarm.at) return;
    if (this.#alarm !== undefined) this.#alarmClock.clear(this.#alarm.handle);
    this.#alarm = undefined;
    if (next === undefined || this.#stopped) return;
    const at = Math.max(next, this.#wokeAt + LEAST_BETWEEN_WAKES);
    const wait = Math.min(MOST_SLEEP, Math.max(0, Math.ceil(at - this.#clock.now())));
    this.#alarm = { at: next, handle: this.#alarmClock.set(() => this.#wake(), wait) };
  }

  /** Cancels the timer for good; the process may end. */
  stop(): void {
    this.#stopped = true;
    this.rearm();
    if (this.#alarm !== undefined) this.#alarmClock.clear(this.#alarm.handle);
    this.#alarm = undefined;
  }

  #wake(): void {
    this.#alarm = undefined;
    const now = this.#clock.now();
    for (const core of [...this.#cores]) {
      const deadline = core.deadline();
      if (deadline === undefined || deadline > now || !this.#cores.has(core)) continue;
      this.#wokeAt = now;
      core.expire(now);
    }
    this.rearm();
  }

  #earliest(): Instant | undefined {
    let first: Instant | undefined;
    for (const { deadline } of this.#cores) {
      const at = deadline();
      if (at !== undefined && (first === undefined || at < first)) first = at;
    }
    return first;
  }
}
