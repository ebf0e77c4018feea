/** What the several messages of one IKE_AUTH exchange share. RFC 7296 §1.2, §2.16. */

import type { Identity } from '../../output.ts';
import type { IkeKeys } from '../keys.ts';
import type { AuthPayload, Payload } from '../payloads/index.ts';
import type { PayloadChain } from '../wire/index.ts';
import type { ChildOffer } from './childNegotiation.ts';

export interface AuthRun {
  /** As responder: the first request, which asks for the child SA and for addresses. */
  readonly request: Pick<PayloadChain, 'payloads'>;
  readonly localIdentity: Identity;
  /** Bodies of the ID payloads. */
  readonly localIdBody: Uint8Array;
  remoteIdBody: Uint8Array | undefined;
  /** As initiator: the first child SA. */
  readonly offer: ChildOffer | undefined;
  /** As initiator: with the post-quantum key mixed in, should the peer have it too. RFC 8784. */
  mixedKeys: IkeKeys | undefined;
  /** As responder: what the peer proved itself with lest we have no post-quantum key. It tells why the other proof failed. */
  withoutPostquantumKey?: { readonly keys: IkeKeys; readonly auth: AuthPayload } | undefined;
  /** As responder: IDr, CERT and AUTH, until they are sent with the first EAP packet. */
  ourPart?: readonly Payload[] | undefined;
  /** As responder: what the owner says of the peer's credential, for its ticket. */
  credential?: string | undefined;
  /** EAP, where it runs. */
  eap: EapState | undefined;
}

export interface EapState {
  /** As initiator: the server has proved itself by a signature, not by EAP alone. */
  readonly serverProved: boolean;
  /** The owner has been asked, and has not answered. */
  asked: boolean;
  /** As initiator: the server's last packet was EAP-Failure, with which it has ended. */
  refused: boolean;
  /** What it came to. */
  done: { readonly msk: Uint8Array | undefined; readonly user: string } | undefined;
  rounds: number;
}

/** RFC 3748 §4.2. */
const EAP_FAILURE = 4;
export const isEapFailure = ([code]: Uint8Array): boolean => code === EAP_FAILURE;

/** More rounds than any method needs, with room for long chains in small fragments. */
export const MAX_EAP_ROUNDS = 128;
