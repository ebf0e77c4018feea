/** Sequenced data messages over a wire that loses, repeats and reorders. RFC 2661 §5.4, appendix C. */

import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { Arrival, ReorderQueue } from '../../src/dataplane/reorder.ts';
import { CLIENT, CLIENT_TUNNEL, End, GATEWAY_TUNNEL, innerPacket, join, openTunnel, SERVER, turned } from './ends.ts';
import { l2tpMessage, pppFrame, readL2tp } from './slow.ts';

const SEED = 2661;
const BOUNDS = { packets: 8, milliseconds: 50 };

interface Given {
  readonly index: number;
  readonly at: number;
}

/** Runs messages `(index, arrival)` through a queue; `first` is the number of index 0. */
function run(arrivals: readonly Given[], first: number, bounds = BOUNDS) {
  const queue = new ReorderQueue(bounds);
  const out: (Given & { readonly came: number })[] = [];
  const came = new Map<number, number>();
  let most = 0;
  let now = 0;
  const release = (bytes: Uint8Array) => {
    const index = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
    out.push({ index, at: now, came: came.get(index)! });
  };
  const expireUntil = (until: number) => {
    for (let deadline = queue.deadline; deadline !== undefined && deadline <= until; deadline = queue.deadline) {
      now = deadline;
      queue.expire(now, release);
      assert.ok(queue.deadline === undefined || queue.deadline > now);
    }
  };
  let late = 0;
  for (const { index, at } of arrivals) {
    expireUntil(at);
    now = at;
    const bytes = new Uint8Array(6);
    new DataView(bytes.buffer).setUint32(1, index);
    const arrival = queue.take((first + index) & 0xffff, bytes, 1, 4, now, release);
    if (arrival === Arrival.late) late++;
    else if (!came.has(index)) came.set(index, at);
    if (arrival === Arrival.next) {
      out.push({ index, at: now, came: at });
      queue.release(release);
    }
    most = Math.max(most, queue.size);
  }
  expireUntil(Number.POSITIVE_INFINITY);
  return { out, late, most, left: queue.size };
}

const wire = fc.record({
  first: fc.constantFrom(0, 1, 0xfff0, 0xffff),
  // Of each message in turn: delays of its copies; none is a loss.
  copies: fc.array(fc.array(fc.integer({ min: 0, max: 120 }), { maxLength: 3 }), { minLength: 1, maxLength: 120 }),
});

test('the order out is right, nothing comes twice, and nothing is held longer than the bound or beyond the number', () => {
  fc.assert(
    fc.property(wire, ({ first, copies }) => {
      const arrivals = copies
        .flatMap((delays, index) => delays.map((delay) => ({ index, at: index * 10 + delay })))
        .sort((one, other) => one.at - other.at);
      const { out, late, most, left } = run(arrivals, first);
      for (const [i, { index, at, came }] of out.entries()) {
        if (i > 0) assert.ok(index > out[i - 1]!.index, 'in order, once');
        assert.ok(at - came <= BOUNDS.milliseconds, 'held too long');
      }
      assert.ok(most < BOUNDS.packets);
      assert.equal(left, 0);
      assert.equal(out.length + late, arrivals.length);
    }),
    { seed: SEED, numRuns: 400 },
  );
});

test('reordering within the bounds loses nothing', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 45 }), { minLength: 1, maxLength: 200 }), (delays) => {
      const arrivals = delays
        .map((delay, index) => ({ index, at: index * 10 + (index === 0 ? 0 : delay) }))
        .sort((one, other) => one.at - other.at);
      const { out, late } = run(arrivals, 0xfffe);
      assert.deepEqual(
        out.map(({ index }) => index),
        delays.map((_, index) => index),
      );
      assert.equal(late, 0);
    }),
    { seed: SEED, numRuns: 300 },
  );
});

test('without bounds nothing waits: late and repeated messages are dropped', () => {
  const queue = new ReorderQueue(undefined);
  const take = (ns: number) => queue.take(ns, new Uint8Array(1), 0, 1, 0, () => assert.fail());
  assert.deepEqual([5, 6, 8, 7, 8, 9].map(take), [0, 0, 0, 2, 2, 0]);
});

