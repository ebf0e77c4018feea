/** Lives the day of a seed, and shows the end of it where it fails. */

import assert from 'node:assert/strict';
import { Life, LifeFailed } from './life/life.ts';
import type { Versions } from './life/plan.ts';

export function live(seed: number, versions: Versions = 'both'): void {
  try {
    new Life(seed, undefined, false, versions).run();
  } catch (error) {
    if (!(error instanceof LifeFailed)) throw error;
    const option = { both: '', v1: '--ikev1 ', v2: '--ikev2 ' }[versions];
    const replay = `npm run sim -- ${option}--seed ${seed}`;
    assert.fail(`${error.message}\n${error.timeline.slice(-25).join('\n')}\nreplay: ${replay}`);
  }
}
