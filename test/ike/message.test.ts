/** The message codec: round trips, truncations, hostile lengths and counts, random bytes. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  type Attribute,
  all,
  decodeMessage,
  decodePayloads,
  ExchangeType,
  encodeMessage,
  encodePayloadBody,
  encodePayloads,
  find,
  MAX_ATTRIBUTES,
  MAX_DELETED_SPIS,
  MAX_PAYLOADS,
  MAX_PROPOSALS,
  MAX_TRANSFORMS,
  type MessageHead,
  type Payload,
  PayloadType,
  receivedAfterHash,
  receivedBody,
  type SaPayload,
  type Transform,
} from '../../src/ike/index.ts';
import { concat, fromHex, Malformed, Truncated, toHex } from '../../src/wire/index.ts';
import { clients } from './fixtures/index.ts';

const u8 = fc.integer({ min: 0, max: 0xff });
const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffffffff });
const some = (maxLength = 40) => fc.uint8Array({ maxLength });

const attribute: fc.Arbitrary<Attribute> = fc.oneof(
  fc.record({ type: fc.integer({ min: 0, max: 0x7fff }), value: u16 }),
  fc.record({ type: fc.integer({ min: 0, max: 0x7fff }), bytes: some(8) }),
);
const transform: fc.Arbitrary<Transform> = fc.record({
  number: u8,
  id: u8,
  attributes: fc.array(attribute, { maxLength: 5 }),
});
const proposal = fc.record({
  number: u8,
  protocol: u8,
  spi: some(16),
  transforms: fc.array(transform, { minLength: 1, maxLength: 4 }),
});
const opaque = (kind: 'KE' | 'HASH' | 'SIG' | 'NONCE' | 'VID') =>
  fc.record({ kind: fc.constant(kind), data: some() }) as fc.Arbitrary<Payload>;
const spis = fc.tuple(fc.integer({ min: 1, max: 16 }), fc.integer({ min: 0, max: 4 })).chain(([spiSize, count]) =>
  fc.record({
    spiSize: fc.constant(spiSize),
    spis: fc.array(fc.uint8Array({ minLength: spiSize, maxLength: spiSize }), { minLength: count, maxLength: count }),
  }),
);
const payload: fc.Arbitrary<Payload> = fc.oneof(
  fc.record({
    kind: fc.constant('SA' as const),
    doi: u32,
    situation: u32,
    proposals: fc.array(proposal, { minLength: 1, maxLength: 3 }),
  }),
  opaque('KE'),
  opaque('HASH'),
  opaque('SIG'),
  opaque('NONCE'),
  opaque('VID'),
  fc.record({ kind: fc.constant('ID' as const), idType: u8, protocol: u8, port: u16, data: some() }),
  fc.record({ kind: fc.constantFrom('CERT' as const, 'CR' as const), encoding: u8, data: some() }),
  fc.record({ kind: fc.constant('N' as const), doi: u32, protocol: u8, notifyType: u16, spi: some(16), data: some() }),
  fc.tuple(u32, u8, spis).map(([doi, protocol, list]) => ({ kind: 'D' as const, doi, protocol, ...list })),
  fc.record({ kind: fc.constant('NAT-D' as const), hash: some() }),
  fc.record({ kind: fc.constant('NAT-D' as const), number: fc.constant(130), hash: some() }),
  fc.record({ kind: fc.constant('NAT-OA' as const), idType: u8, address: some(16) }),
  fc.record({ kind: fc.constant('NAT-OA' as const), number: fc.constant(131), idType: u8, address: some(16) }),
  fc.record({ kind: fc.constant('FRAGMENT' as const), id: u16, index: u8, flags: u8, data: some() }),
  fc.record({ kind: fc.constant('unknown' as const), number: fc.integer({ min: 200, max: 255 }), data: some() }),
);
const head: fc.Arbitrary<MessageHead> = fc.record({
  initiatorCookie: fc.uint8Array({ minLength: 8, maxLength: 8 }),
  responderCookie: fc.uint8Array({ minLength: 8, maxLength: 8 }),
  exchange: u8,
  messageId: u32,
});

const HEAD: MessageHead = {
  initiatorCookie: new Uint8Array(8).fill(1),
  responderCookie: new Uint8Array(8),
  exchange: ExchangeType.MAIN_MODE,
  messageId: 0,
};

/** Deep equality of plain data with byte strings as hexadecimal. */
const plain = (value: unknown) =>
  JSON.parse(JSON.stringify(value, (_, v) => (v instanceof Uint8Array ? toHex(v) : v))) as unknown;

