/** The ring between two workers: order, the bound, what is lost is counted; within a thread and between two. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { newSource, type Source } from '../../../src/dataplane/ports.ts';
import { HandedKind, PacketRing } from '../../../src/driver/workers/packetRing.ts';

const SIZE = 1024;
const LONGEST = 300;

function sourceOf(seed: number): Source {
  const source = newSource();
  source.family = seed % 2 === 0 ? 4 : 6;
  source.remote.fill(seed & 255);
  source.local.fill((seed + 1) & 255);
  source.remotePort = 1000 + seed;
  source.localPort = 4500;
  return source;
}

test('what goes in comes out, in order; what finds no room is counted, and nothing else is lost', () => {
  const anyStep = fc.oneof(
    fc.record({ push: fc.integer({ min: 0, max: LONGEST }) }),
    fc.record({ take: fc.integer({ min: 1, max: 6 }) }),
  );
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 200 }), (steps) => {
      const memory = PacketRing.memory(SIZE);
      const [writer, reader] = [new PacketRing(memory), new PacketRing(memory)];
      const waiting: { readonly seed: number; readonly length: number }[] = [];
      let [seed, lost] = [0, 0];
      const takeOne = (): void => {
        const expected = waiting.shift();
        assert.equal(reader.next(), expected !== undefined);
        if (expected === undefined) return;
        assert.equal(reader.length, expected.length);
        const isEsp = expected.seed % 3 !== 2;
        assert.equal(reader.kind, isEsp ? HandedKind.espInUdp : HandedKind.fromUser);
        const bytes = reader.bytes.subarray(reader.at, reader.at + reader.length);
        assert.ok(bytes.every((byte) => byte === (expected.seed & 255)));
        if (isEsp) assert.deepEqual(reader.source, sourceOf(expected.seed));
        reader.release();
      };
      for (const step of steps) {
        if ('take' in step) {
          for (let i = 0; i < step.take; i++) takeOne();
          continue;
        }
        const length = step.push;
        const bytes = new Uint8Array(length + 3).fill(seed & 255);
        const kind = seed % 3 !== 2 ? HandedKind.espInUdp : HandedKind.fromUser;
        const used = waiting.reduce((sum, other) => sum + spaceOf(other.length), 0);
        const taken = writer.push(kind, bytes, 2, length, sourceOf(seed));
        if (taken) waiting.push({ seed, length });
        else lost++;
        // At most one stretch at the end stays unused, and it is shorter than what did not fit there.
        if (!taken)
          assert.ok(used + spaceOf(LONGEST) + spaceOf(length) > SIZE, `${used} of ${SIZE} used, ${length} refused`);
        seed++;
        assert.equal(writer.dropped, lost);
      }
      while (waiting.length > 0) takeOne();
      assert.equal(reader.next(), false);
    }),
    { seed: 7, numRuns: 300 },
  );
});

test('positions that run past 2^31 and 2^32 are positions like others', () => {
  const memory = PacketRing.memory(SIZE);
  const positions = new Int32Array(memory, 0, 64);
  for (const start of [0x7fff_fe00, 0xffff_fe00]) {
    positions[0] = positions[32] = start | 0;
    const ring = new PacketRing(memory);
    for (let i = 0; i < 40; i++) {
      assert.ok(ring.push(HandedKind.fromUser, Uint8Array.of(i), 0, 1));
      assert.ok(ring.next());
      assert.equal(ring.bytes[ring.at], i);
      ring.release();
    }
    assert.equal(ring.next(), false);
  }
});

test('another thread reads every packet that was taken, in order', async () => {
  const memory = PacketRing.memory(4096);
  const done = new Int32Array(new SharedArrayBuffer(4));
  const ring = new URL('../../../src/driver/workers/packetRing.ts', import.meta.url).href;
  const tsx = import.meta.resolve('tsx/esm/api');
  const reader = new Worker(
    `const { workerData, parentPort } = require('node:worker_threads');
     import('${tsx}').then(({ register }) => { register(); return import('${ring}'); }).then(({ PacketRing }) => {
       const ring = new PacketRing(workerData.memory);
       let [next, wrong, count] = [0, 0, 0];
       parentPort.postMessage('ready');
       for (;;) {
         const ended = Atomics.load(workerData.done, 0) === 1;
         if (!ring.next()) { if (ended) break; continue; }
         const number = new DataView(ring.bytes.buffer, ring.bytes.byteOffset + ring.at).getUint32(0);
         const body = ring.bytes.subarray(ring.at + 4, ring.at + ring.length);
         if (number < next || !body.every((byte) => byte === (number & 255))) wrong++;
         next = number + 1;
         count++;
         ring.release();
       }
       parentPort.postMessage({ wrong, count });
     });`,
    { eval: true, execArgv: [], workerData: { memory, done } },
  );
  await new Promise((resolve) => reader.once('message', resolve));
  const told = new Promise<{ readonly wrong: number; readonly count: number }>((resolve) =>
    reader.once('message', resolve),
  );
  const writer = new PacketRing(memory);
  let taken = 0;
  for (let number = 0; number < 20_000; number++) {
    const bytes = new Uint8Array(4 + (number % 700)).fill(number & 255);
    new DataView(bytes.buffer).setUint32(0, number);
    if (writer.push(HandedKind.fromUser, bytes, 0, bytes.length)) taken++;
  }
  Atomics.store(done, 0, 1);
  assert.deepEqual(await told, { wrong: 0, count: taken });
  assert.equal(writer.dropped, 20_000 - taken);
});

const spaceOf = (length: number) => Math.ceil((48 + length) / 16) * 16;
