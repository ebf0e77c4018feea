import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ControlChannel, type ControlMessage, fullCycle, l2tpConfig } from '../../src/l2tp/index.ts';
import { seededNumbers } from '../sim/random.ts';

const config = l2tpConfig({ role: 'lac', hostName: 'a' });
const body = (text: string) => new TextEncoder().encode(text);
const message = (ns: number, nr: number, text = '') => ({ tunnel: 1, session: 0, ns, nr, body: body(text) });

function loaded(count: number, window = 4): ControlChannel<number> {
  const channel = new ControlChannel<number>(config);
  channel.setPeerWindow(window);
  for (let tag = 0; tag < count; tag++) channel.enqueue({ session: 0, body: body(`m${tag}`), tag });
  return channel;
}

const numbers = (channel: ControlChannel<number>, now: number) => channel.transmit(now).map(({ ns }) => ns);

test('slow start doubles the window each round trip, up to the peer’s (appendix A)', () => {
  const channel = loaded(30, 5);
  assert.deepEqual(numbers(channel, 0), [0]);
  channel.receive(message(0, 1), 10);
  assert.deepEqual(numbers(channel, 10), [1, 2]);
  channel.receive(message(0, 2), 20);
  channel.receive(message(0, 3), 20);
  assert.deepEqual(numbers(channel, 20), [3, 4, 5, 6]);
  for (let nr = 4; nr <= 7; nr++) channel.receive(message(0, nr), 30);
  assert.deepEqual(numbers(channel, 30), [7, 8, 9, 10, 11]);
});

test('a loss halves the threshold, starts again with one, then grows by one a round trip', () => {
  const channel = loaded(40, 8);
  let next = 0;
  for (let round = 0; round < 4; round++) {
    next = numbers(channel, round).at(-1)! + 1;
    for (let nr = next - channel.pending; nr <= next; nr++) channel.receive(message(0, nr), round);
  }
  assert.deepEqual(numbers(channel, 5).length, 8);
  assert.equal(channel.deadline, 1_005);
  assert.equal(channel.expire(1_004), 'idle');
  assert.equal(channel.expire(1_005), 'retransmit');
  assert.deepEqual(numbers(channel, 1_005), [next]);
  channel.receive(message(0, next + 1), 1_010);
  assert.deepEqual(numbers(channel, 1_010), [next + 1, next + 2]);
  channel.receive(message(0, next + 3), 1_020);
  assert.deepEqual(numbers(channel, 1_020).length, 3);
  channel.receive(message(0, next + 6), 1_030);
  assert.deepEqual(numbers(channel, 1_030).length, 4);
  // Threshold 4 is reached: from here one more for each window that was acknowledged.
  channel.receive(message(0, next + 10), 1_040);
  assert.deepEqual(numbers(channel, 1_040).length, 4);
});

test('retransmission after 1, 2, 4, 8, 8 s with the newest Nr; exhausted after 31 s', () => {
  assert.equal(fullCycle(config), 31_000);
  const channel = loaded(1);
  channel.transmit(0);
  const at: number[] = [];
  for (let now = channel.deadline!; ; now = channel.deadline!) {
    const verdict = channel.expire(now);
    if (verdict === 'exhausted') {
      assert.equal(now, 31_000);
      break;
    }
    at.push(now);
    channel.receive(message(at.length - 1, 0, 'from the peer'), now);
    const [sent] = channel.transmit(now);
    assert.deepEqual([sent?.ns, sent?.nr, sent?.retransmission], [0, at.length, at.length]);
  }
  assert.deepEqual(at, [1_000, 3_000, 7_000, 15_000, 23_000]);
});

test('each message in is acknowledged: by what goes out, or by a ZLB that takes no number', () => {
  const channel = loaded(0);
  channel.receive(message(0, 0, 'a'), 0);
  assert.deepEqual(channel.transmit(0), [{ ns: 0, nr: 1, message: undefined, retransmission: 0 }]);
  assert.deepEqual(channel.transmit(0), []);
  channel.receive(message(0, 0, 'a'), 1);
  assert.deepEqual(channel.transmit(1), [{ ns: 0, nr: 1, message: undefined, retransmission: 0 }], 'duplicate');
  channel.receive(message(0, 0), 2);
  assert.deepEqual(channel.transmit(2), [], 'a ZLB is not acknowledged');
  channel.enqueue({ session: 0, body: body('x'), tag: 0 });
  channel.receive(message(1, 0, 'b'), 3);
  assert.deepEqual(
    channel.transmit(3).map(({ ns, nr, message: out }) => [ns, nr, out !== undefined]),
    [[0, 2, true]],
  );
});

