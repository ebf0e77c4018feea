/**
 * A long life with little memory. Left alone, V8's heap grows to twice of what lives in it, or more, before it is
 * collected, and what native code frees stays with the process: a hundred megabytes of nothing with ten thousand
 * sessions, of which little changes.
 */

import { setFlagsFromString } from 'node:v8';
import { shareNativeHeap } from '../driver/nativeHeap.ts';

/** Percent of what lives. The collector then works more often while sessions are set up, beside the main thread. */
const GROWTH = 15;
/** Free native memory is looked for so often: a walk of a few milliseconds. */
const GIVE_BACK_MS = 60_000;

/** For all threads of the process, from now on. */
export function keepMemoryTight(): void {
  setFlagsFromString(`--heap-growing-percent=${GROWTH}`);
  // Of a few megabytes little lives: to wake four threads for it costs more than they find to do.
  setFlagsFromString('--no-parallel-scavenge');
  const giveBack = shareNativeHeap();
  if (giveBack !== undefined) setInterval(giveBack, GIVE_BACK_MS).unref();
}
