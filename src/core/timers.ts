/** A named-timer table: one per state machine, so that every pending time-out has a name and there is one deadline. */

import type { Instant } from './core.ts';

/** A machine has few timers and a gateway has many machines: a chain takes a fraction of the memory of a Map. */
interface Armed<Name> {
  readonly name: Name;
  at: Instant;
  next: Armed<Name> | undefined;
}

/** Never changed. */
const NONE: never[] = [];

export class Timers<Name extends string> {
  #first: Armed<Name> | undefined;

  /** Arms `name` for `at`, replacing what was armed. */
  set(name: Name, at: Instant): void {
    let last: Armed<Name> | undefined;
    for (let armed = this.#first; armed !== undefined; armed = armed.next) {
      if (armed.name === name) {
        armed.at = at;
        return;
      }
      last = armed;
    }
    const added = { name, at, next: undefined };
    if (last === undefined) this.#first = added;
    else last.next = added;
  }

  clear(name: Name): void {
    let before: Armed<Name> | undefined;
    for (let armed = this.#first; armed !== undefined; armed = armed.next) {
      if (armed.name !== name) before = armed;
      else if (before === undefined) this.#first = armed.next;
      else before.next = armed.next;
    }
  }

  clearAll(): void {
    this.#first = undefined;
  }

  isSet(name: Name): boolean {
    for (let armed = this.#first; armed !== undefined; armed = armed.next) if (armed.name === name) return true;
    return false;
  }

  /** The earliest armed instant. */
  get deadline(): Instant | undefined {
    let earliest: Instant | undefined;
    for (let armed = this.#first; armed !== undefined; armed = armed.next) {
      if (earliest === undefined || armed.at < earliest) earliest = armed.at;
    }
    return earliest;
  }

  /** Disarms and returns the names that are due at `now`, earliest first. */
  due(now: Instant): Name[] {
    let one: Armed<Name> | undefined;
    let count = 0;
    for (let armed = this.#first; armed !== undefined; armed = armed.next) {
      if (armed.at > now) continue;
      one = armed;
      count++;
    }
    if (one === undefined) return NONE;
    if (count === 1) {
      this.clear(one.name);
      return [one.name];
    }
    const due: Armed<Name>[] = [];
    for (let armed = this.#first; armed !== undefined; armed = armed.next) if (armed.at <= now) due.push(armed);
    for (const { name } of due) this.clear(name);
    return due.sort((a, b) => a.at - b.at).map(({ name }) => name);
  }
}

/** Timers that say when they change, so that whoever wakes their machine need not ask all machines. */
export class ObservedTimers<Name extends string, Machine> extends Timers<Name> {
  readonly #machine: Machine;
  readonly #changed: (machine: Machine) => void;

  constructor(machine: Machine, changed: (machine: Machine) => void) {
    super();
    this.#machine = machine;
    this.#changed = changed;
  }

  override set(name: Name, at: Instant): void {
    super.set(name, at);
    this.#changed(this.#machine);
  }

  override clear(name: Name): void {
    super.clear(name);
    this.#changed(this.#machine);
  }

  override clearAll(): void {
    super.clearAll();
    this.#changed(this.#machine);
  }
}
