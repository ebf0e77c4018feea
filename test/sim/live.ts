/** Lives the day of a seed, and shows the end of it where it fails. */

import assert from 'node:assert/strict';
import { Life, LifeFailed } from './life/life.ts';

export function live(seed: number): void {
  try {
    new Life(seed).run();
  } catch (error) {
    if (!(error instanceof LifeFailed)) throw error;
    assert.fail(`${error.message}\n${error.timeline.slice(-25).join('\n')}\nreplay: npm run sim -- --seed ${seed}`);
  }
}
