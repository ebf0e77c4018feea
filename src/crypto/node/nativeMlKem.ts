/** ML-KEM by node:crypto, as raw values. FIPS 203; the DER around them is RFC 9935's. */

import * as nodeCrypto from 'node:crypto';
import type { KemName } from '../crypto.ts';
import type { Kem } from './mlKem.ts';
import { plain } from './plain.ts';

/** What newer versions of node:crypto have beyond the one whose types are used. */
interface Newer {
  generateKeyPairSync(type: string): {
    readonly publicKey: nodeCrypto.KeyObject;
    readonly privateKey: nodeCrypto.KeyObject;
  };
  encapsulate(key: nodeCrypto.KeyObject): { readonly sharedKey: Uint8Array; readonly ciphertext: Uint8Array };
  decapsulate(key: nodeCrypto.KeyObject, ciphertext: Uint8Array): Uint8Array;
}

// biome-ignore-start format: a table
const shapes: Readonly<
  Record<
    KemName,
    { readonly type: string; readonly arc: number; readonly publicBytes: number; readonly privateBytes: number }
  >
> = {
  mlkem512: { type: 'ml-kem-512', arc: 1, publicBytes: 800, privateBytes: 1632 },
  mlkem768: { type: 'ml-kem-768', arc: 2, publicBytes: 1184, privateBytes: 2400 },
  mlkem1024: { type: 'ml-kem-1024', arc: 3, publicBytes: 1568, privateBytes: 3168 },
};
// biome-ignore-end format: a table

/** Undefined where this Node.js, or the OpenSSL that it was built with, has no ML-KEM. */
export function nativeMlKem(): Readonly<Record<KemName, Kem>> | undefined {
  const newer = nodeCrypto as unknown as Newer;
  if (typeof newer.encapsulate !== 'function') return undefined;
  try {
    newer.generateKeyPairSync(shapes.mlkem512.type);
  } catch {
    return undefined;
  }
  return { mlkem512: kem(newer, 'mlkem512'), mlkem768: kem(newer, 'mlkem768'), mlkem1024: kem(newer, 'mlkem1024') };
}

function kem(newer: Newer, name: KemName): Kem {
  const { type, arc, publicBytes, privateBytes } = shapes[name];
  const algorithm = der(0x30, Buffer.from([0x06, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 4, arc]));
  return {
    generateKey() {
      const { publicKey, privateKey } = newer.generateKeyPairSync(type);
      return {
        publicValue: tail(publicKey.export({ type: 'spki', format: 'der' }), publicBytes),
        privateValue: tail(privateKey.export({ type: 'pkcs8', format: 'der' }), privateBytes),
      };
    },
    deriveSecret(privateValue, ciphertext) {
      // PrivateKeyInfo with the expanded key alone.
      const key = der(0x30, Buffer.from([2, 1, 0]), algorithm, der(4, der(4, privateValue)));
      try {
        const own = nodeCrypto.createPrivateKey({ key, format: 'der', type: 'pkcs8' });
        return plain(newer.decapsulate(own, ciphertext));
      } catch {
        return undefined;
      } finally {
        key.fill(0);
      }
    },
    encapsulate(peerPublicValue) {
      if (peerPublicValue.length !== publicBytes) return undefined;
      try {
        const key = der(0x30, algorithm, der(3, Buffer.from([0]), peerPublicValue));
        const { sharedKey, ciphertext } = newer.encapsulate(
          nodeCrypto.createPublicKey({ key, format: 'der', type: 'spki' }),
        );
        return { ciphertext: plain(ciphertext), secret: plain(sharedKey) };
      } catch {
        return undefined;
      }
    },
  };
}

/** One DER element. */
function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  const { length } = body;
  return Buffer.concat([Buffer.from(length < 0x80 ? [tag, length] : [tag, 0x82, length >> 8, length & 255]), body]);
}

const tail = (bytes: Uint8Array, length: number) => new Uint8Array(bytes.subarray(bytes.length - length));
