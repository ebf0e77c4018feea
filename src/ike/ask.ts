/** What an IKE core asks its owner for, and what the owner answers. */

import type { Failure } from '../core/index.ts';
import type { Encapsulated, GroupName, KemName, KeyPair } from '../crypto/index.ts';
import type { Identity, IkeSaId } from './output.ts';
import type { AuthenticationMethod, SignatureScheme } from './signature.ts';

/** Work to be done outside the core; answer with the command `answer` of the same `id`. */
export interface KeyAsk {
  readonly type: 'ask';
  readonly id: number;
  readonly ask:
    | { readonly kind: 'generateKey'; readonly group: GroupName }
    | {
        readonly kind: 'deriveSecret';
        readonly group: GroupName;
        readonly privateValue: Uint8Array;
        readonly peerPublicValue: Uint8Array;
      }
    /** The responder's part of a KEM: a secret, and the ciphertext that tells it to the initiator. RFC 9370 §2. */
    | { readonly kind: 'encapsulate'; readonly group: KemName; readonly peerPublicValue: Uint8Array };
}

/** Work with certificates and their keys, outside the core too; answered like a `KeyAsk`. */
export interface SignatureAsk {
  readonly type: 'askSignature';
  readonly id: number;
  readonly ask: SignAsk | VerifyAsk;
}

/** A remote-access client wants addresses (RFC 7296 §2.19); answered like a `KeyAsk`, by who owns the pools. */
export interface ConfigurationAsk {
  readonly type: 'askConfiguration';
  readonly id: number;
  readonly ikeSa: IkeSaId;
  readonly identity: Identity;
  /** The identity that EAP proved. */
  readonly user?: string;
  /** How the client proved itself. */
  readonly authentication: AuthenticationMethod;
  readonly wantsIpv4: boolean;
  readonly wantsIpv6: boolean;
  /** Addresses that it had and would like again. */
  readonly preferred: readonly string[];
  /**
   * It proved itself in an earlier session, which it resumes, in EAP by that method: whether it may still enter is the
   * owner's to say, who gave `credential` with its answer then. RFC 5723.
   */
  readonly resumed?: { readonly eapMethod?: string; readonly credential?: string };
}

export type KeyAnswer =
  | { readonly kind: 'generateKey'; readonly keyPair: KeyPair }
  /** `secret` is undefined where the peer's value was refused. */
  | { readonly kind: 'deriveSecret'; readonly secret: Uint8Array | undefined }
  /** `encapsulated` is undefined where the peer's encapsulation key was refused. */
  | { readonly kind: 'encapsulate'; readonly encapsulated: Encapsulated | undefined };

export type SignatureAnswer =
  | { readonly kind: 'sign'; readonly signature: Uint8Array | Failure }
  /** Undefined: the chain leads to a trust anchor, is for the identity, and made the signature. */
  | { readonly kind: 'verify'; readonly failure: Failure | undefined };

export type IkeAnswer =
  | KeyAnswer
  | SignatureAnswer
  | {
      readonly kind: 'configuration';
      readonly configuration: RemoteConfiguration | Failure;
      /** What the peer's ticket is to bring back in `resumed`. */
      readonly credential?: string | undefined;
    };

/** Our credential of that name signs `octets`; the scheme is one that the credential states. */
export interface SignAsk {
  readonly kind: 'sign';
  readonly credential: string;
  readonly scheme: SignatureScheme;
  readonly octets: Uint8Array;
}

/** Is this chain to be trusted, for this identity, and did its first certificate's key make this signature? */
export interface VerifyAsk {
  readonly kind: 'verify';
  /** DER, the peer's own certificate first, the others in whatever order they came. */
  readonly chain: readonly Uint8Array[];
  readonly identity: Identity;
  /** Whom we meant to reach, where the peer may state another identity: the certificate must be for both. */
  readonly expected?: Identity;
  readonly scheme: SignatureScheme;
  readonly octets: Uint8Array;
  readonly signature: Uint8Array;
  /** What the peer is to us. */
  readonly purpose: 'server' | 'client';
}

/** What a client is configured with: answered by a gateway's owner, told by a client's core in `configured`. */
export interface RemoteConfiguration {
  /** At most one of each family, without prefix length. */
  readonly addresses: readonly string[];
  readonly dns: readonly string[];
  /** Internal networks as prefixes; empty: everything. RFC 7296 §3.15.1 INTERNAL_IP4_SUBNET, INTERNAL_IP6_SUBNET. */
  readonly subnets: readonly string[];
  /** Internal DNS domains. RFC 8598. */
  readonly domains: readonly string[];
}
