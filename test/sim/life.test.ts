/** Long lives: what `npm run sim` does a thousand times, a few times. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Life, LifeFailed } from './life/life.ts';
import { regressions } from './regressions.ts';

const SEEDS = [2003, 2004];

function live(seed: number): void {
  try {
    new Life(seed).run();
  } catch (error) {
    if (!(error instanceof LifeFailed)) throw error;
    assert.fail(`${error.message}\n${error.timeline.slice(-25).join('\n')}\nreplay: npm run sim -- --seed ${seed}`);
  }
}

for (const seed of SEEDS) test(`a day of seed ${seed}`, () => live(seed));
for (const { seed, was } of regressions) test(`seed ${seed}: ${was}`, () => live(seed));

test('the same seed gives the same life', () => {
  const livesOf = () => {
    const lines: string[] = [];
    const report = new Life(2005, (line) => lines.push(line)).run();
    return { report, lines };
  };
  assert.deepEqual(livesOf(), livesOf());
});
