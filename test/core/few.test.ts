/** The light map against a Map, through every step from none to several entries and back. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Few } from '../../src/core/index.ts';

test('a Few is a Map', () => {
  const anyStep = fc.record({
    what: fc.constantFrom('set', 'set', 'delete', 'clear'),
    key: fc.constantFrom<string | number | undefined>(1, 2, 3, 'a', undefined),
    value: fc.option(fc.nat(9), { nil: undefined }),
  });
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 30 }), (steps) => {
      const few = new Few<string | number | undefined, number | undefined>();
      const map = new Map<string | number | undefined, number | undefined>();
      for (const { what, key, value } of steps) {
        if (what === 'set') {
          few.set(key, value);
          map.set(key, value);
        } else if (what === 'delete') assert.equal(few.delete(key), map.delete(key));
        else {
          few.clear();
          map.clear();
        }
        assert.equal(few.size, map.size);
        assert.deepEqual(few.keys(), [...map.keys()]);
        assert.deepEqual(few.values(), [...map.values()]);
        for (const asked of [1, 2, 3, 'a', undefined]) {
          assert.equal(few.has(asked), map.has(asked));
          assert.equal(few.get(asked), map.get(asked));
        }
      }
    }),
    { seed: 3, numRuns: 500 },
  );
});
