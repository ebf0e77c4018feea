/** Rates as people write them. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseRate } from '../../src/config/rateSchema.ts';

test('a rate is a number of bits a second, with k, M or G', () => {
  for (const [text, bits] of [
    ['512k', 512_000],
    ['20M', 20_000_000],
    ['1.5G', 1_500_000_000],
    ['100 Mbit/s', 100_000_000],
    ['9600', 9600],
    [9600, 9600],
  ] as const) {
    assert.equal(parseRate(text), bits, String(text));
  }
});

test('nothing else is one', () => {
  for (const text of ['', '0', '-1', '20 MB', 'fast', '1e6', '1.', 'M', -5, 0, Number.NaN]) {
    assert.equal(parseRate(text), undefined, String(text));
  }
});
