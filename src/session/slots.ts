/** Numbers of the shared counter array, handed out lowest first and taken back. */

import type { SessionSlot } from '../dataplane/messages.ts';

export class Slots {
  readonly #most: number;
  readonly #free: SessionSlot[] = [];
  #next = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** @returns undefined when all `most` are taken */
  take(): SessionSlot | undefined {
    const freed = this.#free.pop();
    if (freed !== undefined) return freed;
    return this.#next < this.#most ? this.#next++ : undefined;
  }

  release(slot: SessionSlot): void {
    this.#free.push(slot);
  }
}
