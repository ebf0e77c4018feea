/** Long lives: what `npm run sim` does a thousand times, once. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Life } from './life/life.ts';
import { live } from './live.ts';

const SEEDS = [2004];

for (const seed of SEEDS) test(`a day of seed ${seed}`, () => live(seed));

test('the same seed gives the same life', () => {
  const livesOf = () => {
    const lines: string[] = [];
    const report = new Life(2005, (line) => lines.push(line)).run();
    return { report, lines };
  };
  assert.deepEqual(livesOf(), livesOf());
});
