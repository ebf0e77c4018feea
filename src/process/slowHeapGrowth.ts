/**
 * How far V8 lets the heap grow before it collects. Left alone it waits until there is twice as much as lives, or more,
 * which for the gateway of ten thousand sessions is a hundred megabytes of nothing: what lives there changes little.
 */

import { setFlagsFromString } from 'node:v8';

/** Percent of what lives. The collector then works more often while sessions are set up, beside the main thread. */
const GROWTH = 25;

/** For all threads of the process, from now on. */
export function growHeapSlowly(): void {
  setFlagsFromString(`--heap-growing-percent=${GROWTH}`);
}
