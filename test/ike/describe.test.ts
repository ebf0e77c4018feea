/** Messages as text. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  deadPeerDetectionPayload,
  decodeMessage,
  dump,
  ExchangeType,
  encodeMessage,
  HeaderFlag,
  type Message,
  type MessageHead,
  type Payload,
  summary,
  vendorIdPayload,
} from '../../src/ike/index.ts';
import { fromHex } from '../../src/wire/index.ts';
import { chromeOs } from './fixtures/index.ts';

const head = (exchange: number, flags = 0): MessageHead => ({
  initiatorCookie: fromHex('0102030405060708'),
  responderCookie: new Uint8Array(8),
  exchange,
  messageId: 0xab,
  flags,
});
const message = (exchange: number, payloads: readonly Payload[], flags = 0) =>
  decodeMessage(encodeMessage(head(exchange, flags), payloads));

test('one line for a trace', () => {
  const first: readonly Payload[] = [chromeOs.phase1, vendorIdPayload('rfc3947'), deadPeerDetectionPayload];
  assert.equal(summary(message(ExchangeType.MAIN_MODE, first)), 'MAIN_MODE SA(4 transforms) VID VID');
  const notify: Payload = {
    kind: 'N',
    doi: 1,
    protocol: 1,
    notifyType: 14,
    spi: new Uint8Array(0),
    data: new Uint8Array(0),
  };
  const remove: Payload = { kind: 'D', doi: 1, protocol: 3, spiSize: 4, spis: [fromHex('01020304')] };
  const hash: Payload = { kind: 'HASH', data: new Uint8Array(20) };
  const unknown: Payload = { kind: 'unknown', number: 200, data: new Uint8Array(0) };
  assert.equal(
    summary(message(ExchangeType.INFORMATIONAL, [hash, notify, remove, unknown])),
    'INFORMATIONAL HASH N(NO_PROPOSAL_CHOSEN) D(ESP x1) payload-0xc8',
  );
  const nat: readonly Payload[] = [
    { kind: 'NAT-D', number: 130, hash: new Uint8Array(20) },
    { kind: 'FRAGMENT', id: 3, index: 2, flags: 0, data: new Uint8Array(1) },
  ];
  assert.equal(summary(message(77, nat)), '0x4d NAT-D FRAGMENT(3#2)');
  assert.equal(summary(message(ExchangeType.QUICK_MODE, [hash], HeaderFlag.encryption)), 'QUICK_MODE encrypted');
});

test('every field for people', () => {
  const text = dump(
    message(ExchangeType.MAIN_MODE, [
      chromeOs.phase1,
      vendorIdPayload('rfc3947'),
      { kind: 'ID', idType: 1, protocol: 17, port: 1701, data: fromHex('c0000201') },
      { kind: 'KE', data: new Uint8Array(256) },
    ]),
  );
  for (const line of [
    'ISAKMP MAIN_MODE',
    '  cookies: 0102030405060708 0000000000000000',
    '  version: 1.0',
    '  message id: 000000ab',
    '  SA',
    '    situation: SIT_IDENTITY_ONLY',
    '    proposal 1: PROTO_ISAKMP spi empty',
    '      transform 1: KEY_IKE aes-cbc-128/hmac-sha2-256/modp3072',
    '        EncryptionAlgorithm: aes-cbc',
    '        KeyLength: 128',
    '        AuthenticationMethod: pre-shared-key',
    '        LifeDuration: 10800',
    '    is: RFC 3947',
    '    idType: ID_IPV4_ADDR',
    '    is: ipv4 192.0.2.1',
  ]) {
    assert.ok(text.split('\n').includes(line), `${line}\nnot in\n${text}`);
  }
  assert.match(text, /… \(256 bytes\)/);
});

test('whatever decodes can be described', () => {
  const bytes = encodeMessage(head(ExchangeType.MAIN_MODE), [
    chromeOs.phase2(4),
    { kind: 'ID', idType: 4, protocol: 17, port: 1701, data: fromHex('0a000000ff000000') },
    { kind: 'NAT-OA', idType: 1, address: fromHex('0a000001') },
    { kind: 'D', doi: 1, protocol: 3, spiSize: 4, spis: [fromHex('01020304')] },
  ]);
  let described = 0;
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.integer({ min: 0, max: 255 })), { maxLength: 4 }),
      (changes) => {
        const changed = bytes.slice();
        for (const [at, value] of changes) changed[at] = value;
        let decoded: Message;
        try {
          decoded = decodeMessage(changed);
        } catch {
          return;
        }
        assert.ok(summary(decoded).length < 4_000);
        assert.doesNotMatch(dump(decoded).replaceAll('\n', ''), /\p{Cc}/u);
        described++;
      },
    ),
    { seed: 10, numRuns: 500 },
  );
  assert.ok(described > 100);
});
