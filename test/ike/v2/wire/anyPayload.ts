/** Any IKEv2 payload that can be written. */

import fc from 'fast-check';
import type { Payload } from '../../../../src/ike/v2/index.ts';

const bytes = (max = 40) => fc.uint8Array({ maxLength: max });
const u8 = fc.integer({ min: 0, max: 255 });
const u16 = fc.integer({ min: 0, max: 65_535 });
const address = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const range = (tsType: 7 | 8, length: number) =>
  fc.record({
    tsType: fc.constant(tsType),
    protocol: u8,
    firstPort: u16,
    lastPort: u16,
    first: address(length),
    last: address(length),
  });
const selector = fc.oneof(
  range(7, 4),
  range(8, 16),
  fc.record({ tsType: fc.integer({ min: 11, max: 255 }), protocol: u8, data: bytes() }),
);
const attribute = fc.oneof(
  fc.record({ type: fc.integer({ min: 0, max: 0x7fff }), value: u16 }),
  fc.record({ type: fc.integer({ min: 0, max: 0x7fff }), bytes: bytes(6) }),
);
const transform = fc.record({ type: u8, id: u16, attributes: fc.array(attribute, { maxLength: 2 }) });
const proposal = fc.record({
  number: u8,
  protocol: u8,
  spi: bytes(8),
  transforms: fc.array(transform, { maxLength: 4 }),
});
const opaque = (kind: 'Nonce' | 'V' | 'EAP') => fc.record({ kind: fc.constant(kind), data: bytes() });

export const anyPayload: fc.Arbitrary<Payload> = fc.oneof(
  fc.record({ kind: fc.constant('SA'), proposals: fc.array(proposal, { minLength: 1, maxLength: 3 }) }),
  fc.record({ kind: fc.constant('KE'), group: u16, data: bytes() }),
  fc.record({ kind: fc.constantFrom('IDi', 'IDr'), idType: u8, data: bytes() }),
  fc.record({ kind: fc.constantFrom('CERT', 'CERTREQ'), encoding: u8, data: bytes() }),
  fc.record({ kind: fc.constant('AUTH'), method: u8, data: bytes() }),
  opaque('Nonce'),
  opaque('V'),
  opaque('EAP'),
  fc.record({ kind: fc.constant('N'), protocol: u8, notifyType: u16, spi: bytes(8), data: bytes() }),
  fc.record({
    kind: fc.constant('D'),
    protocol: u8,
    spiSize: fc.constant(4),
    spis: fc.array(address(4), { maxLength: 4 }),
  }),
  fc.record({ kind: fc.constantFrom('TSi', 'TSr'), selectors: fc.array(selector, { maxLength: 4 }) }),
  fc.record({
    kind: fc.constant('CP'),
    cfgType: u8,
    attributes: fc.array(fc.record({ type: fc.integer({ min: 0, max: 0x7fff }), value: bytes() }), { maxLength: 4 }),
  }),
  fc.record({
    kind: fc.constant('unknown'),
    number: fc.integer({ min: 60, max: 255 }),
    critical: fc.boolean(),
    data: bytes(),
  }),
) as fc.Arbitrary<Payload>;
