/**
 * The cryptography that the cores need, as an interface. `crypto/node` provides it from node:crypto;
 * tests may wrap it. Synchronous and cheap by intent: Diffie-Hellman leaves a core as an `ask` instead.
 */

export type HashName = 'md5' | 'sha1' | 'sha256' | 'sha384' | 'sha512';

/** Block ciphers in CBC mode. Key lengths are 24 bytes for 3DES and 16, 24 or 32 for AES. */
export type CbcName = 'aes-cbc' | '3des-cbc';

/** Diffie-Hellman groups of both IKE versions, by the field's names. RFC 2409 §6, RFC 3526, RFC 5903. */
export type ClassicGroupName =
  | 'modp1024'
  | 'modp1536'
  | 'modp2048'
  | 'modp3072'
  | 'modp4096'
  | 'ecp256'
  | 'ecp384'
  | 'ecp521';

/** Key encapsulation mechanisms. FIPS 203. */
export type KemName = 'mlkem512' | 'mlkem768' | 'mlkem1024';

/** All key exchange methods; what is not classic is IKEv2's alone. RFC 8031, RFC 9370. */
export type GroupName = ClassicGroupName | 'curve25519' | 'curve448' | KemName;

export interface KeyPair {
  /**
   * As it travels in the KE payload: MODP values padded to the prime's length, ECP as x‖y (RFC 5903 §7), Curve25519 and
   * Curve448 as 32 and 56 bytes (RFC 8031 §3.1), of a KEM the encapsulation key.
   */
  readonly publicValue: Uint8Array;
  /** Opaque to the cores. */
  readonly privateValue: Uint8Array;
}

export interface Crypto {
  hash(name: HashName, ...data: readonly Uint8Array[]): Uint8Array;
  hmac(name: HashName, key: Uint8Array, ...data: readonly Uint8Array[]): Uint8Array;
  /** No padding is added or removed: `data` is a multiple of the block length. */
  cbcEncrypt(name: CbcName, key: Uint8Array, iv: Uint8Array, data: Uint8Array): Uint8Array;
  cbcDecrypt(name: CbcName, key: Uint8Array, iv: Uint8Array, data: Uint8Array): Uint8Array;
  /** AES-GCM with a 16-byte tag behind the ciphertext. `nonce` has 12 bytes. */
  gcmSeal(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, data: Uint8Array): Uint8Array;
  /** @returns the plaintext, or undefined where the tag does not verify */
  gcmOpen(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, sealed: Uint8Array): Uint8Array | undefined;
  /** ChaCha20-Poly1305 with a 16-byte tag behind the ciphertext. `key` has 32 bytes, `nonce` 12. RFC 8439 §2.8. */
  chachaSeal(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, data: Uint8Array): Uint8Array;
  /** @returns the plaintext, or undefined where the tag does not verify */
  chachaOpen(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, sealed: Uint8Array): Uint8Array | undefined;
  /** MD4, for the NT password hash alone. RFC 1320. */
  md4(data: Uint8Array): Uint8Array;
  /** One DES block under a 7-byte key, as MS-CHAP expands it (RFC 2759 §8.6). */
  desBlock(key7: Uint8Array, block: Uint8Array): Uint8Array;
  /** Comparison in constant time; false for different lengths. */
  equal(a: Uint8Array, b: Uint8Array): boolean;
}

/** What the responder of a KEM makes for the initiator's encapsulation key. */
export interface Encapsulated {
  /** Travels in the responder's KE payload. */
  readonly ciphertext: Uint8Array;
  readonly secret: Uint8Array;
}

/**
 * What answers an `ask` of kind `generateKey`, `deriveSecret` or `encapsulate`; in a thread of its own where a group is
 * slow. With a KEM the initiator generates a key pair, the responder encapsulates for its public value, and the initiator
 * derives the secret from the ciphertext.
 */
export interface KeyExchange {
  generateKey(group: GroupName): KeyPair;
  /**
   * @returns the shared secret, padded to the group's length; undefined for a public value that must be refused:
   * wrong length, 0, 1, p-1 or above, not on the curve, or an all-zero result (RFC 6989, RFC 8031 §3.2). Of a KEM the
   * peer's public value is the ciphertext, and one that is not for this key gives another secret (FIPS 203 §6.3)
   */
  deriveSecret(group: GroupName, privateValue: Uint8Array, peerPublicValue: Uint8Array): Uint8Array | undefined;
  /** @returns undefined for an encapsulation key of wrong length or with coefficients out of range (FIPS 203 §7.2) */
  encapsulate(group: KemName, peerPublicValue: Uint8Array): Encapsulated | undefined;
}
