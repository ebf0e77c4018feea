/** When a client tries again and when it gives up, on a virtual clock. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  Persistence,
  type PersistenceInput,
  type PersistenceOutput,
  type RetrySettings,
} from '../../src/client/index.ts';
import type { Failure, Instant } from '../../src/core/index.ts';

const SECOND = 1000;
const DEAD: Failure = { code: 'peer-dead', reason: 'It is silent.' };
const SILENT: Failure = { code: 'peer-not-responding', reason: 'No answer.' };
const PASSWORD: Failure = { code: 'authentication-failed', reason: 'Wrong password.' };
const KEY: Failure = { code: 'psk-mismatch', reason: 'Another key.' };
const ASKED: Failure = { code: 'user-request', reason: 'The user ended the connection.' };

/** A core with its clock, and what it said. */
class Bench {
  now: Instant = 0;
  readonly core: Persistence;

  constructor(settings: Partial<RetrySettings> = { persist: true }, draw = 255) {
    this.core = new Persistence(settings, { random: (length) => new Uint8Array(length).fill(draw) });
  }

  tell(...inputs: PersistenceInput[]): readonly PersistenceOutput[] {
    return inputs.flatMap((input) => this.core.command(input, this.now));
  }

  /** Lets time pass until it says something, or nothing is waited for. */
  next(): readonly PersistenceOutput[] {
    while (this.core.deadline !== undefined) {
      this.now = Math.max(this.now, this.core.deadline);
      const outputs = this.core.expire(this.now);
      if (outputs.length > 0) return outputs;
    }
    return [];
  }

  lost(reason: Failure = SILENT): number {
    const [wait] = this.tell({ type: 'lost', reason });
    assert.equal(wait?.type, 'wait');
    return wait.type === 'wait' ? wait.milliseconds : 0;
  }

  pass(milliseconds: number): readonly PersistenceOutput[] {
    this.now += milliseconds;
    return this.core.expire(this.now);
  }
}

