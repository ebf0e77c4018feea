/** Lives that failed once, each as it was. */

import { test } from 'node:test';
import { live } from './live.ts';
import { regressions } from './regressions.ts';

for (const { seed, was, versions } of regressions) test(`seed ${seed}: ${was}`, () => live(seed, versions));
