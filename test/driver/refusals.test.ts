import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Refusals } from '../../src/driver/refusals.ts';

it('tells refusals at once, then at most once a second, counted by code and peer', () => {
  const refusals = new Refusals();
  const peer = { address: '192.0.2.1', port: 500 };
  assert.equal(refusals.deadline, undefined);
  refusals.add('send-refused', 'no route', peer, 100);
  assert.deepEqual(refusals.due(100), [
    { type: 'dropped', code: 'send-refused', reason: 'no route', remote: peer, count: 1 },
  ]);
  refusals.add('send-refused', 'no route', peer, 200);
  refusals.add('send-refused', 'no route', peer, 300);
  refusals.add('tun-refused', 'down', undefined, 300);
  assert.equal(refusals.deadline, 1100);
  assert.deepEqual(refusals.due(1099), []);
  assert.deepEqual(
    refusals.due(1100).map((event) => event.type === 'dropped' && [event.code, event.count]),
    [
      ['send-refused', 2],
      ['tun-refused', 1],
    ],
  );
  assert.equal(refusals.deadline, undefined);
});

it('counts peers apart only up to a bound', () => {
  const refusals = new Refusals();
  for (let port = 1; port <= 1000; port++) refusals.add('send-refused', 'no route', { address: '192.0.2.1', port }, 0);
  const told = refusals.due(0);
  assert.ok(told.length <= 257);
  assert.equal(
    told.reduce((sum, event) => sum + (event.type === 'dropped' ? event.count : 0), 0),
    1000,
  );
});
