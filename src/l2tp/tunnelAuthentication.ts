/** CHAP-like authentication of the tunnel's ends. RFC 2661 §5.1.1 and §4.4.3, Challenge and Challenge Response. */

import type { Crypto } from '../crypto/index.ts';
import { MessageType } from './messageType.ts';

/** Octets of the challenges that we send. */
export const CHALLENGE_BYTES = 16;

/** The message that answers a challenge: its type number is the identifier of the calculation. */
export type AnsweringMessage = 'SCCRP' | 'SCCCN';

/** The 16 octets of the Challenge Response AVP in `message`. */
export function challengeResponse(
  crypto: Crypto,
  message: AnsweringMessage,
  secret: Uint8Array,
  challenge: Uint8Array,
): Uint8Array {
  return crypto.hash('md5', Uint8Array.of(MessageType[message]), secret, challenge);
}

/** Whether `response` answers `challenge`. An absent response answers nothing. */
export function verifyResponse(
  crypto: Crypto,
  message: AnsweringMessage,
  secret: Uint8Array,
  challenge: Uint8Array,
  response: Uint8Array | undefined,
): boolean {
  return response !== undefined && crypto.equal(response, challengeResponse(crypto, message, secret, challenge));
}
