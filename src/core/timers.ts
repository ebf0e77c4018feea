/** A named-timer table: one per state machine, so that every pending time-out has a name and there is one deadline. */

import type { Instant } from './core.ts';
import { earliest } from './earliest.ts';

export class Timers<Name extends string> {
  readonly #at = new Map<Name, Instant>();

  /** Arms `name` for `at`, replacing what was armed. */
  set(name: Name, at: Instant): void {
    this.#at.set(name, at);
  }

  clear(name: Name): void {
    this.#at.delete(name);
  }

  clearAll(): void {
    this.#at.clear();
  }

  isSet(name: Name): boolean {
    return this.#at.has(name);
  }

  /** The earliest armed instant. */
  get deadline(): Instant | undefined {
    return earliest(this.#at.values());
  }

  /** Disarms and returns the names that are due at `now`, earliest first. */
  due(now: Instant): Name[] {
    const due: [Name, Instant][] = [];
    for (const entry of this.#at) if (entry[1] <= now) due.push(entry);
    due.sort((a, b) => a[1] - b[1]);
    for (const [name] of due) this.#at.delete(name);
    return due.map(([name]) => name);
  }
}
