/** What a process holds outside of JavaScript's heap, for tests that nothing is left behind there. */

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Resident bytes that are neither JavaScript's heap nor buffers, after a collection of garbage. */
export function nativeBytes(): number {
  collectGarbage();
  const { rss, heapTotal, arrayBuffers } = process.memoryUsage();
  return rss - heapTotal - arrayBuffers;
}

export function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}
