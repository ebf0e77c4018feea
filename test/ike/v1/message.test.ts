/** Encrypted bodies: there and back, chained IVs, and what a wrong key looks like. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { nodeCrypto } from '../../../src/crypto/node/index.ts';
import {
  decodeMessage,
  decryptMessage,
  ExchangeType,
  encodeMessage,
  encodePayloads,
  encryptMessage,
  find,
  HeaderFlag,
  type IkeCipher,
  type MessageHead,
  type Payload,
} from '../../../src/ike/index.ts';
import { Malformed } from '../../../src/wire/index.ts';

const ciphers: readonly IkeCipher[] = [
  { name: 'aes-cbc', key: new Uint8Array(32).fill(3), blockBytes: 16 },
  { name: 'aes-cbc', key: new Uint8Array(16).fill(3), blockBytes: 16 },
  { name: '3des-cbc', key: Uint8Array.from({ length: 24 }, (_, i) => i), blockBytes: 8 },
];

const HEAD: MessageHead = {
  initiatorCookie: new Uint8Array(8).fill(1),
  responderCookie: new Uint8Array(8).fill(2),
  exchange: ExchangeType.QUICK_MODE,
  messageId: 0x01020304,
};

test('two messages of an exchange decrypt with the IV that the one leaves to the other', () => {
  fc.assert(
    fc.property(fc.constantFrom(...ciphers), fc.uint8Array({ maxLength: 70 }), (cipher, data) => {
      const payloads: Payload[] = [
        { kind: 'HASH', data },
        { kind: 'NONCE', data },
      ];
      let sendIv: Uint8Array = new Uint8Array(cipher.blockBytes).fill(9);
      let receiveIv = sendIv;
      for (let i = 0; i < 2; i++) {
        const sent = encryptMessage(nodeCrypto, cipher, sendIv, HEAD, payloads);
        const message = decodeMessage(sent.bytes);
        assert.equal(message.header.flags, HeaderFlag.encryption);
        assert.equal(message.payloads.length, 0);
        assert.equal((sent.bytes.length - 28) % cipher.blockBytes, 0);
        const { message: opened, nextIv } = decryptMessage(nodeCrypto, cipher, receiveIv, message);
        assert.deepEqual(find(opened, 'NONCE')?.data, data);
        assert.deepEqual(nextIv, sent.bytes.slice(-cipher.blockBytes));
        assert.deepEqual(nextIv, sent.nextIv);
        sendIv = sent.nextIv;
        receiveIv = nextIv;
      }
    }),
    { seed: 6, numRuns: 100 },
  );
});

test('a body of whole blocks gets no padding', () => {
  const payloads: Payload[] = [{ kind: 'HASH', data: new Uint8Array(28) }];
  const { bytes } = encryptMessage(nodeCrypto, ciphers[0]!, new Uint8Array(16), HEAD, payloads);
  assert.equal(bytes.length, 28 + encodePayloads(payloads).length);
});

test('a wrong key shows as Malformed or as other payloads, never as another error', () => {
  const payloads: Payload[] = [{ kind: 'ID', idType: 1, protocol: 0, port: 0, data: new Uint8Array(4) }];
  const { bytes } = encryptMessage(nodeCrypto, ciphers[0]!, new Uint8Array(16), HEAD, payloads);
  let refused = 0;
  for (let i = 0; i < 200; i++) {
    const cipher = { ...ciphers[0]!, key: new Uint8Array(32).fill(i + 10) };
    try {
      const { message } = decryptMessage(nodeCrypto, cipher, new Uint8Array(16), decodeMessage(bytes));
      assert.notDeepEqual(message.payloads, payloads);
    } catch (error) {
      assert.ok(error instanceof Malformed);
      refused++;
    }
  }
  assert.ok(refused > 150);
});

test('ciphertext that is not whole blocks is refused', () => {
  const cipher = ciphers[0]!;
  const bytes = encodeMessage({ ...HEAD, flags: HeaderFlag.encryption }, [{ kind: 'HASH', data: new Uint8Array(3) }]);
  assert.throws(() => decryptMessage(nodeCrypto, cipher, new Uint8Array(16), decodeMessage(bytes)), Malformed);
  const empty = encodeMessage({ ...HEAD, flags: HeaderFlag.encryption }, []);
  assert.throws(() => decryptMessage(nodeCrypto, cipher, new Uint8Array(16), decodeMessage(empty)), Malformed);
});
