/** Memory for instructions that are made here: written once, then executed and no longer written. mmap(2), mprotect(2). */

import { type Address, declare, Memory } from './ffi.ts';

const PAGE_BYTES = 4096;
const Protection = { read: 1, write: 2, execute: 4 } as const;
const MAP_PRIVATE_ANONYMOUS = 0x22;

/**
 * Puts instructions into pages of their own, which stay for as long as the process.
 * @returns where they begin; undefined where the system allows no such memory
 */
export function executable(instructions: Uint8Array): Address | undefined {
  const c = declare(DECLARATIONS) as {
    readonly mmap: (
      at: Address,
      length: number,
      protection: number,
      flags: number,
      fd: number,
      offset: number,
    ) => number;
    readonly mprotect: (at: Address, length: number, protection: number) => number;
    readonly munmap: (at: Address, length: number) => number;
  };
  const length = Math.ceil(instructions.length / PAGE_BYTES) * PAGE_BYTES;
  const pages = c.mmap(0, length, Protection.read | Protection.write, MAP_PRIVATE_ANONYMOUS, -1, 0);
  if (pages <= 0) return undefined;
  const code = new Memory(instructions.length);
  code.bytes.set(instructions);
  code.copyTo(pages);
  if (c.mprotect(pages, length, Protection.read | Protection.execute) !== 0) {
    c.munmap(pages, length);
    return undefined;
  }
  return pages;
}

const DECLARATIONS = {
  mmap: 'intptr_t mmap(uintptr_t at, size_t length, int protection, int flags, int fd, intptr_t offset)',
  mprotect: 'int mprotect(uintptr_t at, size_t length, int protection)',
  munmap: 'int munmap(uintptr_t at, size_t length)',
} as const;
