/**
 * Native calls that are laid out in memory and made one after the other, all with one crossing from JavaScript: a
 * crossing costs 30 to 80 ns, and a packet takes five calls and more.
 */

import { type Address, type FunctionAt, functionAt, Memory } from '../ffi.ts';
import { CALL_BYTES, CALL_VALUES, type MakeCalls } from './callLayout.ts';
import { machineCode } from './machineCode.ts';

const CALL_WORDS = CALL_BYTES / 4;
const WORD = 2 ** 32;

/** What one value of a call is: an address, or a number that is not negative. */
export type Value = number;

export class CallList {
  readonly #words: Uint32Array;
  readonly #base: Address;
  readonly #make: MakeCalls;

  /** @param make another way to make the calls, for tests */
  constructor(most: number, make: MakeCalls = fastestWay()) {
    const { bytes, base } = new Memory(most * CALL_BYTES);
    this.#words = new Uint32Array(bytes.buffer);
    this.#base = base;
    this.#make = make;
  }

  /** Lays out call number `i`; values that are not given are 0. */
  set(i: number, target: Address, ...values: readonly Value[]): void {
    for (let value = -1; value < CALL_VALUES; value++) this.put(i, value, 0);
    this.put(i, -1, target);
    for (const [value, of] of values.entries()) this.put(i, value, of);
  }

  /** Changes one value of call number `i`. Stores to a Uint32Array keep the low 32 bits of the integer part. */
  put(i: number, value: number, of: Value): void {
    const at = i * CALL_WORDS + 2 + 2 * value;
    this.#words[at] = of;
    this.#words[at + 1] = of / WORD;
  }

  /** As `put` for a number below 2^32 where another such number stands. */
  putSmall(i: number, value: number, of: Value): void {
    this.#words[i * CALL_WORDS + 2 + 2 * value] = of;
  }

  /** Makes `count` calls from number `from` on, until one returns 0. @returns whether none did */
  run(from: number, count: number): boolean {
    return this.made(from, count) === count;
  }

  /** As `run`. @returns how many returned something else before one returned 0 */
  made(from: number, count: number): number {
    return count === 0 ? 0 : count - this.#make(this.#base + from * CALL_BYTES, count);
  }
}

let makeCalls: MakeCalls | undefined;

function fastestWay(): MakeCalls {
  makeCalls ??= machineCode() ?? callByCall();
  return makeCalls;
}

/** The way where there is no machine code for the processor: a crossing for each call. */
export function callByCall(): MakeCalls {
  const functions = new Map<Address, FunctionAt>();
  const call = new Memory(CALL_BYTES);
  return (calls, count) => {
    for (let made = 0; made < count; made++) {
      call.copyFrom(calls + made * CALL_BYTES);
      const target = call.word(0);
      let bound = functions.get(target);
      if (bound === undefined) {
        bound = functionAt(target, 'int', CALL_VALUES);
        functions.set(target, bound);
      }
      if (bound(call.word(8), call.word(16), call.word(24), call.word(32), call.word(40), call.word(48)) === 0)
        return count - made;
    }
    return 0;
  };
}
