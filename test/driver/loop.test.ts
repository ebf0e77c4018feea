import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type AlarmClock, Loop } from '../../src/driver/loop.ts';

/** A clock that goes only when told to, with the one alarm that the loop may have. */
class TestClock implements AlarmClock {
  time = 1000;
  alarms: { readonly at: number; readonly work: () => void }[] = [];

  now = (): number => this.time;

  set(work: () => void, milliseconds: number): unknown {
    const alarm = { at: this.time + milliseconds, work };
    this.alarms.push(alarm);
    return alarm;
  }

  clear(alarm: unknown): void {
    this.alarms = this.alarms.filter((other) => other !== alarm);
  }

  goTo(time: number): void {
    for (;;) {
      const [next] = this.alarms;
      if (next === undefined || next.at > time) break;
      this.time = next.at;
      this.alarms.shift();
      next.work();
    }
    this.time = time;
  }
}

/** Ticks at given times. */
class Ticker {
  readonly times: number[];

  constructor(...times: number[]) {
    this.times = times;
  }

  get deadline(): number | undefined {
    return this.times[0];
  }

  expire(now: number): readonly string[] {
    const due: string[] = [];
    while (this.times[0] !== undefined && this.times[0] <= now) due.push(`tick ${this.times.shift()}`);
    return due;
  }

  command(at: number): readonly string[] {
    this.times.push(at);
    this.times.sort((a, b) => a - b);
    return [`will tick ${at}`];
  }
}

describe('Loop', () => {
  it('wakes each core at its deadline with one alarm, and hands out what it returns', () => {
    const clock = new TestClock();
    const loop = new Loop(clock, clock);
    const said: string[] = [];
    loop.attach(new Ticker(1100, 1300), (outputs, now) => said.push(...outputs.map((o) => `a ${o} at ${now}`)));
    loop.attach(new Ticker(1200), (outputs, now) => said.push(...outputs.map((o) => `b ${o} at ${now}`)));
    assert.equal(clock.alarms.length, 1);
    clock.goTo(2000);
    assert.deepEqual(said, ['a tick 1100 at 1100', 'b tick 1200 at 1200', 'a tick 1300 at 1300']);
    assert.equal(clock.alarms.length, 0);
  });

  it('takes up an earlier deadline after a command', () => {
    const clock = new TestClock();
    const loop = new Loop(clock, clock);
    const said: string[] = [];
    const core = new Ticker(5000);
    const attached = loop.attach(core, (outputs) => said.push(...outputs));
    attached.perform(() => core.command(1500));
    assert.equal(clock.alarms.length, 1);
    clock.goTo(1600);
    assert.deepEqual(said, ['will tick 1500', 'tick 1500']);
  });

  it('does not wake a core that was taken off, nor any after stop', () => {
    const clock = new TestClock();
    const loop = new Loop(clock, clock);
    const said: string[] = [];
    const off = loop.attach(new Ticker(1100), (outputs) => said.push(...outputs));
    loop.attach(new Ticker(1200, 1300), (outputs) => said.push(...outputs));
    off.detach();
    clock.goTo(1250);
    loop.stop();
    clock.goTo(2000);
    assert.deepEqual(said, ['tick 1200']);
    assert.equal(clock.alarms.length, 0);
  });

  it('sleeps at most an hour at a time', () => {
    const clock = new TestClock();
    const loop = new Loop(clock, clock);
    const said: string[] = [];
    loop.attach(new Ticker(10_000_000), (outputs) => said.push(...outputs));
    assert.ok(clock.alarms[0]!.at <= 1000 + 3_600_000);
    clock.goTo(10_000_000);
    assert.deepEqual(said, ['tick 10000000']);
  });
});
