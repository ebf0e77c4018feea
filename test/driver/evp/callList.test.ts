/** Calls made by machine code and call by call: the same are made, and the same memory comes of it. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CallList, callByCall } from '../../../src/driver/evp/callList.ts';
import { symbol } from '../../../src/driver/evp/libcrypto.ts';
import { machineCode } from '../../../src/driver/evp/machineCode.ts';
import { Memory } from '../../../src/driver/ffi.ts';
import { ffiAvailable } from '../../../src/driver/index.ts';

const options = { skip: ffiAvailable() ? false : 'this platform has no FFI' };
const BYTES = 64;

test('both ways make the calls up to the first that gives 0', options, () => {
  const ways = [callByCall(), machineCode() ?? callByCall()];
  const anyCall = fc.record({
    copies: fc.boolean(),
    to: fc.nat(BYTES - 8),
    from: fc.nat(BYTES - 8),
    length: fc.nat(8),
  });
  fc.assert(
    fc.property(fc.array(anyCall, { minLength: 1, maxLength: 9 }), fc.nat(8), (calls, skipped) => {
      const first = Math.min(skipped, calls.length - 1);
      const outcomes = ways.map((make) => {
        const memory = new Memory(BYTES);
        for (let i = 0; i < BYTES; i++) memory.bytes[i] = i % 7;
        const list = new CallList(calls.length, make);
        for (const [i, { copies, to, from, length }] of calls.entries()) {
          // memcmp gives 0 where both are equal, which ends the list.
          list.set(i, symbol(copies ? 'memmove' : 'memcmp'), memory.base + to, memory.base + from, length);
        }
        return { all: list.run(first, calls.length - first), bytes: [...memory.bytes] };
      });
      assert.deepEqual(outcomes[0], outcomes[1]);
    }),
    { seed: 64, numRuns: 300 },
  );
});

test('all six values arrive, beyond 32 bits too, and are changed one by one', options, () => {
  const memory = new Memory(64);
  for (const make of [callByCall(), undefined]) {
    memory.bytes.fill(0);
    const list = new CallList(1, make);
    const format = new TextEncoder().encode('%u %.1lu %lu\0');
    memory.bytes.set(format, 40);
    list.set(0, symbol('snprintf'), memory.base, 40, memory.base + 40, 4_000_000_000, 1, 2 ** 40 + 5);
    list.putSmall(0, 4, 7);
    list.put(0, 5, 2 ** 41 + 3);
    assert.ok(list.run(0, 1));
    assert.equal(new TextDecoder().decode(memory.bytes.subarray(0, 26)).split('\0')[0], `4000000000 7 ${2 ** 41 + 3}`);
  }
});
