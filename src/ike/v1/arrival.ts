/** A message on its way through the exchanges. */

import type { Crypto } from '../../crypto/index.ts';
import { decodeHeader, HEADER_BYTES } from '../header.ts';
import { decodeMessage, decodePayloads, type Message } from '../message.ts';
import type { IkeDatagram } from '../output.ts';
import { HeaderFlag, PayloadType } from '../payloads/index.ts';

export interface Arrival {
  readonly message: Message;
  /** Whole, also where it came in fragments. */
  readonly datagram: IkeDatagram;
  /** By which exact duplicates are known. */
  readonly digest: string;
}

/** Why a message is ignored; undefined where it was acted on. */
export type Refusal = { readonly code: string; readonly reason: string } | undefined;

export const outOfState: Refusal = {
  code: 'out-of-state',
  reason: 'the message does not belong to the state of its IKE SA',
};

export const badNonce: Refusal = { code: 'malformed', reason: 'the nonce has not 8 to 256 bytes' };

export const noCookie: Refusal = { code: 'malformed', reason: 'the answer has no responder cookie' };

export const isZero = (cookie: Uint8Array): boolean => cookie.every((byte) => byte === 0);

export const isEncrypted = ({ header }: Message): boolean => (header.flags & HeaderFlag.encryption) !== 0;

/**
 * Some peers leave the encryption flag of the whole on its fragments, which are never encrypted themselves.
 * @throws Malformed
 */
export function decode(bytes: Uint8Array): Message {
  const header = decodeHeader(bytes);
  const message = decodeMessage(bytes);
  if (header.nextPayload !== PayloadType.FRAGMENT || message.payloads.length > 0) return message;
  return { ...message, ...decodePayloads(header.nextPayload, bytes.subarray(HEADER_BYTES), 'exact') };
}

/** What tells exact duplicates; no secret and no authenticator. A character a byte: many are kept. */
export const digestOf = (crypto: Crypto, bytes: Uint8Array): string =>
  String.fromCharCode(...crypto.hash('sha1', bytes));
