/** Signing and verifying by every scheme of the IKE cores. RFC 2409 §5.1, RFC 4754 §7, RFC 7427, RFC 8017 §9, RFC 8420. */

import { constants, type KeyObject, privateEncrypt, publicDecrypt, sign, verify } from 'node:crypto';
import type { Credential, SignatureScheme } from '../../ike/signature.ts';
import { concat, sameBytes } from '../../wire/index.ts';
import { keyTypeOf } from './certificate.ts';
import { signDigest, verifyDigest } from './digestSignature.ts';

/** How a scheme signs: with which keys, and what OpenSSL is told. */
type Scheme =
  | { readonly kind: 'pkcs1-bare' }
  | { readonly kind: 'ecdsa-bare' }
  | { readonly kind: 'rsa'; readonly hash: string; readonly padding: number }
  | { readonly kind: 'ecdsa'; readonly hash: string; readonly encoding: 'der' | 'ieee-p1363' }
  | { readonly kind: 'eddsa'; readonly key: 'ed25519' | 'ed448' };

const pkcs1 = (hash: string): Scheme => ({ kind: 'rsa', hash, padding: constants.RSA_PKCS1_PADDING });
const pss = (hash: string): Scheme => ({ kind: 'rsa', hash, padding: constants.RSA_PKCS1_PSS_PADDING });
const ecdsa = (hash: string, encoding: 'der' | 'ieee-p1363'): Scheme => ({ kind: 'ecdsa', hash, encoding });

const SCHEMES: Readonly<Record<SignatureScheme, Scheme>> = {
  'rsa-ikev1': { kind: 'pkcs1-bare' },
  'ecdsa-ikev1': { kind: 'ecdsa-bare' },
  'rsa-pkcs1-sha1': pkcs1('sha1'),
  'rsa-pkcs1-sha256': pkcs1('sha256'),
  'rsa-pkcs1-sha384': pkcs1('sha384'),
  'rsa-pkcs1-sha512': pkcs1('sha512'),
  'rsa-pss-sha256': pss('sha256'),
  'rsa-pss-sha384': pss('sha384'),
  'rsa-pss-sha512': pss('sha512'),
  'ecdsa-sha256-raw': ecdsa('sha256', 'ieee-p1363'),
  'ecdsa-sha384-raw': ecdsa('sha384', 'ieee-p1363'),
  'ecdsa-sha512-raw': ecdsa('sha512', 'ieee-p1363'),
  'ecdsa-sha256': ecdsa('sha256', 'der'),
  'ecdsa-sha384': ecdsa('sha384', 'der'),
  'ecdsa-sha512': ecdsa('sha512', 'der'),
  ed25519: { kind: 'eddsa', key: 'ed25519' },
  ed448: { kind: 'eddsa', key: 'ed448' },
};

/** The curve that a raw signature is tied to. RFC 4754 §4. */
const RAW_CURVES: Readonly<Partial<Record<SignatureScheme, Credential['key']>>> = {
  'ecdsa-sha256-raw': 'ecdsa-p256',
  'ecdsa-sha384-raw': 'ecdsa-p384',
  'ecdsa-sha512-raw': 'ecdsa-p521',
};

/** Whether a key can sign so. */
export function fits(key: KeyObject, scheme: SignatureScheme): boolean {
  const { kind } = SCHEMES[scheme];
  const type = keyTypeOf(key);
  if (kind === 'rsa' || kind === 'pkcs1-bare') return type === 'rsa';
  if (kind === 'eddsa') return type === SCHEMES[scheme].key;
  const curve = RAW_CURVES[scheme];
  return curve === undefined ? type?.startsWith('ecdsa-') === true : type === curve;
}

/** @throws Error for a key that does not fit the scheme */
export function signOctets(key: KeyObject, scheme: SignatureScheme, octets: Uint8Array): Uint8Array {
  if (!fits(key, scheme)) throw new Error(`a key of type ${key.asymmetricKeyType} cannot sign by ${scheme}`);
  const how = SCHEMES[scheme];
  switch (how.kind) {
    case 'pkcs1-bare':
      return privateEncrypt({ key, padding: constants.RSA_PKCS1_PADDING }, octets);
    case 'ecdsa-bare':
      return signDigest(key, octets);
    case 'rsa':
      return sign(how.hash, octets, { key, padding: how.padding, ...saltOf(how.padding) });
    case 'ecdsa':
      return sign(how.hash, octets, { key, dsaEncoding: how.encoding });
    case 'eddsa':
      return sign(null, octets, key);
  }
}

/** Whether the key's owner signed the octets. Never throws for what the signature is. */
export function verifyOctets(
  key: KeyObject,
  scheme: SignatureScheme,
  octets: Uint8Array,
  signature: Uint8Array,
): boolean {
  if (!fits(key, scheme) || signature.length === 0 || signature.length > MAX_SIGNATURE_BYTES) return false;
  const how = SCHEMES[scheme];
  try {
    switch (how.kind) {
      case 'pkcs1-bare':
        return verifyBare(key, octets, signature);
      case 'ecdsa-bare':
        return verifyDigest(key, octets, signature);
      case 'rsa':
        return verify(how.hash, octets, { key, padding: how.padding, ...saltOf(how.padding) }, signature);
      case 'ecdsa':
        return verify(how.hash, octets, { key, dsaEncoding: how.encoding }, signature);
      case 'eddsa':
        return verify(null, octets, key, signature);
    }
  } catch {
    // OpenSSL throws for numbers out of range, which is no more than a wrong signature.
    return false;
  }
}

/** RSA of 16,384 bits. */
const MAX_SIGNATURE_BYTES = 2048;
/** RFC 8017 §9.2: at least eight bytes of padding, and three around them. */
const LEAST_OVERHEAD = 11;

const saltOf = (padding: number) =>
  padding === constants.RSA_PKCS1_PSS_PADDING ? { saltLength: constants.RSA_PSS_SALTLEN_DIGEST } : {};

/** Compares the whole block with the one that must have been signed, so that no lenient reading of padding matters. */
function verifyBare(key: KeyObject, hash: Uint8Array, signature: Uint8Array): boolean {
  const length = Math.ceil((key.asymmetricKeyDetails?.modulusLength ?? 0) / 8);
  if (signature.length !== length || hash.length + LEAST_OVERHEAD > length) return false;
  const padding = new Uint8Array(length - hash.length - 3).fill(0xff);
  const expected = concat(Uint8Array.of(0, 1), padding, Uint8Array.of(0), hash);
  return sameBytes(publicDecrypt({ key, padding: constants.RSA_NO_PADDING }, signature), expected);
}
