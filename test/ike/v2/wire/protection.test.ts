/** Encrypted payloads: RFC 7634's vector, every suite there and back, tampering, fragments in any order, bounds. */

import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { nodeCrypto as crypto } from '../../../../src/crypto/node/index.ts';
import {
  type DirectionKeys,
  decodeMessage,
  ExchangeType,
  encodeMessage,
  FragmentReassembly,
  type IkeV2Suite,
  initialKeys,
  intermediateOctets,
  type MessageHead,
  NotifyType,
  notify,
  openMessage,
  type Payload,
  type Sealing,
  sealMessage,
} from '../../../../src/ike/v2/index.ts';
import { concat, fromHex, Malformed, toHex } from '../../../../src/wire/index.ts';

const head: MessageHead = {
  initiatorSpi: fromHex('c0c1c2c3c4c5c6c7'),
  responderSpi: fromHex('d0d1d2d3d4d5d6d7'),
  exchange: ExchangeType.IKE_AUTH,
  messageId: 1,
  fromInitiator: true,
  response: false,
};
const by: Sealing = { crypto, random: (length) => new Uint8Array(length).fill(7) };

const integrities = ['hmac-sha1-96', 'hmac-sha2-256-128', 'hmac-sha2-384-192', 'hmac-sha2-512-256'] as const;
const suites: readonly IkeV2Suite[] = [
  ...integrities.map((integrity) => ({ encryption: 'aes-cbc', keyBits: 256, integrity, prf: 'sha256' }) as const),
  { encryption: '3des-cbc', keyBits: 192, integrity: 'hmac-sha1-96', prf: 'sha1' },
  { encryption: 'aes-gcm-16', keyBits: 128, prf: 'sha512' },
  { encryption: 'chacha20-poly1305', keyBits: 256, prf: 'sha256' },
];

const keysOf = (suite: IkeV2Suite): DirectionKeys => {
  const half = { initiator: new Uint8Array(8).fill(1), responder: new Uint8Array(8).fill(2) };
  return initialKeys(crypto, suite, { nonces: half, spis: half }, new Uint8Array(32).fill(3)).initiator;
};

const payload = (bytes: number): Payload => ({
  kind: 'CERT',
  encoding: 4,
  data: new Uint8Array(bytes).map((_, i) => i),
});

test('RFC 7634 Appendix B: ChaCha20-Poly1305 in an IKE message', () => {
  const keys: DirectionKeys = {
    encryption: 'chacha20-poly1305',
    key: Uint8Array.from({ length: 32 }, (_, i) => 0x80 + i),
    salt: fromHex('a0a1a2a3'),
    sealed: { count: 0 },
  };
  const message = decodeMessage(
    fromHex(
      'c0c1c2c3c4c5c6c7d0d1d2d3d4d5d6d72e202500000000090000004529000029' +
        '1011121314151617' +
        '610394701f8d017f7c12924889' +
        '6b71bfe25236efd7cdc67066906315b2',
    ),
  );
  assert.deepEqual(openMessage(crypto, keys, message)?.payloads, [
    notify(NotifyType.SET_WINDOW_SIZE, fromHex('0000000a')),
  ]);
});

