/** ML-KEM for IKEv2, in JavaScript: the OpenSSL of the Node.js versions in use has none. FIPS 203, RFC 9370. */

import { ml_kem512, ml_kem768, ml_kem1024 } from '@noble/post-quantum/ml-kem.js';
import type { Encapsulated, KemName, KeyPair } from '../crypto.ts';

const kems = { mlkem512: ml_kem512, mlkem768: ml_kem768, mlkem1024: ml_kem1024 } as const;

export function mlKem(name: KemName) {
  const kem = kems[name];
  return {
    generateKey(): KeyPair {
      const { publicKey, secretKey } = kem.keygen();
      return { publicValue: publicKey, privateValue: secretKey };
    },
    deriveSecret(privateValue: Uint8Array, ciphertext: Uint8Array): Uint8Array | undefined {
      try {
        return kem.decapsulate(ciphertext, privateValue);
      } catch {
        return undefined;
      }
    },
    encapsulate(peerPublicValue: Uint8Array): Encapsulated | undefined {
      try {
        const { cipherText, sharedSecret } = kem.encapsulate(peerPublicValue);
        return { ciphertext: cipherText, secret: sharedSecret };
      } catch {
        return undefined;
      }
    },
  };
}
