/** How an IKE peer signs. RFC 2409 §5.1 (IKEv1), RFC 7296 §2.15, RFC 4754, RFC 7427, RFC 8420. */

import type { Identity } from './output.ts';

/** How one side of an IKE SA proved itself. */
export type AuthenticationMethod = 'pre-shared-key' | 'signature' | 'eap' | 'null';

/**
 * A signature scheme. `rsa-ikev1` is PKCS #1 v1.5 padding of the bare HASH_I or HASH_R without a DigestInfo (RFC 2409
 * §5.1), and `ecdsa-ikev1` ECDSA over that HASH as the digest; the others sign the octets with the hash named. ECDSA
 * signatures are r‖s for `ecdsa-ikev1` and `ecdsa-…-raw` (RFC 4754 §7), DER for the others (RFC 7427 §A.3).
 */
export type SignatureScheme =
  | 'rsa-ikev1'
  | 'ecdsa-ikev1'
  | 'rsa-pkcs1-sha1'
  | 'rsa-pkcs1-sha256'
  | 'rsa-pkcs1-sha384'
  | 'rsa-pkcs1-sha512'
  | 'rsa-pss-sha256'
  | 'rsa-pss-sha384'
  | 'rsa-pss-sha512'
  | 'ecdsa-sha256-raw'
  | 'ecdsa-sha384-raw'
  | 'ecdsa-sha512-raw'
  | 'ecdsa-sha256'
  | 'ecdsa-sha384'
  | 'ecdsa-sha512'
  | 'ed25519'
  | 'ed448';

/** A certificate of ours as the cores see it: the key stays with whoever answers `sign`. */
export interface Credential {
  /** The name by which `sign` asks for it. */
  readonly name: string;
  /** DER, our own certificate first, then the intermediates. */
  readonly chain: readonly Uint8Array[];
  readonly key: 'rsa' | 'ecdsa-p256' | 'ecdsa-p384' | 'ecdsa-p521' | 'ed25519' | 'ed448';
  /** Whom it is for, the identity that we state first; by them a credential is chosen for a peer that names one. */
  readonly identities?: readonly Identity[];
  /** Distinguished names of the authorities above it, DER, by which CERTREQ of IKEv1 names them. */
  readonly issuers?: readonly Uint8Array[];
  /** SHA-1 of the SubjectPublicKeyInfo of each authority above it, by which CERTREQ of IKEv2 names them. */
  readonly authorities?: readonly Uint8Array[];
}

/** Whom we trust, as CERTREQ says it. */
export interface TrustAnchor {
  /** The issuer's distinguished name, DER (IKEv1, RFC 2408 §3.10). */
  readonly subject: Uint8Array;
  /** SHA-1 of its SubjectPublicKeyInfo, 20 bytes (IKEv2, RFC 7296 §3.7). */
  readonly keyHash: Uint8Array;
}