for (const suite of suites) {
  const name = `${suite.encryption}${suite.integrity === undefined ? '' : `/${suite.integrity}`}`;
  test(`${name}: any length there and back; a changed byte anywhere is noticed`, () => {
    const keys = keysOf(suite);
    for (let length = 0; length < 40; length++) {
      const [sealed, more] = sealMessage(by, keys, head, [payload(length)]);
      assert.equal(more, undefined);
      assert.deepEqual(openMessage(crypto, keys, decodeMessage(sealed!))?.payloads, [payload(length)]);
    }
    assert.deepEqual(openMessage(crypto, keys, decodeMessage(sealMessage(by, keys, head, [])[0]!))?.payloads, []);
    const [sealed] = sealMessage(by, keys, head, [payload(20)]);
    for (let at = 0; at < sealed!.length; at++) {
      const changed = sealed!.slice();
      changed[at]! ^= 0x10;
      try {
        assert.equal(openMessage(crypto, keys, decodeMessage(changed)), undefined, `byte ${at}`);
      } catch (error) {
        assert.ok(error instanceof Malformed && at < 32, `byte ${at}: ${error}`);
      }
    }
  });

  test(`${name}: fragments fill their datagrams, come together in any order, and none is over the size`, () => {
    const keys = keysOf(suite);
    fc.assert(
      fc.property(
        fc.integer({ min: 120, max: 700 }),
        fc.integer({ min: 300, max: 3000 }),
        fc.nat(),
        (size, length, seed) => {
          const pieces = sealMessage(by, keys, head, [payload(length), payload(1)], size);
          for (const piece of pieces) assert.ok(piece.length <= size);
          for (const piece of pieces.slice(0, -1)) assert.ok(piece.length > size - 16, 'no room is wasted');
          const shuffled = [...pieces, pieces[0]!].sort(
            (a, b) => ((a[60]! * 31 + seed) % 7) - ((b[60]! * 31 + seed) % 7),
          );
          const reassembly = new FragmentReassembly();
          const results = shuffled.map((piece) => reassembly.add('a', crypto, keys, decodeMessage(piece), 0));
          const whole = results.flatMap((result) => (result.type === 'message' ? [result.opened] : []));
          if (pieces.length === 1) return;
          assert.equal(whole.length, 1);
          assert.deepEqual(whole[0]!.payloads, [payload(length), payload(1)]);
          assert.deepEqual(whole[0]!.intermediate, intermediateOctets(head, [payload(length), payload(1)]));
        },
      ),
      { seed: 7383, numRuns: 15 },
    );
  });
}

const gcm: IkeV2Suite = { encryption: 'aes-gcm-16', keyBits: 256, prf: 'sha256' };

test('an AEAD never uses an IV twice', () => {
  const keys = keysOf(gcm);
  const ivs = Array.from({ length: 5 }, () => toHex(sealMessage(by, keys, head, [])[0]!.subarray(32, 40)));
  assert.equal(new Set(ivs).size, 5);
});

test('RFC 9242 §3.3.2: what a message adds to AUTH does not depend on how it travelled', () => {
  const keys = keysOf(suites[0]!);
  const octets = intermediateOctets(head, [payload(3)]);
  // Lengths without IV, padding and ICV: header 28, SK header 4, CERT 4 + 1 + 3.
  assert.equal(
    toHex(octets),
    `c0c1c2c3c4c5c6c7d0d1d2d3d4d5d6d72e20230800000001${'00000028'}${'2500000c'}${'0000000804000102'}`,
  );
  assert.deepEqual(
    openMessage(crypto, keys, decodeMessage(sealMessage(by, keys, head, [payload(3)])[0]!))?.intermediate,
    octets,
  );
});

test('a payload put before the Encrypted payload is noticed', () => {
  const keys = keysOf(gcm);
  const vendor: Payload = { kind: 'V', data: fromHex('aabb') };
  const sealed = decodeMessage(sealMessage(by, keys, head, [payload(3)])[0]!);
  const foreign = decodeMessage(encodeMessage(head, [vendor, { kind: 'SK', data: sealed.sealed!.payload.data }]));
  assert.equal(openMessage(crypto, keys, foreign), undefined);
});

const fragmentsOf = (keys: DirectionKeys, more: Partial<MessageHead> = {}, bytes = 900, size = 200) =>
  sealMessage(by, keys, { ...head, ...more }, [payload(bytes)], size).map(decodeMessage);

