/** The Response value and the Failure message of MS-CHAPv2, the same in CHAP and in EAP. RFC 2759 §4, §6. */

import type { Failure } from '../../core/index.ts';
import type { Crypto, PeerChallenges } from '../../crypto/index.ts';
import { generateNtResponse } from '../../crypto/index.ts';
import { concat, fromHex, fromUtf8, printable, Reader, toHex } from '../../wire/index.ts';

export const CHALLENGE_BYTES = 16;
const RESERVED_BYTES = 8;
const NT_RESPONSE_BYTES = 24;
/** Peer-Challenge, Reserved, NT-Response, Flags. RFC 2759 §4. */
export const RESPONSE_BYTES = CHALLENGE_BYTES + RESERVED_BYTES + NT_RESPONSE_BYTES + 1;
/** The password changing protocol that the failure message names. RFC 2759 §6. */
const CHANGE_PASSWORD_VERSION = 3;

/** @returns copies; undefined for a value of a wrong length */
export function readResponse(value: Uint8Array): { peerChallenge: Uint8Array; ntResponse: Uint8Array } | undefined {
  if (value.length !== RESPONSE_BYTES) return undefined;
  const from = new Reader(value.slice(), 'MS-CHAPv2 Response');
  const peerChallenge = from.bytes(CHALLENGE_BYTES);
  from.skip(RESERVED_BYTES);
  return { peerChallenge, ntResponse: from.bytes(NT_RESPONSE_BYTES) };
}

/** The NT-Response to the challenges, and the whole Value field that carries it. */
export function makeResponse(crypto: Crypto, challenges: PeerChallenges, ntHash: Uint8Array) {
  const ntResponse = generateNtResponse(crypto, challenges, ntHash);
  const { peerChallenge } = challenges;
  return {
    ntResponse,
    value: concat(peerChallenge, new Uint8Array(RESERVED_BYTES), ntResponse, Uint8Array.of(0)),
  };
}

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

/**
 * `E=… R=… C=… V=… M=…`
 * @param next what the peer must answer if it may retry, and random bytes if not
 */
export function failureMessage(reason: Failure, mayRetry: boolean, next: Uint8Array, message?: string): string {
  const error = errorCodes[reason.code] ?? AUTHENTICATION_FAILURE;
  const challenge = toHex(next).toUpperCase();
  const text = message ?? 'Authentication failed';
  return `E=${error} R=${mayRetry ? 1 : 0} C=${challenge} V=${CHANGE_PASSWORD_VERSION} M=${text}`;
}

export interface FailureMessage {
  /** What went wrong, in words for people; empty where the message says nothing. */
  readonly detail: string;
  readonly error: number | undefined;
  readonly mayRetry: boolean;
  /** 16 bytes to be answered by a retry. */
  readonly challenge: Uint8Array | undefined;
}

/** Reads a failure message as far as it can be read. */
export function readFailureMessage(bytes: Uint8Array): FailureMessage {
  const message = printable(bytes);
  const error = /\bE=(\d{1,10})/.exec(message)?.[1];
  const text = /\bM=(.*)$/.exec(message)?.[1];
  const challenge = /\bC=([0-9A-Fa-f]{32})\b/.exec(fromUtf8(bytes))?.[1];
  const known = error === undefined ? undefined : (errorTexts[error] ?? `error ${error}`);
  return {
    detail: [known, text].filter((part) => part !== undefined && part !== '').join(': '),
    error: error === undefined ? undefined : Number(error),
    mayRetry: /\bR=1\b/.test(message),
    challenge: challenge === undefined ? undefined : fromHex(challenge),
  };
}

/** The server took our password, but showed no knowledge of it. */
export const UNPROVEN_SERVER: Failure = {
  code: 'server-authentication-failed',
  reason: 'The server accepted our password without proving that it knows it.',
  remedy: 'Check the server address: the machine that answered is not the one that holds the account.',
};