function isMalformed(run: () => unknown): boolean {
  try {
    run();
    return false;
  } catch (error) {
    assert.ok(error instanceof Malformed, `${error}`);
    return true;
  }
}

test('what is encoded is decoded, field by field, and again to the same bytes', () => {
  fc.assert(
    fc.property(head, fc.array(payload, { maxLength: 8 }), (given, payloads) => {
      const bytes = encodeMessage(given, payloads);
      const message = decodeMessage(bytes);
      assert.deepEqual(plain(message.payloads), plain(payloads));
      assert.equal(message.header.length, bytes.length);
      assert.equal(toHex(encodeMessage(given, message.payloads)), toHex(bytes));
      assert.equal(toHex(concat(...message.raw)), toHex(bytes.subarray(28)));
    }),
    { seed: 1, numRuns: 300 },
  );
});

test('every truncation throws Truncated or Malformed and nothing else', () => {
  fc.assert(
    fc.property(fc.array(payload, { minLength: 1, maxLength: 4 }), (payloads) => {
      const bytes = encodeMessage(HEAD, payloads);
      for (let length = 0; length < bytes.length; length++) {
        assert.throws(() => decodeMessage(bytes.subarray(0, length)), Truncated);
        // With the header's length made to fit, the payloads are what ends early.
        if (length < 28) continue;
        const cut = bytes.slice(0, length);
        new DataView(cut.buffer).setUint32(24, length);
        assert.ok(isMalformed(() => decodeMessage(cut)));
      }
    }),
    { seed: 2, numRuns: 60 },
  );
});

test('random and flipped bytes never throw anything but Malformed', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), u8, (bytes, first) => {
      isMalformed(() => decodeMessage(bytes));
      isMalformed(() => decodePayloads(first, bytes, 'padded'));
    }),
    { seed: 3, numRuns: 1000 },
  );
  fc.assert(
    fc.property(fc.array(payload, { maxLength: 5 }), u16, u8, (payloads, at, value) => {
      const bytes = encodeMessage(HEAD, payloads);
      bytes[at % bytes.length] = value;
      isMalformed(() => decodeMessage(bytes));
    }),
    { seed: 4, numRuns: 1000 },
  );
});

describe('bounds', () => {
  const chain = (payloads: readonly Payload[]) => decodePayloads(first(payloads), encodePayloads(payloads), 'exact');
  const first = ([payload]: readonly Payload[]) => (payload?.kind === 'SA' ? PayloadType.SA : PayloadType.VID);
  const vid: Payload = { kind: 'VID', data: new Uint8Array(0) };
  const sa = (proposals: number, transforms: number, attributes: number): SaPayload => ({
    kind: 'SA',
    doi: 1,
    situation: 1,
    proposals: Array.from({ length: proposals }, () => ({
      number: 1,
      protocol: 3,
      spi: new Uint8Array(4),
      transforms: Array.from({ length: transforms }, () => {
        return { number: 1, id: 12, attributes: new Array<Attribute>(attributes).fill({ type: 1, value: 1 }) };
      }),
    })),
  });

  test('of payloads', () => {
    assert.equal(chain(new Array<Payload>(MAX_PAYLOADS).fill(vid)).payloads.length, MAX_PAYLOADS);
    assert.throws(() => chain(new Array<Payload>(MAX_PAYLOADS + 1).fill(vid)), Malformed);
  });

  test('of proposals, transforms and attributes', () => {
    chain([sa(MAX_PROPOSALS, 1, 1)]);
    assert.throws(() => chain([sa(MAX_PROPOSALS + 1, 1, 1)]), Malformed);
    chain([sa(1, MAX_TRANSFORMS, 1)]);
    chain([sa(2, MAX_TRANSFORMS / 2, 1)]);
    assert.throws(() => chain([sa(2, MAX_TRANSFORMS / 2 + 1, 1)]), Malformed);
    chain([sa(1, 1, MAX_ATTRIBUTES)]);
    assert.throws(() => chain([sa(1, 1, MAX_ATTRIBUTES + 1)]), Malformed);
  });

  test('of SPIs in a Delete payload', () => {
    const remove = (count: number): Payload[] => {
      const spis = Array.from({ length: count }, () => new Uint8Array(4));
      return [{ kind: 'D', doi: 1, protocol: 3, spiSize: 4, spis }];
    };
    decodePayloads(PayloadType.D, encodePayloads(remove(MAX_DELETED_SPIS)), 'exact');
    const tooMany = encodePayloads(remove(MAX_DELETED_SPIS + 1));
    assert.throws(() => decodePayloads(PayloadType.D, tooMany, 'exact'), Malformed);
  });

  test('a payload, proposal or transform of length zero is refused', () => {
    assert.throws(() => decodePayloads(PayloadType.VID, fromHex('0d000000 0d000000'), 'exact'), Malformed);
    const bytes = encodePayloads([sa(1, 1, 0)]);
    for (const lengthAt of [4 + 8 + 2, 4 + 8 + 8 + 4 + 2]) {
      const broken = bytes.slice();
      broken.set([0, 0], lengthAt);
      assert.throws(() => decodePayloads(PayloadType.SA, broken, 'exact'), Malformed);
    }
  });

  test('a Delete payload whose SPIs have no size costs nothing, whatever its count', () => {
    const body = fromHex('00000014 00000001 03 00 ffff 00000000');
    assert.throws(() => decodePayloads(PayloadType.D, body, 'exact'), Malformed);
    const [payload] = decodePayloads(
      PayloadType.D,
      fromHex('00000010 00000001 03 00 ffff').with(3, 12),
      'exact',
    ).payloads;
    assert.ok(payload?.kind === 'D');
    assert.equal(payload.spis.length, 0);
  });
});

