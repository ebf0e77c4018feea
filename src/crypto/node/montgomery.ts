/** Curve25519 and Curve448 by node:crypto, as raw values. RFC 7748, RFC 8031; the DER around them is RFC 8410's. */

import { createPrivateKey, createPublicKey, diffieHellman, generateKeyPairSync } from 'node:crypto';
import type { KeyPair } from '../crypto.ts';
import { plain } from './plain.ts';

/** What stands before the raw keys in SubjectPublicKeyInfo and PrivateKeyInfo. RFC 8410 §4 and §7. */
const shapes = {
  x25519: {
    bytes: 32,
    publicPrefix: Buffer.from('302a300506032b656e032100', 'hex'),
    privatePrefix: Buffer.from('302e020100300506032b656e04220420', 'hex'),
  },
  x448: {
    bytes: 56,
    publicPrefix: Buffer.from('3042300506032b656f033900', 'hex'),
    privatePrefix: Buffer.from('3046020100300506032b656f043a0438', 'hex'),
  },
} as const;

export function montgomery(curve: keyof typeof shapes) {
  const { bytes, publicPrefix, privatePrefix } = shapes[curve];
  return {
    generateKey(): KeyPair {
      const { publicKey, privateKey } =
        curve === 'x25519' ? generateKeyPairSync('x25519') : generateKeyPairSync('x448');
      return {
        publicValue: tail(publicKey.export({ type: 'spki', format: 'der' }), bytes),
        privateValue: tail(privateKey.export({ type: 'pkcs8', format: 'der' }), bytes),
      };
    },
    deriveSecret(privateValue: Uint8Array, peerPublicValue: Uint8Array): Uint8Array | undefined {
      if (peerPublicValue.length !== bytes) return undefined;
      const own = Buffer.concat([privatePrefix, privateValue]);
      try {
        const privateKey = createPrivateKey({ key: own, format: 'der', type: 'pkcs8' });
        const peer = Buffer.concat([publicPrefix, peerPublicValue]);
        const publicKey = createPublicKey({ key: peer, format: 'der', type: 'spki' });
        return plain(diffieHellman({ privateKey, publicKey }));
      } catch {
        // OpenSSL refuses what would give an all-zero secret: points of small order.
        return undefined;
      } finally {
        own.fill(0);
      }
    },
  };
}

const tail = (der: Uint8Array, bytes: number) => new Uint8Array(der.subarray(der.length - bytes));
