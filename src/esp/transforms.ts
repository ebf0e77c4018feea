/**
 * What each ESP transform adds to a packet and wants as keys.
 * RFC 3602 (AES-CBC), 4106 (AES-GCM), 7634 (ChaCha20-Poly1305), 2451 (3DES), 2403 (MD5), 2404 (SHA-1), 4868 (SHA-2).
 */

import type { HashName } from '../crypto/index.ts';
import type { EspEncryption, EspIntegrity, EspKeys, EspSuite } from './suite.ts';

/** SPI and sequence number. RFC 4303 §2. */
export const ESP_HEADER_BYTES = 8;
/** Pad length and next header. */
export const ESP_TRAILER_BYTES = 2;
/** The ciphertext ends on a multiple of this, whatever the cipher's block is. RFC 4303 §2.4. */
const ALIGNMENT_BYTES = 4;

/** IP protocol numbers that stand in an ESP trailer here. */
export const NextHeader = {
  ipv4: 4,
  udp: 17,
  ipv6: 41,
  /** A dummy packet, to be discarded without a word. RFC 4303 §2.6. */
  none: 59,
} as const;

interface EncryptionTransform {
  readonly keyBits: readonly number[];
  /** Behind the key in the keying material, never sent. */
  readonly saltBytes: number;
  /** Sent with every packet. */
  readonly ivBytes: number;
  readonly blockBytes: number;
  /** The ICV of an AEAD; 0 where an integrity transform makes it. */
  readonly icvBytes: number;
}

// biome-ignore-start format: a table
export const encryptionTransforms: Readonly<Record<EspEncryption, EncryptionTransform>> = {
  'aes-cbc': { keyBits: [128, 192, 256], saltBytes: 0, ivBytes: 16, blockBytes: 16, icvBytes: 0 },
  'aes-gcm-16': { keyBits: [128, 192, 256], saltBytes: 4, ivBytes: 8, blockBytes: 1, icvBytes: 16 },
  'chacha20-poly1305': { keyBits: [256], saltBytes: 4, ivBytes: 8, blockBytes: 1, icvBytes: 16 },
  '3des-cbc': { keyBits: [192], saltBytes: 0, ivBytes: 8, blockBytes: 8, icvBytes: 0 },
};

interface IntegrityTransform {
  readonly hash: HashName;
  readonly keyBytes: number;
  readonly icvBytes: number;
  readonly hashBytes: number;
}

export const integrityTransforms: Readonly<Record<EspIntegrity, IntegrityTransform>> = {
  'hmac-md5-96': { hash: 'md5', keyBytes: 16, icvBytes: 12, hashBytes: 16 },
  'hmac-sha1-96': { hash: 'sha1', keyBytes: 20, icvBytes: 12, hashBytes: 20 },
  'hmac-sha2-256-128': { hash: 'sha256', keyBytes: 32, icvBytes: 16, hashBytes: 32 },
  'hmac-sha2-384-192': { hash: 'sha384', keyBytes: 48, icvBytes: 24, hashBytes: 48 },
  'hmac-sha2-512-256': { hash: 'sha512', keyBytes: 64, icvBytes: 32, hashBytes: 64 },
};
// biome-ignore-end format: a table

/** The lengths that a suite gives a packet, in bytes. */
export interface EspGeometry {
  /** Header and IV: where the ciphertext begins. */
  readonly prefixBytes: number;
  readonly ivBytes: number;
  /** The ciphertext is a multiple of this. */
  readonly alignment: number;
  readonly icvBytes: number;
}

/** The least ICV that an override may ask for: 96 bits. */
const SMALLEST_ICV_BYTES = 12;

/**
 * @param icvBytes another ICV length than the suite's, for peers that truncate HMAC-SHA2-256 to 96 bits (12 bytes)
 *   as an early draft did; not for AEAD
 * @throws RangeError for a suite that does not exist or an ICV length that the hash cannot give
 */
export function espGeometry(suite: EspSuite, icvBytes?: number): EspGeometry {
  const encryption = encryptionTransforms[suite.encryption];
  const integrity = integrityOf(suite);
  if (!encryption.keyBits.includes(suite.keyBits)) {
    throw new RangeError(`${suite.encryption} has no key of ${suite.keyBits} bits`);
  }
  const chosen = icvBytes ?? (integrity ?? encryption).icvBytes;
  if (chosen < SMALLEST_ICV_BYTES || chosen > (integrity?.hashBytes ?? encryption.icvBytes)) {
    throw new RangeError(`${suiteName(suite)} gives no ICV of ${chosen} bytes`);
  }
  if (integrity === undefined && chosen !== encryption.icvBytes) {
    throw new RangeError(`the ICV of ${suiteName(suite)} cannot be shortened`);
  }
  return geometryOf(encryption, chosen);
}

/** Those that were asked for, each once: all SAs of a suite have the same. */
const geometries: EspGeometry[] = [];

function geometryOf({ ivBytes, blockBytes }: EncryptionTransform, icvBytes: number): EspGeometry {
  const prefixBytes = ESP_HEADER_BYTES + ivBytes;
  const alignment = Math.max(ALIGNMENT_BYTES, blockBytes);
  const known = geometries.find(
    (each) => each.ivBytes === ivBytes && each.alignment === alignment && each.icvBytes === icvBytes,
  );
  if (known !== undefined) return known;
  const geometry = { prefixBytes, ivBytes, alignment, icvBytes };
  geometries.push(geometry);
  return geometry;
}

export interface EspKeyBytes {
  /** Key and salt. */
  readonly encryption: number;
  readonly integrity: number;
}

/** How much keying material one direction takes, encryption first (RFC 4303 §3.3 leaves the order to IKE). */
export function espKeyBytes(suite: EspSuite): EspKeyBytes {
  return {
    encryption: suite.keyBits / 8 + encryptionTransforms[suite.encryption].saltBytes,
    integrity: integrityOf(suite)?.keyBytes ?? 0,
  };
}

/** @throws RangeError when the keys have not the suite's lengths */
export function mustFit(suite: EspSuite, keys: EspKeys): void {
  const wanted = espKeyBytes(suite);
  if (keys.encryption.length !== wanted.encryption || keys.integrity.length !== wanted.integrity) {
    throw new RangeError(
      `${suiteName(suite)} takes keys of ${wanted.encryption} and ${wanted.integrity} bytes, ` +
        `given ${keys.encryption.length} and ${keys.integrity.length}`,
    );
  }
}

/** E.g. `aes-cbc-256/hmac-sha1-96`, `aes-gcm-16-128`, `3des-cbc/hmac-md5-96`. */
export function suiteName(suite: EspSuite): string {
  const oneKeyLength = encryptionTransforms[suite.encryption].keyBits.length === 1;
  const encryption = oneKeyLength ? suite.encryption : `${suite.encryption}-${suite.keyBits}`;
  return suite.integrity === undefined ? encryption : `${encryption}/${suite.integrity}`;
}

/** @throws RangeError where a suite has no integrity at all, or two */
function integrityOf(suite: EspSuite): IntegrityTransform | undefined {
  const isAead = encryptionTransforms[suite.encryption].icvBytes > 0;
  if (isAead !== (suite.integrity === undefined)) {
    throw new RangeError(`${suiteName(suite)} is not a suite: one integrity is needed and one alone`);
  }
  return suite.integrity === undefined ? undefined : integrityTransforms[suite.integrity];
}
