/** Waits for a packet on a descriptor, in this thread. */

import { PollEvent } from '../../src/driver/constants.ts';
import { libc, Memory } from '../../src/driver/ffi.ts';

/** @returns false when nothing came in `milliseconds` */
export function waitReadable(fd: number, milliseconds = 2000): boolean {
  const fds = new Memory(8);
  fds.view.setInt32(0, fd, true);
  fds.view.setInt16(4, PollEvent.in, true);
  return libc().poll(fds.base, 1, milliseconds) > 0;
}
