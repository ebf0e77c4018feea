/** IKEv2 messages and payloads: bytes from the RFC's figures, round trips, and what is refused. */

import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import {
  decodeMessage,
  decodePayloads,
  ExchangeType,
  encodeMessage,
  encodePayloads,
  find,
  findNotify,
  MAX_PAYLOADS,
  type MessageHead,
  NotifyType,
  notify,
  type Payload,
  PayloadType,
  receivedBody,
  unsupportedCritical,
} from '../../../../src/ike/v2/index.ts';
import { fromHex, Malformed, toHex } from '../../../../src/wire/index.ts';
import { anyPayload } from './anyPayload.ts';

const head: MessageHead = {
  initiatorSpi: fromHex('0001020304050607'),
  responderSpi: fromHex('0000000000000000'),
  exchange: ExchangeType.IKE_SA_INIT,
  messageId: 0,
  fromInitiator: true,
  response: false,
};

const u8 = fc.integer({ min: 0, max: 255 });

const plain = (payloads: readonly Payload[]) =>
  JSON.parse(JSON.stringify(payloads, (_, v) => (v instanceof Uint8Array ? toHex(v) : v)));

test('any chain of payloads reads back as it was written', () => {
  fc.assert(
    fc.property(fc.array(anyPayload, { maxLength: 6 }), (payloads) => {
      const message = decodeMessage(encodeMessage(head, payloads));
      assert.deepEqual(plain(message.payloads), plain(payloads));
      assert.equal(toHex(encodePayloads(message.payloads)), toHex(message.bytes.subarray(28)));
    }),
    { seed: 7296, numRuns: 300 },
  );
});

test('arbitrary and damaged bytes are read or refused as malformed, nothing else', () => {
  const damaged = fc
    .tuple(fc.array(anyPayload, { maxLength: 4 }), fc.array(fc.tuple(fc.nat(400), u8), { maxLength: 4 }))
    .map(([payloads, changes]) => {
      const message = encodeMessage(head, payloads);
      for (const [at, value] of changes) if (at < message.length) message[at] = value;
      return message;
    });
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), damaged), (input) => {
      try {
        decodeMessage(input);
      } catch (error) {
        assert.ok(error instanceof Malformed, `${error}`);
      }
    }),
    { seed: 1, numRuns: 1000 },
  );
});

test('the layout of RFC 7296 §3: header, critical bit, SA, N, TS', () => {
  const sa: Payload = {
    kind: 'SA',
    proposals: [
      {
        number: 1,
        protocol: 1,
        spi: new Uint8Array(0),
        transforms: [
          { type: 1, id: 12, attributes: [{ type: 14, value: 256 }] },
          { type: 2, id: 5, attributes: [] },
        ],
      },
    ],
  };
  const message = encodeMessage(head, [sa, notify(NotifyType.COOKIE, fromHex('aabb'))]);
  assert.equal(
    toHex(message),
    '00010203040506070000000000000000' + // SPIs
      '2120220800000000' + // SA, 2.0, IKE_SA_INIT, I, message id 0
      '00000046' + // length
      '29000020' + // next N, not critical, length
      '0000001c01010002' + // proposal 1, IKE, no SPI, two transforms
      '0300000c0100000c800e0100' +
      '0000000802000005' +
      '0000000a00004006aabb',
  );
  assert.equal(findNotify(decodeMessage(message), NotifyType.COOKIE)?.data.length, 2);
});

test('an unknown payload is skipped, and named where it is critical', () => {
  const nonce: Payload = { kind: 'Nonce', data: new Uint8Array(16) };
  const chain = (critical: boolean) =>
    decodeMessage(encodeMessage(head, [{ kind: 'unknown', number: 200, critical, data: fromHex('01') }, nonce]));
  assert.equal(unsupportedCritical(chain(false)), undefined);
  assert.equal(unsupportedCritical(chain(true)), 200);
  assert.equal(find(chain(false), 'Nonce')?.data.length, 16);
});

test('reserved bytes of an identity survive in the body as received', () => {
  const body = decodePayloads(PayloadType.IDi, fromHex('0000000a 02010203 6162'.replaceAll(' ', '')));
  assert.equal(toHex(receivedBody(body, 'IDi')!), '020102036162');
});

test('bounds: payloads, lengths, versions, what follows SK', () => {
  const vendor: Payload = { kind: 'V', data: new Uint8Array(0) };
  const many = (count: number) => encodeMessage(head, new Array<Payload>(count).fill(vendor));
  assert.equal(decodeMessage(many(MAX_PAYLOADS)).payloads.length, MAX_PAYLOADS);
  assert.throws(() => decodeMessage(many(MAX_PAYLOADS + 1)), /more than 64 payloads/);
  const short = many(2);
  assert.throws(() => decodeMessage(short.subarray(0, -1)), /needs 36 bytes, 35 left/);
  const version3 = many(1);
  version3[17] = 0x30;
  assert.throws(() => decodeMessage(version3), /version 3/);
  const sealed: Payload = { kind: 'SK', data: new Uint8Array(32) };
  assert.throws(() => decodeMessage(encodeMessage(head, [sealed, vendor])), /after the last payload/);
  assert.throws(() => decodePayloads(PayloadType.SK, encodePayloads([sealed])), /inside an Encrypted payload/);
  assert.equal(decodeMessage(encodeMessage(head, [vendor, sealed])).sealed?.payload.kind, 'SK');
});

test('what was decrypted is read or refused as malformed, nothing else', () => {
  fc.assert(
    fc.property(fc.integer({ min: 30, max: 60 }), fc.uint8Array({ maxLength: 120 }), (first, body) => {
      const lengths = body.slice();
      // Lengths that often fit, so that the payloads' own readers are reached.
      if (lengths.length > 3) lengths.set([0, 0, 0, lengths.length], 0);
      for (const bytes of [body, lengths]) {
        try {
          decodePayloads(first, bytes);
        } catch (error) {
          assert.ok(error instanceof Malformed, `${error}`);
        }
      }
    }),
    { seed: 46, numRuns: 1500 },
  );
});
