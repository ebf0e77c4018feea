/** Fragments: any order, any size, and the bounds of reassembly. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  DEFAULT_REASSEMBLY_LIMITS,
  decodeMessage,
  ExchangeType,
  encodeMessage,
  type FragmentPayload,
  FragmentReassembly,
  HeaderFlag,
  splitMessage,
} from '../../src/ike/index.ts';

const MESSAGE = encodeMessage(
  {
    initiatorCookie: new Uint8Array(8).fill(1),
    responderCookie: new Uint8Array(8).fill(2),
    exchange: ExchangeType.MAIN_MODE,
    messageId: 0,
    flags: HeaderFlag.encryption,
  },
  [{ kind: 'VID', data: Uint8Array.from({ length: 900 }, (_, i) => i) }],
);

function fragmentOf(datagram: Uint8Array): FragmentPayload {
  const [payload] = decodeMessage(datagram).payloads;
  assert.ok(payload?.kind === 'FRAGMENT');
  return payload;
}

test('a split message is put together in any order and with duplicates', () => {
  fc.assert(
    fc.property(fc.integer({ min: 64, max: 1000 }), fc.infiniteStream(fc.nat()), (size, random) => {
      const pieces = splitMessage(MESSAGE, 7, size);
      assert.ok(pieces.every((piece) => piece.length <= size));
      if (pieces.length === 1) return assert.deepEqual(pieces[0], MESSAGE);
      const shuffled = [...pieces, pieces[0]!]
        .map((piece) => [random.next().value as number, piece] as const)
        .sort(([a], [b]) => a - b)
        .map(([, piece]) => piece);
      const reassembly = new FragmentReassembly({ fragments: 255 });
      const results = shuffled.map((piece) => reassembly.add('peer', fragmentOf(piece), 0));
      const whole = results.filter(({ type }) => type === 'message');
      assert.equal(whole.length, 1);
      assert.ok(whole[0]?.type === 'message');
      assert.deepEqual(whole[0].bytes, MESSAGE);
      assert.ok(results.every(({ type }) => type !== 'refused'));
    }),
    { seed: 7, numRuns: 100 },
  );
});

test('fragments are in the clear, of the same exchange, and the last one says so', () => {
  const pieces = splitMessage(MESSAGE, 7, 500);
  const headers = pieces.map((piece) => decodeMessage(piece).header);
  assert.ok(headers.every(({ flags, exchange }) => flags === 0 && exchange === ExchangeType.MAIN_MODE));
  assert.deepEqual(
    pieces.map((piece) => fragmentOf(piece).flags),
    [0, 0, 1],
  );
  assert.deepEqual(
    pieces.map((piece) => fragmentOf(piece).index),
    [1, 2, 3],
  );
});

test('a size that leaves no room, or takes too many fragments, is a mistake of ours', () => {
  assert.throws(() => splitMessage(MESSAGE, 1, 36), RangeError);
  assert.throws(() => splitMessage(MESSAGE, 1, 38), RangeError);
});

describe('bounds', () => {
  const piece = (id: number, index: number, last = false, bytes = 10): FragmentPayload => ({
    kind: 'FRAGMENT',
    id,
    index,
    flags: last ? 1 : 0,
    data: new Uint8Array(bytes).fill(index),
  });

  test('of fragments and bytes of one message', () => {
    const reassembly = new FragmentReassembly({ fragments: 4, bytes: 100 });
    assert.equal(reassembly.add('a', piece(1, 5), 0).type, 'refused');
    assert.equal(reassembly.add('a', piece(1, 0), 0).type, 'refused');
    assert.equal(reassembly.add('a', piece(1, 1, false, 60), 0).type, 'waiting');
    assert.equal(reassembly.add('a', piece(1, 2, true, 60), 0).type, 'refused');
    assert.equal(reassembly.size, 0);
  });

  test('nothing may follow the last fragment', () => {
    const reassembly = new FragmentReassembly();
    assert.equal(reassembly.add('a', piece(1, 3), 0).type, 'waiting');
    assert.equal(reassembly.add('a', piece(1, 2, true), 0).type, 'refused');
  });

  test('of messages at a time: the oldest gives way', () => {
    const reassembly = new FragmentReassembly({ sets: 2 });
    for (const [at, key] of ['a', 'b', 'c'].entries()) reassembly.add(key, piece(1, 1), at);
    assert.equal(reassembly.size, 2);
    assert.equal(reassembly.add('b', piece(1, 2, true), 3).type, 'message');
    assert.equal(reassembly.add('a', piece(1, 2, true), 3).type, 'waiting');
  });

  test('a new id of the same peer replaces its unfinished message, peers do not disturb each other', () => {
    const reassembly = new FragmentReassembly();
    reassembly.add('a', piece(1, 1), 0);
    reassembly.add('b', piece(1, 1), 0);
    reassembly.add('a', piece(2, 1), 0);
    assert.equal(reassembly.size, 2);
    assert.equal(reassembly.add('a', piece(2, 2, true), 0).type, 'message');
    assert.equal(reassembly.add('b', piece(1, 2, true), 0).type, 'message');
    assert.equal(reassembly.deadline, undefined);
  });

  test('of time', () => {
    const reassembly = new FragmentReassembly();
    const { lifetime } = DEFAULT_REASSEMBLY_LIMITS;
    reassembly.add('a', piece(1, 1), 1_000);
    assert.equal(reassembly.deadline, 1_000 + lifetime);
    reassembly.expire(999 + lifetime);
    assert.equal(reassembly.size, 1);
    reassembly.expire(1_000 + lifetime);
    assert.equal(reassembly.size, 0);
    reassembly.add('b', piece(1, 1), 0);
    reassembly.drop('b');
    assert.equal(reassembly.size, 0);
  });
});
