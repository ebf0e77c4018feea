/** The sum in WebAssembly agrees with the plain one, and its copy is one. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { newSummedBuffer } from '../../src/driver/fastSum.ts';
import { available } from '../../src/driver/ffi.ts';
import { newPacketAreas } from '../../src/driver/packetMemory.ts';
import { sum16 } from '../../src/net/index.ts';

test('the fast sum is the plain sum, on any bytes, wherever they stand', () => {
  const summed = newSummedBuffer(140_000);
  assert.ok(summed !== undefined);
  const bytes = new Uint8Array(summed.buffer);
  const sum = summed.sumFrom(0);
  const check = (at: number, length: number): void => {
    const plain = sum16(bytes, at, length);
    assert.equal(sum.sum(at, length), plain, `${length} bytes at ${at}`);
    const to = 70_001;
    bytes.fill(0xee, to - 1, to + length + 1);
    assert.equal(sum.copy?.(at, length, to), plain, `copied`);
    assert.ok(Buffer.compare(bytes.subarray(to, to + length), bytes.subarray(at, at + length)) === 0);
    assert.deepEqual([bytes[to - 1], bytes[to + length]], [0xee, 0xee]);
  };
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(300), (content, at) => {
      bytes.set(content, at);
      check(at, content.length);
    }),
    { seed: 1071, numRuns: 500 },
  );
  for (let i = 0; i < 70_000; i++) bytes[i] = (i * 7 + (i >> 8) * 31) & 255;
  for (let length = 0; length < 130; length++) for (let at = 0; at < 20; at++) check(at, length);
  for (const length of [1399, 1400, 65_535, 65_536]) check(3, length);
  bytes.fill(255, 0, 70_000);
  check(1, 65_535);
  bytes.fill(0, 0, 70_000);
  check(0, 65_535);
});

test('areas for packets sum their own bytes, with WebAssembly and without', { skip: !available() }, () => {
  const holder = globalThis as { WebAssembly?: unknown };
  const { WebAssembly } = holder;
  for (const api of [WebAssembly, undefined]) {
    holder.WebAssembly = api;
    try {
      assert.equal(newSummedBuffer(100) === undefined, api === undefined);
      const areas = newPacketAreas([5000, 100, 9000]);
      for (const [i, { memory }] of areas.entries()) memory.bytes.fill(i + 1);
      for (const { memory, sum } of areas) {
        for (const [at, length] of [
          [0, memory.bytes.length],
          [3, 77],
        ] as const) {
          assert.equal(sum.sum(at, length), sum16(memory.bytes, at, length));
        }
      }
    } finally {
      holder.WebAssembly = WebAssembly;
    }
  }
});
