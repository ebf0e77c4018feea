/** Lines of Wireshark's `ikev2_decryption_table`, where the owner asked for keys. */

import { toHex } from '../../../wire/index.ts';
import type { Association } from '../association.ts';
import type { Context } from '../context.ts';
import type { DirectionKeys } from '../keys.ts';

const encryptions = {
  'aes-cbc': (bits: number) => `AES-CBC-${bits} [RFC3602]`,
  '3des-cbc': () => '3DES [RFC2451]',
  'aes-gcm-16': (bits: number) => `AES-GCM-${bits} with 16 octet ICV [RFC5282]`,
  'chacha20-poly1305': () => 'CHACHA20-POLY1305 [RFC7634]',
} as const;

const integrities: Readonly<Record<string, string>> = {
  'hmac-sha1-96': 'HMAC_SHA1_96 [RFC2404]',
  'hmac-sha2-256-128': 'HMAC_SHA2_256_128 [RFC4868]',
  'hmac-sha2-384-192': 'HMAC_SHA2_384_192 [RFC4868]',
  'hmac-sha2-512-256': 'HMAC_SHA2_512_256 [RFC4868]',
};

export function logIkeKeys({ config, emit }: Context, { keys, initiatorSpi, responderSpi }: Association): void {
  if (!config.keyLog || keys === undefined) return;
  const { initiator, responder } = keys;
  const key = ({ key: bytes, salt }: DirectionKeys) => toHex(bytes) + toHex(salt);
  const { integrity } = initiator;
  const line = [
    toHex(initiatorSpi),
    toHex(responderSpi),
    key(initiator),
    key(responder),
    `"${encryptions[initiator.encryption](initiator.key.length * 8)}"`,
    integrity === undefined ? '' : toHex(integrity.key),
    responder.integrity === undefined ? '' : toHex(responder.integrity.key),
    `"${integrity === undefined ? 'NONE [RFC4306]' : integrities[integrity.name]}"`,
  ].join(',');
  emit({ type: 'keyLog', table: 'ikev2_decryption_table', line });
}
