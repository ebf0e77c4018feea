/** Whatever arrives: nothing throws, answers are bounded, nobody succeeds by it, and the end is the end. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type EapMethodName, type EapOutput, EapPeer, EapServer, encodeEap, ietf } from '../../src/eap/index.ts';
import { environment } from './sim.ts';

const METHODS: readonly EapMethodName[] = ['eap-tls', 'eap-mschapv2', 'eap-gtc', 'eap-md5'];
const methods = fc.shuffledSubarray([...METHODS], { minLength: 1 });
const MOST_OUTPUTS = 5;

const bytes = fc.uint8Array({ maxLength: 90 });
/** Packets that reach the deeper code: known types, plausible identifiers, inner headers that are nearly right. */
const inner = fc.oneof(
  fc.constantFrom(Uint8Array.of(0x20), Uint8Array.of(0)),
  bytes,
  fc
    .tuple(fc.integer({ min: 0, max: 8 }), fc.integer({ min: 0, max: 255 }), fc.integer({ min: -2, max: 2 }), bytes)
    .map(([op, id, off, data]) => Uint8Array.of(op, id, 0, Math.max(0, data.length + 4 + off), ...data)),
  fc
    .tuple(fc.constantFrom(0, 0x20, 0x40, 0x80, 0xc0), fc.integer({ min: 0, max: 200 }), bytes)
    .map(([flags, length, data]) => Uint8Array.of(flags, ...(flags & 0x80 ? [0, 0, 0, length] : []), ...data)),
);
const step = fc.oneof(
  { weight: 1, arbitrary: bytes.map((raw) => ({ raw })) },
  {
    weight: 6,
    arbitrary: fc.record({
      code: fc.constantFrom(1, 2, 3, 4),
      /** Relative to what the core awaits. */
      off: fc.constantFrom(0, 0, 0, 1, 255),
      /** 0: what the core has spoken last. */
      type: fc.constantFrom(0, 0, 0, 0, 1, 2, 3, 4, 6, 13, 26, 254),
      data: inner,
    }),
  },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 20_000 }).map((wait) => ({ wait })) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom('handshaking', 'failed'), bytes)
      .map(([tls, output]) => ({ tls, output: output.slice(0, 40) })),
  },
);

const refused = { accepted: false, reason: { code: 'wrong-password', reason: 'No.' } } as const;
const failure = { code: 'tls-failed', reason: 'TLS failed.' };

test('random packets, time and refusals, for both roles', () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(
      fc.boolean(),
      methods,
      fc.array(step, { maxLength: 40, size: 'max' }),
      fc.integer(),
      (server, methods, steps, seed) => {
        const env = environment(seed);
        const core = server
          ? new EapServer({ methods, restart: [300, 1000], retries: 1 }, env)
          : new EapPeer({ methods, credentials: { user: 'User', password: 'clientPass' }, patience: 9000 }, env);
        let now = 0;
        let identifier = 0;
        let type = 0;
        let ended = false;
        const check = (outputs: readonly EapOutput[], received: number) => {
          assert.ok(outputs.length <= MOST_OUTPUTS, `${outputs.length} outputs`);
          let sent = 0;
          for (const output of outputs) {
            seen.add(`${server} ${output.type}`);
            assert.notEqual(output.type === 'success' && server, true, 'nobody was accepted');
            if (output.type === 'send') {
              sent += output.bytes.length;
              identifier = output.bytes[1]!;
              type = output.bytes[4] ?? 0;
            }
            if (output.type === 'failure') ended = true;
            if (output.type === 'ask' && core instanceof EapServer) {
              check(core.command({ type: 'answer', id: output.id, answer: refused }, now), received);
            }
          }
          assert.ok(sent <= received + 300, `${sent} bytes for ${received}`);
        };
        check(core.command({ type: 'start' }, now), 0);
        let asked = 0;
        for (const one of steps) {
          if ('wait' in one) {
            now += one.wait;
            check(core.expire(now), 100);
          } else if ('tls' in one) {
            const progress =
              one.tls === 'failed'
                ? ({ state: 'failed', output: one.output, failure } as const)
                : ({ state: 'handshaking', output: one.output } as const);
            for (const id of [asked, ++asked]) check(core.command({ type: 'tlsAnswer', id, progress }, now), 100);
          } else {
            const packet =
              'raw' in one ? one.raw : packetOf({ ...one, type: one.type === 0 ? type : one.type }, identifier);
            const was = ended;
            const outputs = core.receive(packet, now);
            check(outputs, packet.length);
            if (was) assert.ok(outputs.every(({ type }) => type === 'trace' || type === 'dropped' || type === 'send'));
          }
        }
        for (let i = 0; core.deadline !== undefined && i < 100; i++) {
          const at = core.deadline;
          core.expire(at);
          assert.ok(core.deadline === undefined || core.deadline > at, 'a deadline that is reached passes');
        }
        assert.equal(core.deadline, undefined);
      },
    ),
    { numRuns: 600, seed: 3748 },
  );
  for (const reached of ['true ask', 'true askTls', 'true retrying', 'false askTls', 'true failure', 'false failure']) {
    assert.ok(seen.has(reached), `${reached} is reached`);
  }
});

function packetOf(one: { code: number; off: number; type: number; data: Uint8Array }, identifier: number): Uint8Array {
  const { code, off, type } = one;
  // Now and then a whole Response of EAP-MSCHAPv2, which chance would not find.
  const whole = Uint8Array.of(2, identifier, 0, 58, 49, ...new Uint8Array(49), 85, 115, 101, 114);
  const data = type === 26 && one.data.length % 3 === 0 ? whole : one.data;
  const id = (identifier + off + (code === 1 ? 1 : 0)) & 255;
  return code > 2
    ? encodeEap({ code, identifier: id, data: new Uint8Array(0) })
    : encodeEap({ code, identifier: id, type: ietf(type), data });
}
