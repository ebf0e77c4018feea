/** Used message ids against a set that forgets nothing but the oldest of 4096. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsedMessageIds } from '../../../src/ike/v1/usedMessageIds.ts';

test('the last 4096 ids are known, and no others', () => {
  const used = new UsedMessageIds();
  const order: number[] = [];
  let id = 0x9e3779b9;
  for (let i = 0; i < 9000; i++) {
    id = (Math.imul(id, 1664525) + 1013904223) >>> 0;
    assert.equal(used.has(id), false);
    used.add(id);
    used.add(id);
    order.push(id);
    if (i < 40 || i % 500 === 0 || (i > 4080 && i < 4110)) {
      assert.ok(order.slice(-4096).every((known) => used.has(known)));
      assert.ok(order.slice(0, -4096).every((forgotten) => !used.has(forgotten)));
    }
  }
});
