/** Whatever arrives, the core does not throw, answers within bounds and ends without state. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  encodeData,
  encodeMessage,
  type L2tpOutput,
  type MessageName,
  MessageType,
  writeControlMessage,
} from '../../src/l2tp/index.ts';
import { utf8 } from '../../src/wire/index.ts';
import { connected } from './lab.ts';
import { REPLY, REQUEST, ScriptedPeer } from './scriptedPeer.ts';

const SEED = { seed: 20_26 };
const u16 = fc.integer({ min: 0, max: 0xffff });

const sends = (outputs: readonly L2tpOutput[]) => outputs.filter(({ type }) => type === 'send');

function settle(peer: ScriptedPeer): void {
  peer.waitUntil(peer.now + 10_000_000);
  assert.equal(peer.socket.deadline, undefined);
  assert.ok(peer.socket.idle);
}

test('random bytes are dropped with a reason, and a stranger gets no more messages than it sent', () => {
  const peer = new ScriptedPeer({ secret: utf8('s') });
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.constantFrom(0xc8, 0x00, 0x40, 0x4a), (rest, first) => {
      const outputs = peer.socket.receive(Uint8Array.of(first, 0x02, ...rest), peer.now);
      assert.ok(sends(outputs).length <= 1);
    }),
    { ...SEED, numRuns: 1_000 },
  );
  settle(peer);
});

test('every truncation and every flipped octet of a whole conversation', () => {
  const { network } = connected({
    lac: { secret: utf8('s'), requireAuthentication: true },
    lns: { secret: utf8('s') },
  });
  const recorded = network.carried.filter(({ from }) => from.address === '10.0.0.1').map(({ bytes }) => bytes);
  const mutations = recorded.flatMap((bytes) => [
    ...Array.from(bytes, (_, length) => bytes.subarray(0, length)),
    ...Array.from(bytes, (octet, at) => bytes.with(at, octet ^ 0xff)),
  ]);
  const peer = new ScriptedPeer({ secret: utf8('s') });
  for (const bytes of mutations) {
    peer.socket.receive(bytes, peer.now);
    peer.now += 10;
    peer.socket.expire(peer.now);
  }
  settle(peer);
});

/** Any message, well formed but for chance, in any place. */
const anything = fc.record({
  name: fc.constantFrom(...(Object.keys(MessageType) as MessageName[])),
  ns: fc.oneof(fc.constant(undefined), u16),
  session: fc.oneof(fc.constant('ours' as const), u16),
  after: fc.nat(20_000),
});

const bodies: Record<MessageName, Uint8Array> = {
  SCCRQ: encodeMessage('SCCRQ', REQUEST),
  SCCRP: encodeMessage('SCCRP', REPLY),
  SCCCN: encodeMessage('SCCCN', {}),
  StopCCN: encodeMessage('StopCCN', { assignedTunnelId: 0x42, resultCode: { result: 1 } }),
  HELLO: encodeMessage('HELLO', {}),
  ICRQ: encodeMessage('ICRQ', { assignedSessionId: 7, callSerialNumber: 1 }),
  ICRP: encodeMessage('ICRP', { assignedSessionId: 7 }),
  ICCN: encodeMessage('ICCN', { txConnectSpeed: 1, framingType: 1 }),
  OCRQ: encodeMessage('OCRQ', {
    assignedSessionId: 8,
    callSerialNumber: 1,
    minimumBps: 1,
    maximumBps: 1,
    bearerType: 1,
    framingType: 1,
    calledNumber: '1',
  }),
  OCRP: encodeMessage('OCRP', { assignedSessionId: 8 }),
  OCCN: encodeMessage('OCCN', { txConnectSpeed: 1, framingType: 1 }),
  CDN: encodeMessage('CDN', { resultCode: { result: 3 }, assignedSessionId: 7 }),
  WEN: encodeMessage('WEN', {
    callErrors: {
      reserved: 0,
      crcErrors: 0,
      framingErrors: 0,
      hardwareOverruns: 0,
      bufferOverruns: 0,
      timeoutErrors: 0,
      alignmentErrors: 0,
    },
  }),
  SLI: encodeMessage('SLI', { accm: { reserved: 0, send: 0, receive: 0 } }),
};

test('any order of messages: every session and tunnel that came up goes down once, in that order', () => {
  fc.assert(
    fc.property(fc.array(anything, { maxLength: 25 }), fc.boolean(), (steps, begun) => {
      const peer = new ScriptedPeer({ acceptOutgoingCalls: true });
      if (begun) peer.establish();
      for (const { name, ns, session, after } of steps) {
        peer.now += after;
        peer.take(peer.socket.expire(peer.now));
        const ours = peer.all('sessionUp').at(-1)?.session ?? 0;
        const header = { tunnel: name === 'SCCRQ' ? 0 : peer.tunnel, session: session === 'ours' ? ours : session };
        const numbers = { ns: ns ?? peer.ns++ & 0xffff, nr: peer.nr };
        peer.take(peer.socket.receive(writeControlMessage({ ...header, ...numbers, body: bodies[name] }), peer.now));
      }
      settle(peer);
      const up = new Set<number>();
      const tunnels = new Set<number>();
      for (const output of peer.outputs) {
        if (output.type === 'tunnelUp') tunnels.add(output.tunnel);
        if (output.type === 'sessionUp') {
          assert.ok(tunnels.has(output.tunnel) && !up.has(output.session));
          up.add(output.session);
        }
        if (output.type === 'sessionDown') up.delete(output.session);
        if (output.type === 'tunnelDown') {
          assert.equal(up.size, 0, 'sessions go first');
          tunnels.delete(output.tunnel);
        }
      }
      assert.deepEqual([up.size, tunnels.size], [0, 0]);
    }),
    { ...SEED, numRuns: 150 },
  );
});

test('data messages of any shape for any session', () => {
  const peer = new ScriptedPeer();
  peer.establish();
  const session = peer.callIn();
  fc.assert(
    fc.property(
      fc.option(u16, { nil: undefined }),
      fc.option(fc.nat(40), { nil: undefined }),
      fc.uint8Array({ maxLength: 40 }),
      fc.nat(50),
      (ns, offset, frame, cut) => {
        const bytes = encodeData({
          tunnel: peer.tunnel,
          session,
          length: true,
          frame,
          ...(ns === undefined ? {} : { ns }),
          ...(offset === undefined ? {} : { offset }),
        });
        const outputs = peer.socket.receive(bytes.subarray(0, bytes.length - Math.min(cut, bytes.length)), 0);
        assert.equal(outputs.length, 1);
        assert.ok(outputs[0]!.type === 'frame' || outputs[0]!.type === 'dropped');
      },
    ),
    SEED,
  );
});
