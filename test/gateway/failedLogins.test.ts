/** How long logins are refused, and whose. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FailedLogins } from '../../src/gateway/failedLogins.ts';

const NAT = { address: '203.0.113.77', port: 4500 };
const SECOND = 1000;
const MINUTE = 60 * SECOND;

function failedTimes(times: number, at = 0, from = NAT, user = 'ann'): FailedLogins {
  const logins = new FailedLogins(3);
  for (let i = 0; i < times; i++) logins.failed(from, user, at);
  return logins;
}

test('logins are refused after so many failures, for half a minute', () => {
  assert.equal(failedTimes(2).refusal(NAT, 'ann', 0), undefined);
  const logins = failedTimes(3);
  assert.deepEqual(logins.refusal(NAT, 'ann', 10 * SECOND), {
    code: 'too-many-failed-logins',
    reason: 'Too many failed logins: the next may be tried in 20 s.',
  });
  assert.equal(logins.refusal(NAT, 'ann', 30 * SECOND), undefined);
});

test('each failure after that refuses for twice as long, a quarter of an hour at most', () => {
  const logins = failedTimes(3);
  let now = 0;
  const lengths: number[] = [];
  for (let i = 0; i < 7; i++) {
    let length = 0;
    while (logins.refusal(NAT, 'ann', now + length) !== undefined) length += SECOND;
    lengths.push(length / SECOND);
    now += length;
    logins.failed(NAT, 'ann', now);
  }
  assert.deepEqual(lengths, [30, 60, 120, 240, 480, 900, 900]);
});

test('others behind the same NAT, and the same user from elsewhere, are not refused', () => {
  const logins = failedTimes(3);
  assert.equal(logins.refusal(NAT, 'bob', 1), undefined);
  assert.equal(logins.refusal({ ...NAT, address: '203.0.113.78' }, 'ann', 1), undefined);
  assert.ok(logins.refusal({ ...NAT, port: 1024 }, 'ann', 1), 'another port is the same peer');
  assert.ok(logins.refusal(NAT, 'CORP\\ann', 1), 'a domain makes no other user');
});

test('a site with IPv6 is one source', () => {
  const logins = failedTimes(3, 0, { address: '2001:db8:1:2::1', port: 4500 });
  assert.ok(logins.refusal({ address: '2001:db8:1:2:ffff::9', port: 4500 }, 'ann', 1));
  assert.equal(logins.refusal({ address: '2001:db8:1:3::1', port: 4500 }, 'ann', 1), undefined);
});

test('failures that are more than a minute apart do not add up, nor do those before a success', () => {
  const logins = failedTimes(2);
  logins.failed(NAT, 'ann', 61 * SECOND);
  assert.equal(logins.refusal(NAT, 'ann', 61 * SECOND), undefined);
  logins.failed(NAT, 'ann', 62 * SECOND);
  logins.succeeded(NAT, 'ann');
  logins.failed(NAT, 'ann', 63 * SECOND);
  assert.equal(logins.refusal(NAT, 'ann', 63 * SECOND), undefined);
});

test('failures while logins are refused do not lengthen that, and long quiet forgets all', () => {
  const logins = failedTimes(10);
  assert.equal(logins.refusal(NAT, 'ann', 30 * SECOND), undefined);
  logins.failed(NAT, 'ann', 30 * MINUTE);
  assert.equal(logins.refusal(NAT, 'ann', 30 * MINUTE), undefined);
});

test('the table is bounded: a flood of names pushes out the oldest', () => {
  const logins = failedTimes(3);
  for (let i = 0; i < 8192; i++) logins.failed(NAT, `user${i}`, 1);
  assert.equal(logins.refusal(NAT, 'ann', 1), undefined);
});
