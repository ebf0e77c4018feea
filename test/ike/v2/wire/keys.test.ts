/** Key derivation: NIST CAVP's sample, and how the further key exchanges, PPKs and resumption hang together. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { nodeCrypto as crypto } from '../../../../src/crypto/node/index.ts';
import {
  childKeys,
  type IkeKeys,
  type IkeV2Suite,
  initialKeys,
  intermediateKeys,
  prfPlus,
  rekeyedKeys,
  resumedKeys,
  withPostquantumKey,
} from '../../../../src/ike/v2/index.ts';
import { concat, fromHex, toHex, utf8 } from '../../../../src/wire/index.ts';

// NIST CAVP, IKEv2 key derivation with HMAC-SHA1.
const cavp = {
  nonces: { initiator: fromHex('32b50d5f4a3763f3'), responder: fromHex('9206a04b26564cb1') },
  spis: { initiator: fromHex('34c9e7c188868785'), responder: fromHex('3ff77d760d2b2199') },
  secret: fromHex('4b2c1f971981a8ad8d0abeafabf38cf75fc8349c148142465ed9c8b516b8be52'),
  newSecret: fromHex('863f3c9d06efd39d2b907b97f8699e5dd5251ef64a2a176f36ee40c87d4f9330'),
  material:
    'a14293677cc80ff8f9cc0eee30d895da9d8f405666e30ef0dfcb63c634a46002a2a63080e514a062768b76606f9fa5e992204fc5' +
    'a670bde3f10d6b027113936a5c55b648a194ae587b0088d52204b702c979fa280870d2ed41efa9c549fd11198af1670b143d384b' +
    'd275c5f594cf266b05ebadca855e4249520a441a81157435a7a56cc4',
  skeyseedOfRekey: '63e81194946ebd05df7df5ebf5d8750056bf1f1d',
};
const seed = { nonces: cavp.nonces, spis: cavp.spis };
const suite: IkeV2Suite = { encryption: 'aes-cbc', keyBits: 128, integrity: 'hmac-sha1-96', prf: 'sha1' };
const gcm: IkeV2Suite = { encryption: 'aes-gcm-16', keyBits: 256, prf: 'sha384' };

/** In the order of RFC 7296 §2.14. */
const materialOf = ({ skD, skPi, skPr, initiator, responder }: IkeKeys) =>
  concat(
    skD,
    ...[initiator, responder].map(({ integrity }) => integrity?.key ?? new Uint8Array(0)),
    ...[initiator, responder].map(({ key, salt }) => concat(key, salt)),
    skPi,
    skPr,
  );

test('NIST CAVP: SKEYSEED and prf+ cut into seven keys', () => {
  assert.equal(toHex(materialOf(initialKeys(crypto, suite, seed, cavp.secret))), cavp.material);
});

test('NIST CAVP: SKEYSEED of the next IKE SA comes of SK_d by the old prf', () => {
  const old = initialKeys(crypto, suite, seed, cavp.secret);
  const keys = rekeyedKeys(crypto, suite, old, seed, [cavp.newSecret]);
  const { nonces, spis } = cavp;
  const bound = concat(nonces.initiator, nonces.responder, spis.initiator, spis.responder);
  assert.equal(toHex(materialOf(keys)), toHex(prfPlus(crypto, 'sha1', fromHex(cavp.skeyseedOfRekey), bound, 132)));
});

test('AEAD keys have salts and no integrity keys', () => {
  const keys = initialKeys(crypto, gcm, seed, cavp.secret);
  assert.equal(keys.initiator.integrity, undefined);
  assert.deepEqual([keys.initiator.key.length, keys.initiator.salt.length, keys.skD.length], [32, 4, 48]);
  assert.equal(materialOf(keys).length, 3 * 48 + 2 * 36);
});

test('KEYMAT: initiator first, encryption first; secrets before and behind the nonces', () => {
  const keys = initialKeys(crypto, suite, seed, cavp.secret);
  const esp = { encryption: 'aes-cbc', keyBits: 256, integrity: 'hmac-sha2-256-128' } as const;
  const { initiator: ni, responder: nr } = cavp.nonces;
  const flat = (...secrets: readonly Uint8Array[]) => {
    const { initiator, responder } = childKeys(crypto, keys, esp, cavp.nonces, secrets);
    return toHex(concat(initiator.encryption, initiator.integrity, responder.encryption, responder.integrity));
  };
  const expected = (...parts: readonly Uint8Array[]) => toHex(prfPlus(crypto, 'sha1', keys.skD, concat(...parts), 128));
  assert.equal(flat(), expected(ni, nr));
  assert.equal(flat(cavp.secret), expected(cavp.secret, ni, nr));
  assert.equal(flat(cavp.secret, cavp.newSecret), expected(cavp.secret, ni, nr, cavp.newSecret));
});

test('further key exchanges, post-quantum keys and resumption each change every key that they should', () => {
  const first = initialKeys(crypto, gcm, seed, cavp.secret);
  const second = intermediateKeys(crypto, gcm, first, seed, cavp.newSecret);
  assert.notDeepEqual(second.initiator.key, first.initiator.key);
  // RFC 9370 §2.2.2 by hand.
  const { initiator: ni, responder: nr } = cavp.nonces;
  const skeyseed = crypto.hmac('sha384', first.skD, cavp.newSecret, ni, nr);
  const bound = concat(ni, nr, cavp.spis.initiator, cavp.spis.responder);
  assert.deepEqual(materialOf(second), prfPlus(crypto, 'sha384', skeyseed, bound, 3 * 48 + 2 * 36));

  const mixed = withPostquantumKey(crypto, second, utf8('a key of enough entropy'));
  assert.equal(mixed.initiator, second.initiator, 'messages stay as they are protected');
  assert.deepEqual(mixed.skPi, prfPlus(crypto, 'sha384', utf8('a key of enough entropy'), second.skPi, 48));
  for (const name of ['skD', 'skPi', 'skPr'] as const) assert.notDeepEqual(mixed[name], second[name]);

  const resumed = resumedKeys(crypto, gcm, mixed.skD, seed);
  assert.notDeepEqual(resumed.skD, mixed.skD);
  assert.deepEqual(resumedKeys(crypto, gcm, mixed.skD, seed), resumed);
});

test('prf+ ends with its counter', () => {
  assert.equal(prfPlus(crypto, 'sha1', utf8('k'), utf8('s'), 255 * 20).length, 5100);
  assert.throws(() => prfPlus(crypto, 'sha1', utf8('k'), utf8('s'), 255 * 20 + 1), RangeError);
});
