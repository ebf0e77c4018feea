/**
 * The computations of MS-CHAP version 2, over a `Crypto`. RFC 2759 §8.
 * The authenticator keeps the NT hash rather than the password; it is as good as the password and kept as secret.
 */

import { concat, toHex, utf8 } from '../wire/index.ts';
import type { Crypto } from './crypto.ts';

const RESPONSE_PREFIX = 'S=';
const BACKSLASH = 0x5c;

/** What both ends threw in, and who the peer says it is. */
export interface PeerChallenges {
  /** 16 bytes. */
  readonly authenticatorChallenge: Uint8Array;
  /** 16 bytes. */
  readonly peerChallenge: Uint8Array;
  /** The user name as it stands in the Response's Name field, `withoutDomain`. */
  readonly userName: Uint8Array;
}

/** NtPasswordHash(): MD4 of the password in UTF-16LE, 16 bytes. RFC 2759 §8.3. */
export function ntPasswordHash(crypto: Crypto, password: string): Uint8Array {
  const unicode = new Uint8Array(2 * password.length);
  for (let i = 0; i < password.length; i++) {
    const unit = password.charCodeAt(i);
    unicode[2 * i] = unit & 0xff;
    unicode[2 * i + 1] = unit >> 8;
  }
  return crypto.md4(unicode);
}

/** ChallengeHash(): 8 bytes. RFC 2759 §8.2. */
export function challengeHash(crypto: Crypto, challenges: PeerChallenges): Uint8Array {
  const { peerChallenge, authenticatorChallenge, userName } = challenges;
  return crypto.hash('sha1', peerChallenge, authenticatorChallenge, userName).slice(0, 8);
}

/**
 * GenerateNTResponse() from the NT hash. RFC 2759 §8.1, §8.5.
 * @returns 24 bytes
 * @throws RangeError when `ntHash` has not 16 bytes
 */
export function generateNtResponse(crypto: Crypto, challenges: PeerChallenges, ntHash: Uint8Array): Uint8Array {
  mustBe16(ntHash);
  const challenge = challengeHash(crypto, challenges);
  const keys = concat(ntHash, new Uint8Array(5));
  return concat(...[0, 7, 14].map((at) => crypto.desBlock(keys.subarray(at, at + 7), challenge)));
}

/** What the authenticator does with a Response: constant time, false for a wrong length. */
export function checkNtResponse(
  crypto: Crypto,
  challenges: PeerChallenges,
  ntHash: Uint8Array,
  ntResponse: Uint8Array,
): boolean {
  return crypto.equal(generateNtResponse(crypto, challenges, ntHash), ntResponse);
}

/**
 * GenerateAuthenticatorResponse(), by which the authenticator shows that it knows the hash too. RFC 2759 §8.7.
 * @param ntResponse the 24 bytes that the peer sent
 * @returns `S=` and 40 upper-case hexadecimal digits
 */
export function generateAuthenticatorResponse(
  crypto: Crypto,
  challenges: PeerChallenges,
  ntHash: Uint8Array,
  ntResponse: Uint8Array,
): string {
  mustBe16(ntHash);
  const hashHash = crypto.md4(ntHash);
  const digest = crypto.hash('sha1', hashHash, ntResponse, SERVER_TO_CLIENT);
  const proof = crypto.hash('sha1', digest, challengeHash(crypto, challenges), ONE_MORE_ITERATION);
  return RESPONSE_PREFIX + toHex(proof).toUpperCase();
}

/**
 * CheckAuthenticatorResponse(): what the peer does with the Success message. RFC 2759 §8.8.
 * @param received the message from its `S=` on; what follows the 40 digits (` M=…`) is ignored
 */
export function checkAuthenticatorResponse(
  crypto: Crypto,
  challenges: PeerChallenges,
  ntHash: Uint8Array,
  ntResponse: Uint8Array,
  received: string,
): boolean {
  const expected = generateAuthenticatorResponse(crypto, challenges, ntHash, ntResponse);
  const following = received.slice(expected.length, expected.length + 1);
  if (following !== '' && following !== ' ') return false;
  // Some authenticators send lower-case digits; the value is what counts.
  return crypto.equal(utf8(expected), utf8(received.slice(0, expected.length).toUpperCase()));
}

/** The user name of a Name field, which may carry `DOMAIN\` in front that no hash covers. RFC 2759 §4. */
export function withoutDomain(name: Uint8Array): Uint8Array {
  return name.subarray(name.lastIndexOf(BACKSLASH) + 1);
}

/** Magic1 and Magic2 of RFC 2759 §8.7. */
const SERVER_TO_CLIENT = utf8('Magic server to client signing constant');
const ONE_MORE_ITERATION = utf8('Pad to make it do more than one iteration');

function mustBe16(ntHash: Uint8Array): void {
  if (ntHash.length !== 16) throw new RangeError(`an NT hash has 16 bytes, given ${ntHash.length}`);
}
