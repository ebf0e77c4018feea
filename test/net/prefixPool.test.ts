/** Prefixes for users out of a pool. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { PrefixPool, prefixHost } from '../../src/net/index.ts';

test('each user has a /64 of the pool, and gets the same again', () => {
  const pool = new PrefixPool('2001:db8:100::/48');
  assert.equal(pool.gatewayAddress, '2001:db8:100::1');
  const [ann, bob] = [pool.allocate('ann'), pool.allocate('bob')];
  assert.deepEqual([ann, bob], ['2001:db8:100:1::/64', '2001:db8:100:2::/64']);
  assert.ok(pool.release(ann!));
  assert.ok(!pool.release(ann!));
  assert.equal(pool.allocate('cid'), '2001:db8:100:3::/64');
  assert.equal(pool.allocate('ann'), ann);
  assert.equal(prefixHost(ann!, 1), '2001:db8:100:1::1');
});

test('a small pool is used up and no more; what is given back is given again', () => {
  const pool = new PrefixPool('2001:db8:0:fc::/62');
  const given = ['a', 'b', 'c', 'd'].map((user) => pool.allocate(user));
  assert.deepEqual(given, ['2001:db8:0:fd::/64', '2001:db8:0:fe::/64', '2001:db8:0:ff::/64', undefined]);
  pool.release(given[1]!);
  assert.equal(pool.allocate('e'), given[1]);
});

test('pools larger than 2^32 prefixes give the first of them', () => {
  assert.equal(new PrefixPool('2001::/16').allocate('a'), '2001:0:0:1::/64');
});

test('what is no prefix shorter than /64 is refused', () => {
  for (const text of ['2001:db8::/64', '10.0.0.0/8', '2001:db8::1/48', 'x', '2001:db8::']) {
    assert.throws(() => new PrefixPool(text), RangeError);
  }
});
