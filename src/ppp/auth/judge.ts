/** Judging presented credentials against a known secret: what an owner without RADIUS answers to an `ask`. */

import { checkChapMd5Response } from '../../crypto/chapMd5.ts';
import type { Crypto } from '../../crypto/index.ts';
import {
  checkNtResponse,
  generateAuthenticatorResponse,
  ntPasswordHash,
  withoutDomain,
} from '../../crypto/msChapV2.ts';
import { msChapV2MasterKey } from '../../crypto/msChapV2Keys.ts';
import { fromUtf8, utf8 } from '../../wire/index.ts';
import type { AuthenticationAnswer, Credentials, NetworkParameters } from '../output.ts';

/** Either the password itself, or the NT hash (16 bytes), which serves MS-CHAPv2 and PAP. */
export type Secret = { readonly password: string } | { readonly ntHash: Uint8Array };

/** What a link is answered when user name or password are wrong. */
export const WRONG_PASSWORD: AuthenticationAnswer = {
  accepted: false,
  reason: {
    code: 'authentication-failed',
    reason: 'The peer presented an unknown user name or a wrong password.',
    remedy: 'Check the user name and the password at the peer.',
  },
};

/**
 * @param secret undefined where the user is not known
 * @param network addresses for the peer, where they are known by now
 */
export function judgeCredentials(
  crypto: Crypto,
  credentials: Credentials,
  secret: Secret | undefined,
  network?: NetworkParameters,
): AuthenticationAnswer {
  if (secret === undefined || !matches(crypto, credentials, secret)) return WRONG_PASSWORD;
  const accepted = { accepted: true, ...(network && { network }) } as const;
  if (credentials.method !== 'ms-chap-v2') return accepted;
  const challenges = challengesOf(credentials);
  const ntHash = ntHashOf(crypto, secret);
  return {
    ...accepted,
    authenticatorResponse: generateAuthenticatorResponse(crypto, challenges, ntHash, credentials.ntResponse),
    masterKey: msChapV2MasterKey(crypto, ntHash, credentials.ntResponse),
  };
}

function matches(crypto: Crypto, credentials: Credentials, secret: Secret): boolean {
  switch (credentials.method) {
    case 'pap':
      if ('password' in secret) return crypto.equal(credentials.password, utf8(secret.password));
      return crypto.equal(ntPasswordHash(crypto, fromUtf8(credentials.password)), secret.ntHash);
    case 'chap-md5': {
      if (!('password' in secret)) return false;
      const { identifier, challenge, response } = credentials;
      return checkChapMd5Response(crypto, identifier, utf8(secret.password), challenge, response);
    }
    case 'certificate':
      return true;
    case 'ms-chap-v2':
      return checkNtResponse(crypto, challengesOf(credentials), ntHashOf(crypto, secret), credentials.ntResponse);
  }
}

function challengesOf(credentials: Credentials & { method: 'ms-chap-v2' }) {
  const { authenticatorChallenge, peerChallenge, user, name } = credentials;
  return { authenticatorChallenge, peerChallenge, userName: withoutDomain(name ?? utf8(user)) };
}

const ntHashOf = (crypto: Crypto, secret: Secret): Uint8Array =>
  'ntHash' in secret ? secret.ntHash : ntPasswordHash(crypto, secret.password);
