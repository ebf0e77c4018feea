/**
 * Key exchange by node:crypto: MODP groups of RFC 2409 §6.2 and RFC 3526, ECP groups of RFC 5903, Curve25519 and
 * Curve448 of RFC 8031, ML-KEM of FIPS 203. What a peer sends is checked before it is used (RFC 6989 §2).
 */

import { createDiffieHellman, createDiffieHellmanGroup, createECDH, type DiffieHellman } from 'node:crypto';
import type { GroupName, KemName, KeyExchange, KeyPair } from '../crypto.ts';
import { isKem } from '../groups.ts';
import { mlKem } from './mlKem.ts';
import { montgomery } from './montgomery.ts';
import { plain } from './plain.ts';

export const nodeKeyExchange: KeyExchange = {
  generateKey(group) {
    return methodOf(group).generateKey();
  },
  deriveSecret(group, privateValue, peerPublicValue) {
    const secret = methodOf(group).deriveSecret(privateValue, peerPublicValue);
    return secret?.some((byte) => byte !== 0) ? secret : undefined;
  },
  encapsulate(group, peerPublicValue) {
    return mlKem(group).encapsulate(peerPublicValue);
  },
};

export interface Group {
  generateKey(): KeyPair;
  deriveSecret(privateValue: Uint8Array, peerPublicValue: Uint8Array): Uint8Array | undefined;
}

const methodOf = (group: GroupName): Group => (isKem(group) ? mlKem(group) : groups[group]);

const groups: Readonly<Record<Exclude<GroupName, KemName>, Group>> = {
  modp1024: modp('modp2'),
  modp1536: modp('modp5'),
  modp2048: modp('modp14'),
  modp3072: modp('modp15'),
  modp4096: modp('modp16'),
  ecp256: ecp('prime256v1', 32),
  ecp384: ecp('secp384r1', 48),
  ecp521: ecp('secp521r1', 66),
  curve25519: montgomery('x25519'),
  curve448: montgomery('x448'),
};

/** The prime as it is sent, and the generator, of a group by OpenSSL's name. */
export function modpParameters(name: string): { readonly prime: Uint8Array; readonly generator: Uint8Array } {
  const group = createDiffieHellmanGroup(name);
  return { prime: plain(group.getPrime()), generator: plain(Buffer.from(group.getGenerator())) };
}

function modp(name: string): Group {
  let parameters: ReturnType<typeof modpParameters> | undefined;
  const known = () => {
    parameters ??= modpParameters(name);
    return parameters;
  };
  // A group by name takes no private value, and one by its prime is checked for primality, at a cost: made once.
  let settable: DiffieHellman | undefined;
  return {
    generateKey() {
      const { prime } = known();
      const own = createDiffieHellmanGroup(name);
      const publicValue = padTo(prime.length, own.generateKeys());
      return { publicValue, privateValue: plain(own.getPrivateKey()) };
    },
    deriveSecret(privateValue, peerPublicValue) {
      const { prime, generator } = known();
      if (!isBetweenOneAndMinusOne(peerPublicValue, prime)) return undefined;
      settable ??= createDiffieHellman(Buffer.from(prime), Buffer.from(generator));
      settable.setPrivateKey(privateValue);
      try {
        return padTo(prime.length, settable.computeSecret(peerPublicValue));
      } catch {
        return undefined;
      } finally {
        settable.setPrivateKey(Uint8Array.of(1));
      }
    },
  };
}

const UNCOMPRESSED_POINT = 4;

function ecp(curve: string, fieldBytes: number): Group {
  return {
    generateKey() {
      const own = createECDH(curve);
      const point = own.generateKeys();
      return { publicValue: plain(point.subarray(1)), privateValue: padTo(fieldBytes, own.getPrivateKey()) };
    },
    deriveSecret(privateValue, peerPublicValue) {
      if (peerPublicValue.length !== 2 * fieldBytes) return undefined;
      const point = new Uint8Array(1 + peerPublicValue.length);
      point[0] = UNCOMPRESSED_POINT;
      point.set(peerPublicValue, 1);
      const own = createECDH(curve);
      own.setPrivateKey(privateValue);
      try {
        return padTo(fieldBytes, own.computeSecret(point));
      } catch {
        return undefined;
      }
    },
  };
}

/** 1 < value < prime - 1, for a value as long as the prime. */
export function isBetweenOneAndMinusOne(value: Uint8Array, prime: Uint8Array): boolean {
  if (value.length !== prime.length) return false;
  const last = value.length - 1;
  const high = value.subarray(0, last);
  if (high.every((byte) => byte === 0) && value[last]! <= 1) return false;
  // The prime is odd: prime - 1 differs from it in the last byte alone.
  const order = Buffer.compare(high, prime.subarray(0, last));
  return order < 0 || (order === 0 && value[last]! < prime[last]! - 1);
}

/** Leading zeros in front, which OpenSSL leaves off. RFC 2409 §5 and RFC 5903 §7 want them. */
function padTo(length: number, value: Uint8Array): Uint8Array {
  const padded = new Uint8Array(length);
  padded.set(value, length - value.length);
  return padded;
}
