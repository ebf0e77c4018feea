/** MS-CHAP version 2: CHAP in which the authenticator proves itself too. RFC 2759. */

import { checkAuthenticatorResponse, ntPasswordHash, withoutDomain } from '../../crypto/index.ts';
import { failureMessage, makeResponse, readFailureMessage, readResponse, UNPROVEN_SERVER } from '../../eap/index.ts';
import { fromUtf8, utf8 } from '../../wire/index.ts';
import { type ChapAuthenticateeAlgorithm, type ChapAuthenticatorAlgorithm, userName } from './chap.ts';
import { refusedByPeer } from './role.ts';

const CHALLENGE_BYTES = 16;

export const msChapV2Authenticator: ChapAuthenticatorAlgorithm = {
  method: 'ms-chap-v2',
  canRetry: true,
  credentials: ({ value }, name, response) => {
    const read = readResponse(response);
    if (read === undefined) return undefined;
    const user = userName(name);
    return { method: 'ms-chap-v2', user, name: name.slice(), authenticatorChallenge: value, ...read };
  },
  success: ({ authenticatorResponse, message }) =>
    authenticatorResponse === undefined ? undefined : `${authenticatorResponse} M=${message ?? 'Welcome'}`,
  failure: ({ reason, message }, mayRetry, next) => failureMessage(reason, mayRetry, next, message),
};

export const msChapV2Authenticatee: ChapAuthenticateeAlgorithm = {
  method: 'ms-chap-v2',
  respond: ({ value: authenticatorChallenge }, { user, password }, { crypto, random }) => {
    const userName = withoutDomain(utf8(user));
    const challenges = { authenticatorChallenge, peerChallenge: random(CHALLENGE_BYTES), userName };
    const ntHash = ntPasswordHash(crypto, password);
    const { value, ntResponse } = makeResponse(crypto, challenges, ntHash);
    return {
      value,
      verify: (message) => {
        const proven = checkAuthenticatorResponse(crypto, challenges, ntHash, ntResponse, fromUtf8(message));
        return proven ? undefined : UNPROVEN_SERVER;
      },
      refused: (message) => refusedByPeer(readFailureMessage(message).detail),
    };
  },
};