test('a peer that begins to count anew is followed', () => {
  const queue = new ReorderQueue(BOUNDS);
  const take = (ns: number) => queue.take(ns, new Uint8Array(1), 0, 1, 0, () => assert.fail());
  assert.equal(take(9000), Arrival.next);
  const anew = Array.from({ length: 10 }, (_, i) => take(i));
  assert.deepEqual(anew.lastIndexOf(Arrival.late), 6);
  assert.equal(take(10), Arrival.next);
});

function sequencedTunnel(follow = false) {
  let now = 0;
  const client = new End({ now: () => now });
  const gateway = new End({ now: () => now });
  openTunnel(client, gateway, {
    session: { sequencing: !follow, reorder: BOUNDS, ...(follow && { followSequencing: true }) },
  });
  return {
    client,
    gateway,
    setTime: (to: number) => {
      now = to;
    },
  };
}

test('packets reach the kernel in order; a gap is waited for and no longer than the bound', () => {
  const { client, gateway, setTime } = sequencedTunnel();
  const packets = [0, 1, 2, 3, 4, 5].map((i) => innerPacket(CLIENT, SERVER, 100 + i));
  for (const packet of packets) client.plane.fromTun(packet);
  const deliver = (i: number) => gateway.plane.receive(turned(client.sent[i]!));
  for (const i of [0, 2, 1]) deliver(i);
  assert.deepEqual(gateway.packets, packets.slice(0, 3));
  // 3 is lost.
  for (const i of [4, 5]) deliver(i);
  assert.equal(gateway.packets.length, 3);
  assert.equal(gateway.plane.deadline, 50);
  setTime(49);
  gateway.plane.tick(49);
  assert.equal(gateway.packets.length, 3);
  setTime(50);
  gateway.plane.tick(50);
  assert.deepEqual(gateway.packets, [...packets.slice(0, 3), ...packets.slice(4)]);
  deliver(3);
  assert.equal(gateway.packets.length, 5);
  assert.equal(gateway.counter(0, 'late'), 1);
  gateway.plane.tick(1e6);
  assert.deepEqual(gateway.drops(), { 'late-message': 1 });
});

test('messages without numbers let what waits go first', () => {
  const { client, gateway } = sequencedTunnel();
  const packets = [0, 1, 2].map((i) => innerPacket(CLIENT, SERVER, 100 + i));
  for (const packet of packets) client.plane.fromTun(packet);
  for (const i of [0, 2]) gateway.plane.receive(turned(client.sent[i]!));
  const plain = innerPacket(CLIENT, SERVER, 300);
  client.plane.post({
    type: 'sendL2tp',
    channel: 1,
    bytes: l2tpMessage({ control: false, tunnel: 22, session: 2, payload: pppFrame(plain) }),
  });
  gateway.plane.receive(turned(client.sent[3]!));
  assert.deepEqual(gateway.packets, [packets[0], packets[2], plain]);
});

test('as LAC the client numbers its messages while the LNS does, and picks up where it left off', () => {
  const client = new End();
  const gateway = new End();
  const plainTunnel = { protection: 'none', session: { followSequencing: true } } as const;
  openTunnel(client, gateway, plainTunnel);
  const numberOf = () => readL2tp(client.sent.at(-1)!.bytes).sequence?.ns;
  const fromLns = (sequence?: { ns: number; nr: number }) =>
    client.plane.receive({
      protocol: 'udp',
      local: { address: '192.0.2.2', port: 1701 },
      remote: { address: '192.0.2.1', port: 1701 },
      bytes: l2tpMessage({
        control: false,
        tunnel: CLIENT_TUNNEL,
        session: 1,
        payload: pppFrame(innerPacket(SERVER, CLIENT)),
        ...(sequence && { sequence }),
      }),
    });
  const send = () => client.plane.fromTun(innerPacket(CLIENT, SERVER));
  send();
  assert.equal(numberOf(), undefined);
  fromLns({ ns: 0, nr: 0 });
  send();
  assert.equal(numberOf(), 0);
  send();
  assert.equal(numberOf(), 1);
  fromLns();
  send();
  assert.equal(numberOf(), undefined);
  fromLns({ ns: 1, nr: 0 });
  send();
  assert.equal(numberOf(), 2);
  assert.equal(readL2tp(client.sent.at(-1)!.bytes).tunnel, GATEWAY_TUNNEL);
  join(client, gateway);
});
