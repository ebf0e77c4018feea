/** MS-CHAP version 2: CHAP in which the authenticator proves itself too. RFC 2759. */

import type { Failure } from '../../core/index.ts';
import {
  checkAuthenticatorResponse,
  generateNtResponse,
  ntPasswordHash,
  withoutDomain,
} from '../../crypto/msChapV2.ts';
import { concat, fromUtf8, printable, Reader, toHex, utf8 } from '../../wire/index.ts';
import { type ChapAuthenticateeAlgorithm, type ChapAuthenticatorAlgorithm, userName } from './chap.ts';
import { refusedByPeer } from './role.ts';

const CHALLENGE_BYTES = 16;
const RESERVED_BYTES = 8;
const NT_RESPONSE_BYTES = 24;
/** Peer-Challenge, Reserved, NT-Response, Flags. RFC 2759 §4. */
const VALUE_BYTES = CHALLENGE_BYTES + RESERVED_BYTES + NT_RESPONSE_BYTES + 1;
/** The password changing protocol that the failure message names. RFC 2759 §6. */
const CHANGE_PASSWORD_VERSION = 3;

/** Error codes of the failure message by the code of the answer's reason. RFC 2759 §6. */
const errorCodes: Readonly<Record<string, number>> = {
  'restricted-hours': 646,
  'account-disabled': 647,
  'password-expired': 648,
  'no-dialin-permission': 649,
};
const AUTHENTICATION_FAILURE = 691;

const errorTexts: Readonly<Record<string, string>> = {
  646: 'the account may not log on at this time of day',
  647: 'the account is disabled',
  648: 'the password has expired',
  649: 'the account has no permission to dial in',
  691: 'unknown user name or wrong password',
  709: 'the password could not be changed',
};

export const msChapV2Authenticator: ChapAuthenticatorAlgorithm = {
  canRetry: true,
  credentials: ({ value }, name, response) => {
    if (response.length !== VALUE_BYTES) return undefined;
    const from = new Reader(response.slice(), 'MS-CHAPv2 Response');
    const peerChallenge = from.bytes(CHALLENGE_BYTES);
    from.skip(RESERVED_BYTES);
    return {
      method: 'ms-chap-v2',
      user: userName(name),
      name: name.slice(),
      authenticatorChallenge: value,
      peerChallenge,
      ntResponse: from.bytes(NT_RESPONSE_BYTES),
    };
  },
  success: ({ authenticatorResponse, message }) =>
    authenticatorResponse === undefined ? undefined : `${authenticatorResponse} M=${message ?? 'Welcome'}`,
  failure: ({ reason, message }, mayRetry, next) => {
    const error = errorCodes[reason.code] ?? AUTHENTICATION_FAILURE;
    const challenge = toHex(next).toUpperCase();
    const text = message ?? 'Authentication failed';
    return `E=${error} R=${mayRetry ? 1 : 0} C=${challenge} V=${CHANGE_PASSWORD_VERSION} M=${text}`;
  },
};

export const msChapV2Authenticatee: ChapAuthenticateeAlgorithm = {
  method: 'ms-chap-v2',
  respond: ({ value }, { user, password }, { crypto, random }) => {
    const challenges = {
      authenticatorChallenge: value,
      peerChallenge: random(CHALLENGE_BYTES),
      userName: withoutDomain(utf8(user)),
    };
    const ntHash = ntPasswordHash(crypto, password);
    const ntResponse = generateNtResponse(crypto, challenges, ntHash);
    return {
      value: concat(challenges.peerChallenge, new Uint8Array(RESERVED_BYTES), ntResponse, Uint8Array.of(0)),
      verify: (message) => {
        const proven = checkAuthenticatorResponse(crypto, challenges, ntHash, ntResponse, fromUtf8(message));
        return proven ? undefined : UNPROVEN;
      },
      refused: (message) => refusedWith(printable(message)),
    };
  },
};

const UNPROVEN: Failure = {
  code: 'server-authentication-failed',
  reason: 'The server accepted our password without proving that it knows it.',
  remedy: 'Check the server address: the machine that answered is not the one that holds the account.',
};

/** @param message `E=… R=… C=… V=… M=…` */
function refusedWith(message: string): Failure {
  const error = /\bE=(\d{1,10})/.exec(message)?.[1];
  const text = /\bM=(.*)$/.exec(message)?.[1];
  const known = error === undefined ? undefined : (errorTexts[error] ?? `error ${error}`);
  return refusedByPeer([known, text].filter((part) => part !== undefined && part !== '').join(': '));
}