test('bytes behind the last payload are padding after decryption and an error in the clear', () => {
  const bytes = concat(encodePayloads([{ kind: 'HASH', data: fromHex('0102') }]), new Uint8Array(10));
  const padded = decodePayloads(PayloadType.HASH, bytes, 'padded');
  assert.equal(padded.payloads.length, 1);
  assert.throws(() => decodePayloads(PayloadType.HASH, bytes, 'exact'), Malformed);
  const message = encodeMessage(HEAD, [{ kind: 'VID', data: fromHex('0102') }]);
  assert.throws(() => decodeMessage(concat(message, Uint8Array.of(0))), Malformed);
});

test('bodies and what follows the HASH are the bytes that came', () => {
  for (const { phase1 } of clients) {
    const hash: Payload = { kind: 'HASH', data: fromHex('aabb') };
    const chain = decodePayloads(PayloadType.HASH, encodePayloads([hash, phase1]), 'exact');
    assert.deepEqual(receivedBody(chain, 'SA'), encodePayloadBody(phase1));
    assert.deepEqual(receivedAfterHash(chain), encodePayloads([phase1]));
    assert.equal(receivedBody(chain, 'KE'), undefined);
    assert.equal(find(chain, 'HASH')?.data.length, 2);
    assert.equal(all(chain, 'SA').length, 1);
  }
});

test('a message of another major version is refused', () => {
  const message = encodeMessage(HEAD, []);
  message[17] = 0x20;
  assert.throws(() => decodeMessage(message), Malformed);
});

// RFC 2407 §4.5.2: "an SA Lifetime of either 100MB or 24 hours".
test("the RFC's own attribute list reads as it says", () => {
  const attributes = fromHex('80010001 00020004 00015180 80010002 00020004 000186a0');
  const transform = concat(fromHex('00 00 0020 01 0c 0000'), attributes);
  const proposal = concat(fromHex('00 00 002c 01 03 04 01 11223344'), transform);
  const sa = concat(fromHex('00 00 0038 00000001 00000001'), proposal);
  const [payload] = decodePayloads(PayloadType.SA, sa, 'exact').payloads;
  assert.ok(payload?.kind === 'SA');
  assert.deepEqual(plain(payload.proposals[0]?.transforms[0]?.attributes), [
    { type: 1, value: 1 },
    { type: 2, bytes: '00015180' },
    { type: 1, value: 2 },
    { type: 2, bytes: '000186a0' },
  ]);
  assert.equal(toHex(encodePayloads([payload])), toHex(sa));
});
