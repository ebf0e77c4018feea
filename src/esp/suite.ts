/** What protects the packets of one security association, in the field's names. */

export type EspEncryption = 'aes-cbc' | 'aes-gcm-16' | 'chacha20-poly1305' | '3des-cbc';
export type EspIntegrity =
  | 'hmac-md5-96'
  | 'hmac-sha1-96'
  | 'hmac-sha2-256-128'
  | 'hmac-sha2-384-192'
  | 'hmac-sha2-512-256';

/** A negotiated ESP transform. `integrity` is absent exactly where the cipher is AEAD. */
export interface EspSuite {
  readonly encryption: EspEncryption;
  /** Bits of the cipher's key, without the salt: 128, 192, 256; 192 for 3DES, 256 for ChaCha20. */
  readonly keyBits: number;
  readonly integrity?: EspIntegrity;
}

/** Keys of one direction. For an AEAD `encryption` is the key and the 4-byte salt behind it (RFC 4106 §8.1, RFC 7634 §2). */
export interface EspKeys {
  readonly encryption: Uint8Array;
  /** Empty for AEAD. */
  readonly integrity: Uint8Array;
}
