import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { Agenda, Timers } from '../../src/core/index.ts';

const SEED = 7;
const name = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h');
/** Small instants, so that equal ones and re-armed ones are frequent. */
const instant = fc.nat(30);

/** What both are: names with the instant at which each is due, kept as plainly as can be. */
class Plain {
  readonly at = new Map<string, number>();

  get deadline(): number | undefined {
    return this.at.size === 0 ? undefined : Math.min(...this.at.values());
  }

  due(now: number): Map<string, number> {
    const due = new Map([...this.at].filter(([, at]) => at <= now));
    for (const key of due.keys()) this.at.delete(key);
    return due;
  }
}

const operation = fc.oneof(
  fc.record({ do: fc.constant('set' as const), name, at: instant }),
  fc.record({ do: fc.constant('clear' as const), name }),
  fc.record({ do: fc.constant('due' as const), now: instant }),
);

function checkDue(actual: readonly string[], expected: ReadonlyMap<string, number>): void {
  assert.deepEqual([...actual].sort(), [...expected.keys()].sort());
  const order = actual.map((key) => expected.get(key)!);
  assert.deepEqual(
    order,
    [...order].sort((a, b) => a - b),
    'earliest first',
  );
}

test('an agenda does what a plain list of deadlines does', () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 200 }), (operations) => {
      const agenda = new Agenda<string>();
      const plain = new Plain();
      for (const op of operations) {
        if (op.do === 'set') {
          agenda.set(op.name, op.at);
          plain.at.set(op.name, op.at);
        } else if (op.do === 'clear') {
          agenda.set(op.name, undefined);
          plain.at.delete(op.name);
        } else {
          checkDue(agenda.due(op.now), plain.due(op.now));
        }
        assert.equal(agenda.deadline, plain.deadline);
      }
    }),
    { seed: SEED, numRuns: 300 },
  );
});

test('timers do what a plain list of deadlines does', () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
      const timers = new Timers<string>();
      const plain = new Plain();
      for (const op of operations) {
        if (op.do === 'set') {
          timers.set(op.name, op.at);
          plain.at.set(op.name, op.at);
        } else if (op.do === 'clear') {
          timers.clear(op.name);
          plain.at.delete(op.name);
        } else {
          checkDue(timers.due(op.now), plain.due(op.now));
        }
        assert.equal(timers.deadline, plain.deadline);
        for (const key of ['a', 'h']) assert.equal(timers.isSet(key), plain.at.has(key));
      }
      timers.clearAll();
      assert.equal(timers.deadline, undefined);
    }),
    { seed: SEED, numRuns: 300 },
  );
});

test('an entry that is set again and again to the same instant is woken once', () => {
  const agenda = new Agenda<string>();
  for (let i = 0; i < 5; i++) agenda.set('a', 10);
  agenda.set('a', undefined);
  agenda.set('a', 10);
  assert.deepEqual(agenda.due(10), ['a']);
  assert.deepEqual(agenda.due(1000), []);
});

test('ten thousand deadlines come out sorted', () => {
  const agenda = new Agenda<number>();
  for (let i = 0; i < 10_000; i++) agenda.set(i, (i * 7919) % 10_007);
  for (let i = 0; i < 10_000; i += 3) agenda.set(i, undefined);
  const due = agenda.due(20_000);
  assert.equal(due.length, 6666);
  for (let i = 1; i < due.length; i++) assert.ok((due[i - 1]! * 7919) % 10_007 <= (due[i]! * 7919) % 10_007);
});