describe('a client that shall stay connected', () => {
  it('ends with the first loss unless told to persist', () => {
    const bench = new Bench({});
    assert.deepEqual(bench.tell({ type: 'start' }), [{ type: 'try', number: 1, sameServer: true }]);
    assert.deepEqual(bench.tell({ type: 'up' }, { type: 'lost', reason: DEAD }), [{ type: 'end', reason: DEAD }]);
    assert.deepEqual(
      bench.tell({ type: 'start' }, { type: 'lost', reason: DEAD }, { type: 'stop', reason: ASKED }),
      [],
    );
    assert.equal(bench.core.deadline, undefined);
  });

  it('waits twice as long after each failed try, up to the most, and short again after a stable connection', () => {
    const bench = new Bench({ persist: true, first: 2 * SECOND, most: 20 * SECOND });
    bench.tell({ type: 'start' });
    const waits: number[] = [];
    for (let i = 0; i < 6; i++) {
      waits.push(Math.round(bench.lost() / SECOND));
      assert.deepEqual(bench.next(), [{ type: 'try', number: i + 2, sameServer: false }]);
    }
    assert.deepEqual(waits, [2, 4, 8, 16, 20, 20]);

    // Up, but not for long: it may be the server that falls over.
    bench.tell({ type: 'up' });
    bench.pass(3 * SECOND);
    assert.equal(Math.round(bench.lost(DEAD) / SECOND), 20);
    assert.deepEqual(bench.next(), [{ type: 'try', number: 8, sameServer: true }]);
    bench.tell({ type: 'up' });
    bench.pass(11 * SECOND);
    assert.equal(Math.round(bench.lost(DEAD) / SECOND), 2);
  });

  it('comes back ever less often where the server deletes each child SA, however long that takes', () => {
    const bench = new Bench();
    bench.tell({ type: 'start' });
    const waits: number[] = [];
    for (let i = 0; i < 8; i++) {
      bench.tell({ type: 'up' });
      bench.pass(30 * SECOND);
      waits.push(Math.round(bench.lost({ code: 'child-sas-deleted', reason: 'Each.' }) / SECOND));
      bench.next();
    }
    assert.deepEqual(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
    bench.tell({ type: 'up' });
    bench.pass(30 * SECOND);
    assert.equal(Math.round(bench.lost(DEAD) / SECOND), 1);
  });

  it('draws its waits, so that a thousand clients do not come back at once', () => {
    const waits = [0, 64, 128, 255].map((draw) => {
      const bench = new Bench({ persist: true, first: 8 * SECOND }, draw);
      bench.tell({ type: 'start' });
      return Math.round(bench.lost() / SECOND);
    });
    assert.deepEqual(waits, [4, 5, 6, 8]);
  });

  it('stops at what time does not cure, at a wrong key only after three times in a row', () => {
    const bench = new Bench();
    bench.tell({ type: 'start' });
    assert.deepEqual(bench.tell({ type: 'lost', reason: PASSWORD }), [{ type: 'end', reason: PASSWORD }]);

    const keys = new Bench();
    keys.tell({ type: 'start' });
    for (const reason of [KEY, KEY, SILENT, KEY, KEY]) {
      keys.lost(reason);
      keys.next();
    }
    assert.deepEqual(keys.tell({ type: 'lost', reason: KEY }), [{ type: 'end', reason: KEY }]);

    const stubborn = new Bench({ persist: true, always: true });
    stubborn.tell({ type: 'start' });
    stubborn.lost(PASSWORD);
    assert.equal(stubborn.next()[0]?.type, 'try');
  });

  it('probes after a change of the network and after a sleep, once for many messages', () => {
    const bench = new Bench();
    bench.tell({ type: 'start' }, { type: 'up' });
    const same: PersistenceInput = { type: 'networkChanged', way: 'same' };
    assert.deepEqual(bench.tell(same, same, same), []);
    assert.deepEqual(bench.next(), [{ type: 'probe', within: 5000, why: 'The network changed.' }]);
    const [probe] = bench.tell({ type: 'resumed', slept: 3600 * SECOND });
    assert.equal(probe?.type, 'probe');
  });

  it('replaces the connection where the address that it uses is gone', () => {
    const bench = new Bench();
    bench.tell({ type: 'start' }, { type: 'up' });
    const outputs = bench.tell({ type: 'networkChanged', way: 'gone' });
    assert.deepEqual(
      outputs.map(({ type }) => type),
      ['drop', 'wait'],
    );
    // Before there is a network again nothing comes of a try; when there is one, the wait is over at once.
    bench.next();
    bench.lost({ code: 'no-route', reason: 'No route.' });
    bench.next();
    const long = bench.lost({ code: 'no-route', reason: 'No route.' });
    assert.ok(long > 2 * SECOND);
    const before = bench.now;
    bench.tell({ type: 'networkChanged', way: 'gone' });
    assert.equal(bench.next()[0]?.type, 'try');
    assert.ok(bench.now - before <= SECOND, `${bench.now - before} ms`);
  });

  it('says goodbye when it is stopped while connected, and just ends while it waits', () => {
    const bench = new Bench();
    bench.tell({ type: 'start' }, { type: 'up' });
    assert.deepEqual(bench.tell({ type: 'stop', reason: ASKED }), [{ type: 'disconnect', reason: ASKED }]);
    assert.deepEqual(bench.tell({ type: 'stop', reason: ASKED }, { type: 'networkChanged', way: 'gone' }), []);
    assert.deepEqual(bench.tell({ type: 'lost', reason: DEAD }), [{ type: 'end', reason: ASKED }]);

    const waiting = new Bench();
    waiting.tell({ type: 'start' });
    waiting.lost();
    assert.deepEqual(waiting.tell({ type: 'stop', reason: ASKED }), [{ type: 'end', reason: ASKED }]);
    assert.deepEqual(waiting.next(), []);
  });

  it('whatever happens, is never without a next step, never tries twice at once and ends once', () => {
    const input = fc.oneof<fc.Arbitrary<PersistenceInput>[]>(
      fc.constant({ type: 'up' }),
      fc.constantFrom(DEAD, SILENT, KEY).map((reason) => ({ type: 'lost', reason })),
      fc.constantFrom('same', 'gone').map((way) => ({ type: 'networkChanged', way }) as PersistenceInput),
      fc.constant({ type: 'resumed', slept: 60_000 }),
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(input, fc.nat(90_000)), { maxLength: 60 }), fc.nat(255), (steps, draw) => {
        const bench = new Bench({ persist: true }, draw);
        let connection = false;
        let ended = 0;
        const take = (outputs: readonly PersistenceOutput[]) => {
          for (const { type } of outputs) {
            assert.equal(ended, 0, 'nothing after the end');
            if (type === 'try') {
              assert.equal(connection, false);
              connection = true;
            } else if (type === 'drop') connection = false;
            else if (type === 'end') ended++;
          }
        };
        take(bench.tell({ type: 'start' }));
        for (const step of steps) {
          if (typeof step === 'number') take(bench.pass(step));
          else if (connection || (step.type !== 'up' && step.type !== 'lost')) {
            if (step.type === 'lost') connection = false;
            take(bench.tell(step));
          }
          assert.ok(ended > 0 || connection || bench.core.deadline !== undefined, 'it waits for nothing');
        }
        if (ended > 0) return;
        take(bench.tell({ type: 'stop', reason: ASKED }));
        if (connection) take(bench.tell({ type: 'lost', reason: ASKED }));
        assert.equal(ended, 1);
      }),
      { seed: 4, numRuns: 500 },
    );
  });
});
