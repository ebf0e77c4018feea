/** The anti-replay window against a set that forgets nothing. RFC 4303 §3.4.3. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ReplayWindow } from '../../src/esp/index.ts';

const LAST = 0xffffffff;

class NaiveWindow {
  readonly #size: number;
  readonly #seen = new Set<number>();
  #highest = 0;

  constructor(size: number) {
    this.#size = size;
  }

  accept(sequence: number): boolean {
    if (sequence === 0 || sequence + this.#size <= this.#highest || this.#seen.has(sequence)) return false;
    this.#seen.add(sequence);
    this.#highest = Math.max(this.#highest, sequence);
    return true;
  }
}

const accept = (window: ReplayWindow, sequence: number): boolean => {
  const fresh = window.check(sequence);
  if (fresh) window.update(sequence);
  return fresh;
};

test('accepts what a set of all seen numbers accepts', () => {
  // Most steps are small, so that the window fills and numbers come again from every part of it.
  const step = fc.oneof(
    { weight: 60, arbitrary: fc.integer({ min: 1, max: 2 }) },
    { weight: 60, arbitrary: fc.integer({ min: -70, max: 0 }) },
    { weight: 4, arbitrary: fc.integer({ min: 3, max: 140 }) },
    { weight: 4, arbitrary: fc.integer({ min: -2100, max: 2100 }) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 100_000 }) },
  );
  const size = fc.constantFrom(64, 65, 96, 128, 1024);
  const start = fc.oneof(fc.constantFrom(0, 1, 31, 32, 1023, LAST - 500), fc.integer({ min: 0, max: LAST }));
  fc.assert(
    fc.property(size, start, fc.array(step, { maxLength: 400 }), (windowSize, from, steps) => {
      const window = new ReplayWindow(windowSize);
      const naive = new NaiveWindow(windowSize);
      let highest = from;
      for (const by of [0, ...steps]) {
        const sequence = Math.min(LAST, Math.max(0, highest + by));
        assert.equal(accept(window, sequence), naive.accept(sequence), `${sequence} after ${highest}`);
        highest = Math.max(highest, sequence);
        assert.equal(window.highest, highest);
      }
    }),
    { seed: 6479, numRuns: 300 },
  );
});

test('the window is exactly as wide as it says', () => {
  for (const size of [64, 65, 1024, 1025]) {
    const window = new ReplayWindow(size);
    window.update(100_000);
    assert.equal(window.check(100_000 - size), false);
    assert.equal(window.check(100_000 - size + 1), true);
    assert.equal(window.check(100_000), false);
  }
});

test('check changes nothing: an unauthenticated packet cannot move the window', () => {
  const window = new ReplayWindow();
  window.update(5);
  assert.equal(window.check(LAST), true);
  assert.equal(window.highest, 5);
  assert.equal(window.check(6), true);
  assert.equal(window.check(4), true);
});

test('the ring forgets nothing and invents nothing, wherever the window stands and however far it jumps', () => {
  for (const size of [64, 96, 256]) {
    for (const jump of [1, 31, 32, 33, 63, 64, 65, size - 1, size, size + 31, size + 32, size + 33, 4 * size]) {
      for (let bit = 0; bit < 32; bit++) {
        const window = new ReplayWindow(size);
        const naive = new NaiveWindow(size);
        const first = 5 * size + bit;
        for (let sequence = first - size + 1; sequence <= first; sequence += 2) {
          assert.equal(accept(window, sequence), naive.accept(sequence));
        }
        for (const sequence of [first + jump, ...Array.from({ length: size + 40 }, (_, i) => first + jump - i)]) {
          assert.equal(accept(window, sequence), naive.accept(sequence), `${size} +${jump} bit ${bit}: ${sequence}`);
        }
      }
    }
  }
});

test('any order of a thousand packets is accepted once each', () => {
  const window = new ReplayWindow(1024);
  const order = Array.from({ length: 1000 }, (_, i) => ((i * 619) % 1000) + 1);
  for (const sequence of order) assert.equal(accept(window, sequence), true);
  for (const sequence of order) assert.equal(accept(window, sequence), false);
});

test('sizes below 64 and beyond reason are refused', () => {
  for (const size of [0, 32, 63, 64.5, 2 ** 21, Number.NaN]) assert.throws(() => new ReplayWindow(size), RangeError);
});
