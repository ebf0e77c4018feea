/** MS-CHAPv2 and CHAP-MD5 against RFC 2759 §9 and RFC 1994. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  challengeHash,
  chapMd5Response,
  checkAuthenticatorResponse,
  checkChapMd5Response,
  checkNtResponse,
  generateAuthenticatorResponse,
  generateNtResponse,
  ntPasswordHash,
  withoutDomain,
} from '../../src/crypto/index.ts';
import { nodeCrypto } from '../../src/crypto/node/index.ts';
import { fromHex, fromUtf8, toHex, utf8 } from '../../src/wire/index.ts';

// RFC 2759 §9.2
const challenges = {
  authenticatorChallenge: fromHex('5B5D7C7D7B3F2F3E3C2C602132262628'),
  peerChallenge: fromHex('21402324255E262A28295F2B3A337C7E'),
  userName: utf8('User'),
};
const ntHash = fromHex('44EBBA8D5312B8D611474411F56989AE');
const ntResponse = fromHex('82309ECD8D708B5EA08FAA3981CD83544233114A3D85D6DF');
const authenticatorResponse = 'S=407A5589115FD0D6209F510FE9C04566932CDA56';

test('RFC 2759 §9.2, value by value', () => {
  assert.deepEqual(ntPasswordHash(nodeCrypto, 'clientPass'), ntHash);
  assert.equal(toHex(challengeHash(nodeCrypto, challenges)), 'd02e4386bce91226');
  assert.deepEqual(generateNtResponse(nodeCrypto, challenges, ntHash), ntResponse);
  assert.equal(toHex(nodeCrypto.md4(ntHash)), '41c00c584bd2d91c4017a2a12fa59f3f');
  assert.equal(generateAuthenticatorResponse(nodeCrypto, challenges, ntHash, ntResponse), authenticatorResponse);
});

test('DES keys come of 7 bytes, to which DES adds its ignored parity bits', () => {
  // All zeros, as NIST SP 800-17 prints it.
  assert.equal(toHex(nodeCrypto.desBlock(new Uint8Array(7), new Uint8Array(8))), '8ca64de9c1b123a7');
  // The textbook key 133457799BBCDFF1 without its parity bits.
  const key7 = fromHex('12695bc9b7b7f8');
  assert.equal(toHex(nodeCrypto.desBlock(key7, fromHex('0123456789abcdef'))), '85e813540f0ab405');
});

test('passwords are hashed as UTF-16LE', () => {
  assert.deepEqual(ntPasswordHash(nodeCrypto, 'ü€😀'), nodeCrypto.md4(fromHex('fc00 ac20 3dd8 00de')));
  assert.equal(toHex(ntPasswordHash(nodeCrypto, '')), '31d6cfe0d16ae931b73c59d7e0c089c0');
});

test('the NT response is accepted for its own challenges, name and hash alone', () => {
  assert.equal(checkNtResponse(nodeCrypto, challenges, ntHash, ntResponse), true);
  assert.equal(checkNtResponse(nodeCrypto, { ...challenges, userName: utf8('user') }, ntHash, ntResponse), false);
  assert.equal(checkNtResponse(nodeCrypto, challenges, ntPasswordHash(nodeCrypto, 'ClientPass'), ntResponse), false);
  assert.equal(checkNtResponse(nodeCrypto, challenges, ntHash, ntResponse.subarray(1)), false);
  assert.throws(() => generateNtResponse(nodeCrypto, challenges, ntHash.subarray(1)), RangeError);
});

test('the authenticator response is accepted with a message behind it and in either case', () => {
  const check = (received: string) => checkAuthenticatorResponse(nodeCrypto, challenges, ntHash, ntResponse, received);
  assert.equal(check(authenticatorResponse), true);
  assert.equal(check(`${authenticatorResponse} M=Welcome`), true);
  assert.equal(check(authenticatorResponse.toLowerCase()), true);
  assert.equal(check(`${authenticatorResponse}0`), false);
  assert.equal(check(authenticatorResponse.replace('6', '7')), false);
  assert.equal(check(authenticatorResponse.slice(0, -1)), false);
  assert.equal(check(''), false);
});

test('a domain in front of the user name is left off', () => {
  assert.equal(fromUtf8(withoutDomain(utf8('BIGCO\\johndoe'))), 'johndoe');
  assert.equal(fromUtf8(withoutDomain(utf8('johndoe'))), 'johndoe');
});

test('CHAP with MD5 is MD5 over identifier, secret and challenge, in that order: RFC 1994 §4.1', () => {
  const challenge = fromHex('000102030405060708090a0b0c0d0e0f');
  const response = chapMd5Response(nodeCrypto, 7, utf8('secret'), challenge);
  assert.deepEqual(response, nodeCrypto.hash('md5', fromHex(`07${toHex(utf8('secret'))}${toHex(challenge)}`)));
  assert.equal(checkChapMd5Response(nodeCrypto, 7, utf8('secret'), challenge, response), true);
  assert.equal(checkChapMd5Response(nodeCrypto, 8, utf8('secret'), challenge, response), false);
  assert.equal(checkChapMd5Response(nodeCrypto, 7, utf8('Secret'), challenge, response), false);
  assert.equal(checkChapMd5Response(nodeCrypto, 7, utf8('secret'), challenge, response.subarray(1)), false);
});
