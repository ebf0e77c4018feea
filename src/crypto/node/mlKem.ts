/** ML-KEM for IKEv2: by OpenSSL where the Node.js that runs has it (24.7 and later), else in JavaScript. FIPS 203, RFC 9370. */

import { createRequire } from 'node:module';
import type { Encapsulated, KemName, KeyPair } from '../crypto.ts';
import { nativeMlKem } from './nativeMlKem.ts';

/** Private values are decapsulation keys as FIPS 203 §7.1 has them, whoever made them. */
export interface Kem {
  generateKey(): KeyPair;
  deriveSecret(privateValue: Uint8Array, ciphertext: Uint8Array): Uint8Array | undefined;
  encapsulate(peerPublicValue: Uint8Array): Encapsulated | undefined;
}

type Library = typeof import('@noble/post-quantum/ml-kem.js');
type ScriptKem = Library['ml_kem768'];

const native = nativeMlKem();

/** Loaded when first needed: most processes never need it, and it takes longer than all of node:crypto. */
let library: Library | undefined;

export function mlKem(name: KemName): Kem {
  if (native !== undefined) return native[name];
  library ??= createRequire(import.meta.url)('@noble/post-quantum/ml-kem.js') as Library;
  const { ml_kem512, ml_kem768, ml_kem1024 } = library;
  return scriptMlKem({ mlkem512: ml_kem512, mlkem768: ml_kem768, mlkem1024: ml_kem1024 }[name]);
}

/** What the library refuses comes back as undefined. */
function scriptMlKem(kem: ScriptKem): Kem {
  return {
    generateKey() {
      const { publicKey, secretKey } = kem.keygen();
      return { publicValue: publicKey, privateValue: secretKey };
    },
    deriveSecret(privateValue, ciphertext) {
      try {
        return kem.decapsulate(ciphertext, privateValue);
      } catch {
        return undefined;
      }
    },
    encapsulate(peerPublicValue) {
      try {
        const { cipherText, sharedSecret } = kem.encapsulate(peerPublicValue);
        return { ciphertext: cipherText, secret: sharedSecret };
      } catch {
        return undefined;
      }
    },
  };
}
