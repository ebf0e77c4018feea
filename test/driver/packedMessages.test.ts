import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import type { DataPlaneEvent } from '../../src/dataplane/messages.ts';
import { packCommands, packEvents, unpackCommands, unpackEvents } from '../../src/driver/packedMessages.ts';
import type { WorkerCommand } from '../../src/driver/workers/commandRouter.ts';

/** Plain objects, as a clone gives them. */
const record = ((shape: never) => fc.record(shape, { noNullPrototype: true })) as typeof fc.record;

const address = fc.constantFrom('192.0.2.1', '2001:db8::1', '::');
const endpoint = record({ address, port: fc.integer({ min: 0, max: 65_535 }) });
const bytes = fc.uint8Array({ maxLength: 80 });
const channel = fc.integer({ min: 1, max: 2 ** 31 });
const both = { local: endpoint, remote: endpoint };

const command: fc.Arbitrary<WorkerCommand> = fc.oneof(
  record({ type: fc.constant('sendL2tp' as const), channel, bytes }),
  record({ type: fc.constant('sendL2tp' as const), channel, bytes, dontFragment: fc.boolean() }),
  record({ type: fc.constant('sendL2tp' as const), channel, bytes, remote: endpoint }),
  record({ type: fc.constant('sendIke' as const), ...both, bytes }),
  record({ type: fc.constant('sendIke' as const), ...both, bytes, dontFragment: fc.boolean() }),
  record({ type: fc.constant('closeChannel' as const), channel }),
  record({ type: fc.constant('sendPacket' as const), slot: fc.nat(100), bytes }),
  record({ type: fc.constant('spiForgotten' as const), spi: fc.nat(2 ** 31) }),
);

const event: fc.Arbitrary<DataPlaneEvent> = fc.oneof(
  record({ type: fc.constant('ike' as const), ...both, bytes }),
  record({ type: fc.constant('l2tp' as const), channel: fc.option(channel, { nil: undefined }), ...both, bytes }),
  record({ type: fc.constant('saUsed' as const), channel, inboundSpi: fc.nat(2 ** 31) }),
  record({ type: fc.constant('neighborDiscovery' as const), slot: fc.nat(100), bytes }),
);

const runs = { numRuns: 200, seed: 11 };

test('commands come out of a message as they went in, in their order', () => {
  fc.assert(
    fc.property(fc.array(command), (commands) => {
      assert.deepEqual(unpackCommands(structuredClone(packCommands(commands))), commands);
    }),
    runs,
  );
});

test('so do events, each with bytes of its own', () => {
  fc.assert(
    fc.property(fc.array(event), (events) => {
      const unpacked = unpackEvents(structuredClone(packEvents(events)));
      assert.deepEqual(unpacked, events);
      const buffers = unpacked.flatMap((each) =>
        'bytes' in each && each.type !== 'unknownSpi' ? [each.bytes.buffer] : [],
      );
      assert.equal(new Set(buffers).size, buffers.length);
    }),
    runs,
  );
});
