/** The memory of native code: OpenSSL, V8's compiler and collector, buffers. malloc_trim(3), mallopt(3). */

import { available, declare } from './ffi.ts';

const M_ARENA_MAX = -8;
/** The main thread and the data plane; V8's helpers work for both. */
const ARENAS = 2;

/**
 * Lets threads share what they free, from now on: each otherwise keeps its own. Nothing happens where there is no FFI, or
 * another C library than glibc.
 * @returns gives back to the system what is free; undefined where that cannot be done
 */
export function shareNativeHeap(): (() => void) | undefined {
  if (!available()) return undefined;
  try {
    const c = declare(DECLARATIONS) as {
      readonly mallopt: (what: number, value: number) => number;
      readonly malloc_trim: (pad: number) => number;
    };
    c.mallopt(M_ARENA_MAX, ARENAS);
    return () => void c.malloc_trim(0);
  } catch {
    return undefined;
  }
}

const DECLARATIONS = {
  mallopt: 'int mallopt(int what, int value)',
  malloc_trim: 'int malloc_trim(size_t pad)',
} as const;
