/** RFC 7296 §2.8.2: renewals of the IKE SA that cross, through whole gateways and clients, with traffic. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Pair } from './ikev2World.ts';

const LIFETIME = 100_000;

test('IKE rekey crosses IKE rekey: one generation stays, the child lives, and no packet is lost', () => {
  for (const later of [-40, -12, -10, 0, 10, 40]) {
    // The responder renews half-way between its own time and the end: at 90 s, as the client does.
    const gateway = { renewAt: 0.8 + (2 * later) / LIFETIME, renewJitter: 0 };
    const client = { renewAt: 0.9, renewJitter: 0 };
    const pair = new Pair({ lifetimes: { ike: LIFETIME / 1000 }, quietFor: 88_000, gateway, client }).connect();
    pair.run(85_000);
    pair.inStep(`${later} ms`, 8000);
    assert.equal(pair.count(pair.client, /ike rekeyed/), 1);
    pair.leavesNothing(`${later} ms`);
  }
});
