/** Lines of Wireshark's `esp_sa` table, by which it decrypts a capture of our own SAs. They hold keys. */

import { toHex } from '../wire/index.ts';
import type { EspEncryption, EspIntegrity, EspKeys, EspSuite } from './suite.ts';

/** One direction of a pair of SAs. */
export interface EspSaLine {
  /** Outer addresses as the capture shows them. */
  readonly source: string;
  readonly destination: string;
  readonly spi: number;
  readonly suite: EspSuite;
  readonly keys: EspKeys;
  /** See `espGeometry`. */
  readonly icvBytes?: number;
}

/** One line, without its end, for the file `esp_sa` of a Wireshark profile or `-o 'uat:esp_sa:…'`. */
export function espSaLine(sa: EspSaLine): string {
  const { suite, keys } = sa;
  return [
    sa.source.includes(':') ? 'IPv6' : 'IPv4',
    sa.source,
    sa.destination,
    `0x${sa.spi.toString(16).padStart(8, '0')}`,
    encryptionNames[suite.encryption],
    hex(keys.encryption),
    suite.integrity === undefined ? 'NULL' : integrityName(suite.integrity, sa.icvBytes),
    hex(keys.integrity),
  ]
    .map((field) => `"${field}"`)
    .join(',');
}

const encryptionNames: Readonly<Record<EspEncryption, string>> = {
  'aes-cbc': 'AES-CBC [RFC3602]',
  'aes-gcm-16': 'AES-GCM with 16 octet ICV [RFC4106]',
  'chacha20-poly1305': 'ChaCha20 with Poly1305 [RFC7634]',
  '3des-cbc': 'TripleDES-CBC [RFC2451]',
};

const integrityNames: Readonly<Record<EspIntegrity, string>> = {
  'hmac-md5-96': 'HMAC-MD5-96 [RFC2403]',
  'hmac-sha1-96': 'HMAC-SHA-1-96 [RFC2404]',
  'hmac-sha2-256-128': 'HMAC-SHA-256-128 [RFC4868]',
  'hmac-sha2-384-192': 'HMAC-SHA-384-192 [RFC4868]',
  'hmac-sha2-512-256': 'HMAC-SHA-512-256 [RFC4868]',
};

const TRUNCATED_SHA256 = 'HMAC-SHA-256-96 [draft-ietf-ipsec-ciph-sha-256-00]';

function integrityName(integrity: EspIntegrity, icvBytes: number | undefined): string {
  return integrity === 'hmac-sha2-256-128' && icvBytes === 12 ? TRUNCATED_SHA256 : integrityNames[integrity];
}

function hex(key: Uint8Array): string {
  return key.length === 0 ? '' : `0x${toHex(key)}`;
}