test('reassembly: a fragment of another message, SA or exchange joins nothing', () => {
  const keys = keysOf(gcm);
  const reassembly = new FragmentReassembly();
  const [first, ...others] = fragmentsOf(keys);
  assert.equal(reassembly.add('a', crypto, keys, first!, 0).type, 'waiting');
  for (const fragment of others) assert.equal(reassembly.add('b', crypto, keys, fragment, 0).type, 'waiting');
  assert.equal(reassembly.size, 2);
  // A later message of the same SA takes the place of the unfinished one.
  const later = fragmentsOf(keys, { messageId: 2 });
  const results = later.map((fragment) => reassembly.add('a', crypto, keys, fragment, 0).type);
  assert.equal(results.at(-1), 'message');
  for (const fragment of others) assert.notEqual(reassembly.add('a', crypto, keys, fragment, 0).type, 'message');
  // One that is played again does not push an unfinished later one out.
  assert.equal(reassembly.add('d', crypto, keys, later[0]!, 0).type, 'waiting');
  assert.equal(reassembly.add('d', crypto, keys, first!, 0).type, 'refused');
  assert.equal(
    later
      .slice(1)
      .map((fragment) => reassembly.add('d', crypto, keys, fragment, 0).type)
      .at(-1),
    'message',
  );
  // Requests and responses of one message id are apart.
  const response = fragmentsOf(keys, { response: true });
  assert.equal(reassembly.add('c', crypto, keys, first!, 0).type, 'waiting');
  assert.equal(response.map((f) => reassembly.add('c', crypto, keys, f, 0).type).at(-1), 'message');
  assert.equal(others.map((f) => reassembly.add('c', crypto, keys, f, 0).type).at(-1), 'message');
});

test('reassembly: what does not verify is dropped and disturbs nothing', () => {
  const keys = keysOf(gcm);
  const other = { ...keys, key: keys.key.map((byte) => byte ^ 1) };
  const reassembly = new FragmentReassembly();
  const fragments = fragmentsOf(keys);
  const forged = fragmentsOf(other);
  const results = fragments.map((fragment, i) => {
    const refused = reassembly.add('a', crypto, keys, forged[i]!, 0);
    assert.equal(refused.type, 'refused');
    return reassembly.add('a', crypto, keys, fragment, 0).type;
  });
  assert.equal(results.at(-1), 'message');
  assert.equal(reassembly.size, 0);
});

test('reassembly: smaller fragments of the same message begin anew, larger ones are late', () => {
  const keys = keysOf(gcm);
  const reassembly = new FragmentReassembly();
  const large = fragmentsOf(keys, {}, 900, 400);
  const small = fragmentsOf(keys, {}, 900, 200);
  reassembly.add('a', crypto, keys, large[0]!, 0);
  for (const fragment of small.slice(0, -1))
    assert.equal(reassembly.add('a', crypto, keys, fragment, 0).type, 'waiting');
  assert.equal(reassembly.add('a', crypto, keys, large[1]!, 0).type, 'refused');
  assert.equal(reassembly.add('a', crypto, keys, small.at(-1)!, 0).type, 'message');
});

test('reassembly: bounds in number, bytes, sets and time', () => {
  const keys = keysOf(gcm);
  const few = new FragmentReassembly({ fragments: 3 });
  assert.match(JSON.stringify(few.add('a', crypto, keys, fragmentsOf(keys)[0]!, 0)), /at most 3/);
  const short = new FragmentReassembly({ bytes: 300 });
  const types = fragmentsOf(keys).map((fragment) => short.add('a', crypto, keys, fragment, 0).type);
  assert.ok(types.includes('refused') && !types.includes('message'));
  const sets = new FragmentReassembly({ sets: 2, lifetime: 100 });
  for (const key of ['a', 'b', 'c']) sets.add(key, crypto, keys, fragmentsOf(keys)[0]!, 0);
  assert.equal(sets.size, 2);
  assert.equal(sets.deadline, 100);
  sets.expire(100);
  assert.equal(sets.size, 0);
  sets.add('a', crypto, keys, fragmentsOf(keys)[0]!, 0);
  sets.drop('a');
  assert.equal(sets.size, 0);
});

test('reassembly: numbers that cannot be are refused before anything is decrypted', () => {
  const keys = keysOf(gcm);
  const reassembly = new FragmentReassembly();
  const [, second] = sealMessage(by, keys, head, [payload(900)], 200);
  for (const numbers of ['00000005', '00060005', '00010000']) {
    const changed = concat(second!.subarray(0, 32), fromHex(numbers), second!.subarray(36));
    assert.equal(reassembly.add('a', crypto, keys, decodeMessage(changed), 0).type, 'refused');
  }
  assert.equal(reassembly.size, 0);
});

test('a message that takes too many fragments is a mistake of ours', () => {
  assert.throws(() => sealMessage(by, keysOf(gcm), head, [payload(60_000)], 100), RangeError);
  assert.throws(() => sealMessage(by, keysOf(gcm), head, [payload(60)], 40), RangeError);
});
