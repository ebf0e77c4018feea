/** IKEv2 messages as text. */

import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import {
  decodeMessage,
  dumpV2,
  ExchangeType,
  encodeMessage,
  ikeV2Policy,
  type MessageHead,
  NotifyType,
  notify,
  offerIkeV2,
  type Payload,
  selectorOfPrefix,
  selectorsPayload,
  summaryV2,
} from '../../../../src/ike/v2/index.ts';
import { fromHex, utf8 } from '../../../../src/wire/index.ts';
import { anyPayload } from './anyPayload.ts';

const head: MessageHead = {
  initiatorSpi: fromHex('0102030405060708'),
  responderSpi: new Uint8Array(8),
  exchange: ExchangeType.IKE_SA_INIT,
  messageId: 0,
  fromInitiator: true,
  response: false,
};

const payloads: readonly Payload[] = [
  offerIkeV2(ikeV2Policy(['aes256gcm16-prfsha384-x25519-ke1_mlkem768'])),
  { kind: 'KE', group: 31, data: new Uint8Array(32).fill(0xab) },
  { kind: 'IDi', idType: 2, data: utf8('client.example.org') },
  notify(NotifyType.COOKIE, fromHex('c0ffee')),
  selectorsPayload('TSi', [selectorOfPrefix('10.0.0.0/24')]),
  {
    kind: 'CP',
    cfgType: 1,
    attributes: [
      { type: 1, value: fromHex('0a000001') },
      { type: 25, value: utf8('corp.example') },
      { type: 3, value: new Uint8Array(0) },
    ],
  },
  { kind: 'unknown', number: 200, critical: true, data: fromHex('00') },
];

test('one line for traces, without what the fields hold', () => {
  const message = decodeMessage(encodeMessage(head, payloads));
  assert.equal(summaryV2(message), 'IKE_SA_INIT request 0 SA(1 proposal) KE IDi N(COOKIE) TSi CP payload-0xc8!');
});

test('every field for people', () => {
  const text = dumpV2(decodeMessage(encodeMessage(head, payloads)));
  for (const line of [
    'IKEv2 IKE_SA_INIT request 0',
    '  SPIs: 0102030405060708 0000000000000000',
    '  version: 2.0',
    '    proposal 1: IKE spi empty',
    '      ENCR 20: aes-gcm-16-256',
    '      ADDKE1 36: ke1-mlkem768',
    '    group: CURVE25519',
    '    is: fqdn client.example.org',
    '    notifyType: COOKIE',
    '    10.0.0.0/24',
    '    cfgType: CFG_REQUEST',
    '    INTERNAL_IP4_ADDRESS: 10.0.0.1',
    '    INTERNAL_DNS_DOMAIN: corp.example',
    '    INTERNAL_IP4_DNS',
    '  payload 200 critical: 00',
  ]) {
    assert.ok(text.split('\n').includes(line), `${line}\n${text}`);
  }
});

test('whatever decodes can be described, in lines that are safe to print', () => {
  fc.assert(
    fc.property(fc.array(anyPayload, { maxLength: 5 }), (list) => {
      const message = decodeMessage(encodeMessage(head, list));
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
      assert.ok(!/[\u0000-\u0009\u000b-\u001f\u007f]/.test(dumpV2(message) + summaryV2(message)));
    }),
    { seed: 5, numRuns: 200 },
  );
});
