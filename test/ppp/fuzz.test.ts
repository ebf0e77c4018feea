/** Whatever arrives: nothing throws, answers are bounded, and a closed link is quiet. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { encodeFrame } from '../../src/ppp/frame.ts';
import { PppLink, type PppOutput, Protocol } from '../../src/ppp/index.ts';
import { opened } from './peer.ts';
import { environment, judge, NETWORK } from './sim.ts';

/** No input makes the link say more than this: a renegotiation of both layers, with traces and milestones. */
const MOST_OUTPUTS = 24;

const bytes = fc.uint8Array({ maxLength: 80 });
const knownProtocol = fc.constantFrom(...Object.values(Protocol), 0x8281);
/** A packet with a right length and a plausible code, so that the deeper code is reached. */
const plausible = fc
  .tuple(knownProtocol, fc.integer({ min: 0, max: 14 }), fc.integer({ min: 0, max: 4 }), bytes)
  .map(([protocol, code, identifier, data]) =>
    encodeFrame({ protocol, information: Uint8Array.of(code, identifier, 0, data.length + 4, ...data) }),
  );
const frame = fc.oneof(
  bytes,
  plausible,
  fc.tuple(knownProtocol, bytes).map(([protocol, information]) => encodeFrame({ protocol, information })),
);

function check(outputs: readonly PppOutput[], received: Uint8Array) {
  assert.ok(outputs.length <= MOST_OUTPUTS, `${outputs.length} outputs`);
  let sent = 0;
  for (const output of outputs) if (output.type === 'send') sent += output.frame.length;
  assert.ok(sent <= received.length + 400, `${sent} bytes for ${received.length}`);
}

test('random frames in every phase, with time passing and commands in between', () => {
  const step = fc.oneof(
    { weight: 8, arbitrary: frame.map((bytes) => ({ bytes })) },
    { weight: 2, arbitrary: fc.integer({ min: 1, max: 5000 }).map((wait) => ({ wait })) },
  );
  const role = fc.constantFrom(
    {},
    { requirePeer: [] as const, network: NETWORK },
    { credentials: { user: 'User', password: 'clientPass' } },
    { requirePeer: ['pap'] as const },
  );
  fc.assert(
    fc.property(role, fc.boolean(), fc.array(step, { maxLength: 60 }), fc.integer(), (config, open, steps, seed) => {
      const link = open ? opened({ requirePeer: [], ...config }).link : new PppLink(config, environment(seed));
      let now = 0;
      const answer = (outputs: readonly PppOutput[]) => {
        for (const output of outputs) {
          if (output.type === 'ask')
            link.command({ type: 'answer', id: output.id, answer: judge(output.credentials) }, now);
        }
      };
      link.command({ type: 'up' }, now);
      for (const one of steps) {
        if ('wait' in one) {
          now += one.wait;
          answer(link.expire(now));
          continue;
        }
        const outputs = link.receive(one.bytes, now);
        check(outputs, one.bytes);
        answer(outputs);
        if (outputs.some(({ type }) => type === 'closed')) {
          assert.equal(link.deadline, undefined);
          assert.deepEqual(link.receive(one.bytes, now), []);
        }
      }
      // Left alone, it does not live for ever without a network, and each expiry makes progress.
      for (let i = 0; link.deadline !== undefined && i < 200; i++) {
        const at = link.deadline;
        link.expire(at);
        assert.ok(link.deadline === undefined || link.deadline > at, 'a deadline that is reached passes');
      }
      assert.equal(link.deadline, undefined);
    }),
    { numRuns: 400, seed: 1661 },
  );
});
