/**
 * What AUTH payloads cover and how they are made. RFC 7296 §2.15 and §2.16, RFC 9242 §3.3.2 (intermediate exchanges),
 * RFC 7427 §3 (AlgorithmIdentifier), RFC 4754 (ECDSA), RFC 5723 §5.1 (resumption).
 */

import type { Crypto } from '../../crypto/index.ts';
import { concat, utf8 } from '../../wire/index.ts';
import { prf } from './keys.ts';
import type { PrfHash } from './proposal.ts';

/** IntAuth_iN and IntAuth_rN so far. RFC 9242 §3.3.2. */
export interface IntermediateAuthentication {
  readonly initiator: Uint8Array;
  readonly responder: Uint8Array;
}

/** One side's part of an authentication. */
export interface IkeV2Authentication {
  readonly prf: PrfHash;
  /** RealMessage1 or RealMessage2: the side's IKE_SA_INIT (or IKE_SESSION_RESUME) message as it was sent, last try. */
  readonly message: Uint8Array;
  /** Body of the other side's nonce payload. */
  readonly otherNonce: Uint8Array;
  /** Body of the side's ID payload, reserved bytes as received. */
  readonly idBody: Uint8Array;
  /** SK_pi or SK_pr of this side. */
  readonly skP: Uint8Array;
  /** Where there were IKE_INTERMEDIATE exchanges: what they came to, and the message id of the first IKE_AUTH. */
  readonly intermediate?: IntermediateAuthentication & { readonly messageId: number };
}

/**
 * InitiatorSignedOctets or ResponderSignedOctets: RealMessage | Nonce | prf(SK_p, RestOfIDPayload), with IntAuth behind
 * it where there were intermediate exchanges.
 */
export function signedOctets(crypto: Crypto, side: IkeV2Authentication): Uint8Array {
  const macedId = prf(crypto, side.prf, side.skP, side.idBody);
  const { intermediate } = side;
  const intAuth =
    intermediate === undefined
      ? []
      : [intermediate.initiator, intermediate.responder, u32Bytes(intermediate.messageId)];
  return concat(side.message, side.otherNonce, macedId, ...intAuth);
}

/**
 * IntAuth of one direction after one more exchange: prf(SK_p, IntAuth before | A | P).
 * @param skP of the keys that protected this exchange, not of those it made
 * @param before absent for the first intermediate exchange
 * @param octets `intermediateOctets` of the message
 */
export function nextIntermediate(
  crypto: Crypto,
  hash: PrfHash,
  skP: Uint8Array,
  before: Uint8Array | undefined,
  octets: Uint8Array,
): Uint8Array {
  return before === undefined ? prf(crypto, hash, skP, octets) : prf(crypto, hash, skP, before, octets);
}

const KEY_PAD = utf8('Key Pad for IKEv2');

/**
 * AUTH of SHARED_KEY: prf(prf(Shared Secret, "Key Pad for IKEv2"), octets). The secret is the pre-shared key, the MSK of
 * EAP, or SK_pi or SK_pr of the side itself where EAP made no key. RFC 7296 §2.15, §2.16.
 */
export function sharedKeyAuth(crypto: Crypto, hash: PrfHash, secret: Uint8Array, octets: Uint8Array): Uint8Array {
  return prf(crypto, hash, prf(crypto, hash, secret, KEY_PAD), octets);
}

/** AUTH of a resumed IKE SA: prf(SK_p, octets), method SHARED_KEY. RFC 5723 §5.1. */
export function resumedAuth(crypto: Crypto, hash: PrfHash, skP: Uint8Array, octets: Uint8Array): Uint8Array {
  return prf(crypto, hash, skP, octets);
}

const u32Bytes = (value: number) => Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
