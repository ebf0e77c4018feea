import assert from 'node:assert/strict';
import test from 'node:test';
import type { DataPlaneEvent } from '../../src/dataplane/messages.ts';
import {
  BETWEEN_DELIVERIES,
  DELIVERIES_AT_ONCE,
  EventOutbox,
  MOST_WAITING_EVENTS,
} from '../../src/driver/eventOutbox.ts';

const event = (slot: number): DataPlaneEvent => ({ type: 'firstPacket', slot, direction: 'fromPeer' });

function outbox() {
  const delivered: number[][] = [];
  const slots = (events: readonly DataPlaneEvent[]) =>
    events.map((each) => (each.type === 'firstPacket' ? each.slot : -1));
  return { delivered, box: new EventOutbox((events) => delivered.push(slots(events))) };
}

test('few events are handed out at once, one by one', () => {
  const { delivered, box } = outbox();
  assert.equal(box.deadline, undefined);
  for (let i = 0; i < DELIVERIES_AT_ONCE; i++) {
    box.add(event(i));
    assert.ok(box.deadline! <= 1000);
    box.deliverDue(1000);
    assert.deepEqual(delivered.at(-1), [i]);
  }
});

test('many are handed out together, in their order, none later than the deadline says', () => {
  const { delivered, box } = outbox();
  let sent = 0;
  for (let now = 1000; now < 1200; now += 0.1) {
    box.add(event(sent++));
    box.deliverDue(now);
    if (box.deadline !== undefined) assert.ok(box.deadline - now <= BETWEEN_DELIVERIES);
  }
  box.deliverDue(1300);
  assert.deepEqual(delivered.flat(), [...Array(sent).keys()]);
  assert.ok(delivered.length <= 200 / BETWEEN_DELIVERIES + DELIVERIES_AT_ONCE + 2);
  assert.equal(box.deadline, undefined);
});

test('a burst does not wait until there is room for no more', () => {
  const { delivered, box } = outbox();
  for (let i = 0; i < DELIVERIES_AT_ONCE + 1; i++) {
    box.add(event(0));
    box.deliverDue(1000);
  }
  delivered.length = 0;
  for (let i = 0; i < MOST_WAITING_EVENTS + 1; i++) {
    box.add(event(i));
    box.deliverDue(1000);
  }
  assert.equal(delivered.length, 1);
  assert.equal(delivered[0]!.length, MOST_WAITING_EVENTS);
  box.deliverAll();
  assert.deepEqual(delivered[1], [MOST_WAITING_EVENTS]);
});