test('duplicates and order modulo 65536: the example of RFC 2661 §5.8', () => {
  const channel = loaded(0);
  for (let ns = 0; ns <= 15; ns++) channel.receive(message(ns, 0, 'x'), 0);
  for (const ns of [0, 15, 32_784, 65_535]) {
    assert.equal(channel.receive(message(ns, 0, 'x'), 0).arrival, 'duplicate', `${ns}`);
  }
  assert.equal(channel.receive(message(17, 0, 'late'), 0).arrival, 'early');
  assert.equal(channel.receive(message(17, 0, 'late'), 0).arrival, 'duplicate');
  assert.equal(channel.receive(message(32_783, 0, 'x'), 0).arrival, 'outsideWindow');
  const { arrival, delivered } = channel.receive(message(16, 0, 'x'), 0);
  assert.deepEqual([arrival, delivered.map(({ ns }) => ns)], ['inOrder', [16, 17]]);
});

test('an Nr for what was never sent acknowledges nothing', () => {
  const channel = loaded(2);
  channel.transmit(0);
  for (const nr of [2, 3, 0xffff]) assert.deepEqual(channel.receive(message(0, nr), 1).acknowledged, []);
  assert.equal(channel.receive(message(0, 1), 1).acknowledged.length, 1);
});

test('two channels deliver everything once and in order over any lossy path, past number 65535', () => {
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 1, max: 8 }), (seed, window) => {
      const random = seededNumbers(seed);
      const ends = [0, 1].map(
        () => new ControlChannel<number>({ ...config, maximumRetransmissions: 50, receiveWindow: window }),
      );
      const got: string[][] = [[], []];
      let now = 0;
      for (const end of ends) {
        end.setPeerWindow(window);
        for (let i = 0; i < 30; i++) end.enqueue({ session: 0, body: body(`${i}`), tag: i });
      }
      const wire: { to: number; at: number; message: ControlMessage }[] = [];
      const flush = (from: number) => {
        for (const { ns, nr, message: out } of ends[from]!.transmit(now)) {
          const copies = random() < 0.3 ? 0 : random() < 0.2 ? 2 : 1;
          for (let i = 0; i < copies; i++) {
            wire.push({
              to: 1 - from,
              at: now + random() * 300,
              message: { tunnel: 1, session: 0, ns, nr, body: out?.body ?? body('') },
            });
          }
        }
      };
      flush(0);
      flush(1);
      for (let step = 0; step < 20_000 && ends.some(({ pending }) => pending > 0); step++) {
        wire.sort((a, b) => a.at - b.at);
        const deadlines = ends.map(({ deadline }) => deadline ?? Number.POSITIVE_INFINITY);
        now = Math.min(wire[0]?.at ?? Number.POSITIVE_INFINITY, ...deadlines);
        if (wire[0]?.at === now) {
          const { to, message: arriving } = wire.shift()!;
          for (const { body: bytes } of ends[to]!.receive(arriving, now).delivered)
            got[to]!.push(new TextDecoder().decode(bytes));
          flush(to);
        } else {
          ends.forEach((end, i) => {
            assert.notEqual(end.expire(now), 'exhausted');
            flush(i);
          });
        }
      }
      const all = Array.from({ length: 30 }, (_, i) => `${i}`);
      assert.deepEqual(got, [all, all]);
    }),
    { seed: 58, numRuns: 25 },
  );
  const channel = loaded(0);
  for (let ns = 0; ns < 70_000; ns++) {
    channel.enqueue({ session: 0, body: body('x'), tag: ns });
    assert.equal(channel.transmit(ns)[0]?.ns, ns & 0xffff);
    assert.equal(channel.receive(message(ns & 0xffff, (ns + 1) & 0xffff, 'y'), ns).acknowledged[0]?.tag, ns);
  }
});
