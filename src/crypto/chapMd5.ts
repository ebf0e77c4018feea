/** The response of CHAP with MD5. RFC 1994 §4.1. */

import type { Crypto } from './crypto.ts';

/**
 * @param identifier of the Challenge packet, one byte
 * @returns the 16-byte response value: MD5(identifier ‖ secret ‖ challenge)
 */
export function chapMd5Response(
  crypto: Crypto,
  identifier: number,
  secret: Uint8Array,
  challenge: Uint8Array,
): Uint8Array {
  return crypto.hash('md5', Uint8Array.of(identifier), secret, challenge);
}

/** Whether `response` is the one of who knows `secret`. Takes constant time; false for a wrong length. */
export function checkChapMd5Response(
  crypto: Crypto,
  identifier: number,
  secret: Uint8Array,
  challenge: Uint8Array,
  response: Uint8Array,
): boolean {
  return crypto.equal(chapMd5Response(crypto, identifier, secret, challenge), response);
}
