/** CHAP with MD5. RFC 1994 §4.1. */

import { chapMd5Response } from '../../crypto/chapMd5.ts';
import { printable, utf8 } from '../../wire/index.ts';
import { type ChapAuthenticateeAlgorithm, type ChapAuthenticatorAlgorithm, userName } from './chap.ts';
import { refusedByPeer } from './role.ts';

const RESPONSE_BYTES = 16;

export const chapMd5Authenticator: ChapAuthenticatorAlgorithm = {
  method: 'chap-md5',
  canRetry: false,
  credentials: ({ identifier, value }, name, response) =>
    response.length === RESPONSE_BYTES
      ? { method: 'chap-md5', user: userName(name), identifier, challenge: value, response: response.slice() }
      : undefined,
  success: ({ message }) => message ?? '',
  failure: ({ message }) => message ?? '',
};

export const chapMd5Authenticatee: ChapAuthenticateeAlgorithm = {
  method: 'chap-md5',
  respond: ({ identifier, value }, { password }, { crypto }) => ({
    value: chapMd5Response(crypto, identifier, utf8(password), value),
    verify: () => undefined,
    refused: (message) => refusedByPeer(printable(message)),
  }),
};
