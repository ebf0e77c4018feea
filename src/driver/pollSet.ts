/** What a loop waits for: files that become readable, each with what is then to be done. poll(2). */

import { PollEvent } from './constants.ts';
import { libc, Memory } from './ffi.ts';

const POLLFD_BYTES = 8;
const ASKED = 4;
const CAME = 6;

export class PollSet {
  readonly #fds: Memory;
  readonly #count: number;

  /** @param fds in the order of the numbers of `isReadable`; a negative one is never readable */
  constructor(fds: readonly number[]) {
    this.#count = fds.length;
    this.#fds = new Memory(fds.length * POLLFD_BYTES);
    for (const [i, fd] of fds.entries()) {
      this.#fds.view.setInt32(i * POLLFD_BYTES, fd, true);
      this.#fds.view.setInt16(i * POLLFD_BYTES + ASKED, PollEvent.in, true);
    }
  }

  /** Waits until one is readable, at most so long. */
  wait(milliseconds: number): void {
    const ready = libc().poll(this.#fds.base, this.#count, Math.ceil(milliseconds));
    if (ready > 0) return;
    // Interrupted or timed out: the kernel leaves what was there before.
    for (let i = 0; i < this.#count; i++) this.#fds.view.setInt16(i * POLLFD_BYTES + CAME, 0);
  }

  /** Whether an error waits, perhaps in an error queue: poll does not sleep before it is taken. */
  get anyError(): boolean {
    for (let i = 0; i < this.#count; i++) {
      if ((this.#fds.view.getInt16(i * POLLFD_BYTES + CAME, true) & PollEvent.error) !== 0) return true;
    }
    return false;
  }

  isReadable(i: number): boolean {
    return this.#fds.view.getInt16(i * POLLFD_BYTES + CAME, true) !== 0;
  }
}
