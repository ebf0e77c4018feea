/** A message on its way through the exchanges. */

import type { Message } from '../message.ts';
import type { IkeDatagram } from '../output.ts';

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
