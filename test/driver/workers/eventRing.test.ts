/** Events come out of the ring as they went in, in their order, and the main thread is told once. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { DataPlaneEvent } from '../../../src/dataplane/messages.ts';
import { EventReader, EventWriter, eventRingMemory } from '../../../src/driver/workers/eventRing.ts';

const endpoint = fc.record({
  address: fc.constantFrom('192.0.2.1', '2001:db8::1', 'fe80::1234:5678:9abc:def0', '0.0.0.0'),
  port: fc.nat({ max: 65_535 }),
});
const bytes = fc.uint8Array({ maxLength: 300 });
const event: fc.Arbitrary<DataPlaneEvent> = fc.oneof(
  fc.record({ type: fc.constant('ike' as const), local: endpoint, remote: endpoint, bytes }),
  fc.record({
    type: fc.constant('l2tp' as const),
    channel: fc.option(fc.nat(), { nil: undefined }),
    local: endpoint,
    remote: endpoint,
    bytes,
  }),
  fc.record({ type: fc.constant('neighborDiscovery' as const), slot: fc.nat(), bytes }),
  fc.record({ type: fc.constant('saUsed' as const), channel: fc.nat(), inboundSpi: fc.nat() }),
  fc.record({
    type: fc.constant('dropped' as const),
    code: fc.string(),
    reason: fc.string(),
    remote: endpoint,
    count: fc.nat(),
  }),
);

test('events come out as they went in, in their order, however they are taken', () => {
  fc.assert(
    fc.property(fc.array(fc.array(event, { maxLength: 8 }), { maxLength: 40 }), (turns) => {
      const memory = eventRingMemory(16 * 1024);
      const [writer, reader] = [new EventWriter(memory), new EventReader(memory)];
      // As between threads: records of fast-check have no prototype.
      for (const events of structuredClone(turns)) {
        for (const one of events) assert.ok(writer.push(one));
        assert.deepEqual(reader.take(), events);
      }
    }),
    { numRuns: 50, seed: 3 },
  );
});

test('the main thread is told once until it looks, and what finds no room is given back', () => {
  const memory = eventRingMemory(1024);
  const [writer, reader] = [new EventWriter(memory), new EventReader(memory)];
  const local = { address: '192.0.2.1', port: 500 };
  const ike = (length: number): DataPlaneEvent => ({
    type: 'ike',
    local,
    remote: local,
    bytes: new Uint8Array(length),
  });
  assert.ok(writer.push(ike(500)));
  assert.deepEqual([writer.mustTell(), writer.mustTell()], [true, false]);
  assert.equal(writer.push(ike(500)), false);
  assert.equal(writer.push(ike(20_000)), false);
  assert.deepEqual(reader.take(), [ike(500)]);
  assert.deepEqual(reader.take(), []);
  assert.equal(writer.mustTell(), true);
});
