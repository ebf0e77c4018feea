/** How the calls of a `CallList` stand in memory, and what makes them. */

import type { Address } from '../ffi.ts';

/** Each call is the function, six values that it is called with, and a word that is left free, 8 bytes each. */
export const CALL_BYTES = 64;
export const CALL_VALUES = 6;

/**
 * What makes the calls from the address on, and stops at the first that returns 0 as an `int`.
 * @returns how many calls were not made with success
 */
export type MakeCalls = (calls: Address, count: number) => number;
