/** The sessions of a channel against a Map by ids. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ChannelSessions } from '../../src/dataplane/channelSessions.ts';
import type { Session } from '../../src/dataplane/session.ts';

test('whoever was added last under its ids is found, in any order of coming and going', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(3), fc.boolean()), { maxLength: 40 }), (steps) => {
      const sessions = new ChannelSessions();
      const map = new Map<number, Session>();
      for (const [ids, comes] of steps) {
        if (comes) {
          const session = { ids } as Session;
          sessions.add(session);
          map.set(ids, session);
        } else {
          sessions.delete(ids);
          map.delete(ids);
        }
        for (const asked of [0, 1, 2, 3, 4]) assert.equal(sessions.get(asked), map.get(asked));
        assert.deepEqual(new Set(sessions), new Set(map.values()));
      }
    }),
    { seed: 5, numRuns: 300 },
  );
});
