import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { AddressPool } from '../../src/net/index.ts';

test('ranges and prefixes are read, network and broadcast address left out', () => {
  const all = (range: string, exclude: string[] = []) => {
    const pool = new AddressPool({ ranges: [range], exclude });
    const given: string[] = [];
    for (let next = pool.allocate('u'); next !== undefined; next = pool.allocate('u')) given.push(next);
    return given;
  };
  assert.deepEqual(all('10.0.0.2-10.0.0.4'), ['10.0.0.2', '10.0.0.3', '10.0.0.4']);
  assert.deepEqual(all('10.0.0.0/29', ['10.0.0.1']), ['10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.5', '10.0.0.6']);
  assert.deepEqual(all('10.0.0.0/31'), ['10.0.0.0', '10.0.0.1']);
  assert.deepEqual(all('10.0.0.9'), ['10.0.0.9']);
  for (const wrong of ['10.0.0.9-10.0.0.2', '10.0.0.1/24', '10.0.0.1-2', 'x', '', '::/64', '1.1.1.1-1.1.1.2-1.1.1.3']) {
    assert.throws(() => new AddressPool({ ranges: [wrong] }), RangeError, wrong);
  }
});

test('a huge range costs nothing and is given from its start', () => {
  const pool = new AddressPool({ ranges: ['10.0.0.0/8'] });
  assert.equal(pool.allocate('a'), '10.0.0.1');
  assert.ok(pool.includes('10.255.255.254'));
  assert.ok(!pool.includes('10.255.255.255'));
});

test('a user gets the same address again while others do not need it', () => {
  const pool = new AddressPool({ ranges: ['10.0.0.1-10.0.0.3'] });
  assert.equal(pool.allocate('a'), '10.0.0.1');
  pool.release('10.0.0.1');
  assert.equal(pool.allocate('b'), '10.0.0.2');
  assert.equal(pool.allocate('a'), '10.0.0.1');
  assert.equal(pool.holder('10.0.0.1'), 'a');
  assert.equal(pool.allocate('a'), '10.0.0.3', 'a second session');
  assert.equal(pool.allocate('c'), undefined);
  pool.release('10.0.0.1');
  pool.release('10.0.0.3');
  assert.equal(pool.allocate('c'), '10.0.0.1', 'the one that rested longest');
});

test('a reserved address is its user’s alone, in the range or out of it', () => {
  const pool = new AddressPool({ ranges: ['10.0.0.1-10.0.0.2'], exclude: ['10.0.9.1'] });
  assert.ok(pool.reserve('a', '10.0.0.1'));
  assert.ok(pool.reserve('z', '192.168.7.7'));
  assert.ok(!pool.reserve('b', '10.0.0.1'));
  assert.ok(!pool.reserve('b', '10.0.9.1'));
  assert.equal(pool.allocate('b'), '10.0.0.2');
  assert.equal(pool.allocate('b'), undefined);
  assert.equal(pool.allocate('a'), '10.0.0.1');
  assert.equal(pool.allocate('z'), '192.168.7.7');
  assert.ok(!pool.reserve('a', '10.0.0.2'), 'held by another');
  pool.release('10.0.0.1');
  pool.unreserve('a');
  assert.equal(pool.allocate('c'), '10.0.0.1');
  assert.ok(pool.release('192.168.7.7'));
  assert.ok(!pool.release('192.168.7.7'));
});

/** The pool as a plain table: what any implementation must keep to. */
class Model {
  readonly held = new Map<string, string>();
  readonly reserved = new Map<string, string>();
}

const users = fc.constantFrom('a', 'b', 'c', 'd', 'e');
const addresses = fc.constantFrom('10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.5', '172.16.0.1');
const steps = fc.array(
  fc.oneof(
    fc.record({ do: fc.constant('allocate' as const), user: users }),
    fc.record({ do: fc.constant('unreserve' as const), user: users }),
    fc.record({ do: fc.constant('release' as const), address: addresses }),
    fc.record({ do: fc.constantFrom('reserve' as const, 'take' as const), user: users, address: addresses }),
  ),
  { maxLength: 60 },
);

test('no address is given twice, none is lost, whatever is done in whatever order', () => {
  const property = fc.property(steps, (all) => {
    const range = ['10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.5'];
    const pool = new AddressPool({ ranges: ['10.0.0.0/29', '10.0.0.4-10.0.0.5'], exclude: ['10.0.0.1', '10.0.0.6'] });
    const model = new Model();
    const reservedFor = (address: string) => [...model.reserved].find(([, a]) => a === address)?.[0];
    for (const step of all) {
      if (step.do === 'allocate') {
        const got = pool.allocate(step.user);
        const own = model.reserved.get(step.user);
        const free = range.filter((a) => !model.held.has(a) && reservedFor(a) === undefined);
        if (own !== undefined && !model.held.has(own)) assert.equal(got, own);
        else if (free.length === 0) assert.equal(got, undefined);
        else assert.ok(got !== undefined && free.includes(got), `${got} of ${free}`);
        if (got !== undefined) model.held.set(got, step.user);
      } else if (step.do === 'release') {
        assert.equal(pool.release(step.address), model.held.delete(step.address));
      } else if (step.do === 'unreserve') {
        pool.unreserve(step.user);
        model.reserved.delete(step.user);
      } else {
        const { user, address } = step;
        const others = reservedFor(address) ?? user;
        const holder = model.held.get(address);
        const allowed = address !== '10.0.0.1' && others === user;
        if (step.do === 'take') {
          assert.equal(pool.take(user, address), allowed && holder === undefined);
          if (allowed && holder === undefined) model.held.set(address, user);
        } else {
          assert.equal(pool.reserve(user, address), allowed && (holder ?? user) === user);
          if (allowed && (holder ?? user) === user) model.reserved.set(user, address);
        }
      }
      assert.equal(pool.held, model.held.size);
      for (const [address, user] of model.held) assert.equal(pool.holder(address), user);
    }
  });
  fc.assert(property, { seed: 2131, numRuns: 500 });
});
