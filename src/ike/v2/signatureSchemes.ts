/**
 * Signatures in AUTH payloads: which scheme stands for which method and AlgorithmIdentifier, and which one is chosen.
 * RFC 7296 §3.8, RFC 4754 §5, RFC 7427 §3, §4 and Appendix A, RFC 8420.
 */

import { concat, fromHex, Malformed, Reader, sameBytes } from '../../wire/index.ts';
import type { Credential, SignatureScheme } from '../signature.ts';
import { AuthMethod, type AuthPayload, HashAlgorithm } from './payloads/index.ts';

/** Hash algorithms that we verify, for SIGNATURE_HASH_ALGORITHMS: 2 bytes each. RFC 7427 §4. */
export const SUPPORTED_HASHES: readonly number[] = [
  HashAlgorithm.SHA2_256,
  HashAlgorithm.SHA2_384,
  HashAlgorithm.SHA2_512,
  HashAlgorithm.IDENTITY,
];

export const hashAlgorithmsData = (hashes: readonly number[] = SUPPORTED_HASHES): Uint8Array =>
  Uint8Array.from(hashes.flatMap((hash) => [hash >>> 8, hash & 255]));

/** Data of SIGNATURE_HASH_ALGORITHMS; an odd byte at its end is not looked at. */
export const readHashAlgorithms = (data: Uint8Array): readonly number[] =>
  Array.from({ length: data.length >> 1 }, (_, i) => data[2 * i]! * 256 + data[2 * i + 1]!);

/**
 * How a credential of ours signs for this peer.
 * @param peerHashes what its SIGNATURE_HASH_ALGORITHMS lists; undefined where it sent none
 * @returns undefined where the peer can verify nothing that the key makes
 */
export function chooseScheme(
  key: Credential['key'],
  peerHashes: readonly number[] | undefined,
): SignatureScheme | undefined {
  return signingPreference[key].find((scheme) => {
    const row = rowOf(scheme)!;
    if (row.method !== AuthMethod.DIGITAL_SIGNATURE) return true;
    return peerHashes?.includes(row.hash) === true;
  });
}

/** The AUTH payload of a signature. @throws RangeError for a scheme that is not IKEv2's */
export function signatureAuthPayload(scheme: SignatureScheme, signature: Uint8Array): AuthPayload {
  const row = rowOf(scheme);
  if (row === undefined) throw new RangeError(`${scheme} is not a scheme of IKEv2`);
  const { method, algorithm } = row;
  const data = algorithm === undefined ? signature : concat(Uint8Array.of(algorithm.length), algorithm, signature);
  return { kind: 'AUTH', method, data };
}

export interface ReadSignature {
  readonly scheme: SignatureScheme;
  readonly signature: Uint8Array;
}

/**
 * The scheme and signature of an AUTH payload.
 * @returns undefined for a method or algorithm that is not ours, among them SHA-1 in RFC 7427 form
 * @throws Malformed where an AlgorithmIdentifier is longer than the payload
 */
export function readSignature({ method, data }: AuthPayload): ReadSignature | undefined {
  if (method !== AuthMethod.DIGITAL_SIGNATURE) {
    const row = schemes.find((candidate) => candidate.method === method);
    return row && { scheme: row.scheme, signature: data };
  }
  const from = new Reader(data, 'AUTH payload');
  const length = from.u8();
  if (length === 0) throw new Malformed('AUTH payload without an AlgorithmIdentifier');
  const identifier = from.bytes(length);
  const row = schemes.find((candidate) => candidate.alternatives?.some((known) => sameBytes(known, identifier)));
  return row && { scheme: row.scheme, signature: from.rest() };
}

interface Row {
  readonly scheme: SignatureScheme;
  readonly method: number;
  readonly hash: number;
  /** AlgorithmIdentifier, DER, as it is sent; absent with the methods of their own. */
  readonly algorithm?: Uint8Array;
  /** All forms that are taken: parameters NULL or absent. */
  readonly alternatives?: readonly Uint8Array[];
}

const digital = (scheme: SignatureScheme, hash: number, ...forms: readonly string[]): Row => {
  const alternatives = forms.map(fromHex);
  return { scheme, method: AuthMethod.DIGITAL_SIGNATURE, hash, algorithm: alternatives[0]!, alternatives };
};

/** RSASSA-PSS-params with the hash, MGF1 of the same hash, and a salt of the hash's length. RFC 7427 §A.4. */
function pss(hashOid: string, saltLength: string): readonly string[] {
  const form = (hash: string) => {
    const mgf = sequence(`06092a864886f70d010108${hash}`);
    const params = sequence(tagged('a0', hash) + tagged('a1', mgf) + tagged('a2', `0201${saltLength}`));
    return sequence(`06092a864886f70d01010a${params}`);
  };
  return [form(sequence(`${hashOid}0500`)), form(sequence(hashOid))];
}

const tagged = (tag: string, body: string) => tag + (body.length / 2).toString(16).padStart(2, '0') + body;
const sequence = (body: string) => tagged('30', body);

const SHA256_OID = '0609608648016503040201';
const SHA384_OID = '0609608648016503040202';
const SHA512_OID = '0609608648016503040203';
const { SHA2_256, SHA2_384, SHA2_512, IDENTITY } = HashAlgorithm;

/** RFC 7427 Appendix A; OIDs of RFC 4055, RFC 5758, RFC 8410. */
const schemes: readonly Row[] = [
  { scheme: 'rsa-pkcs1-sha1', method: AuthMethod.RSA_SIGNATURE, hash: HashAlgorithm.SHA1 },
  { scheme: 'ecdsa-sha256-raw', method: AuthMethod.ECDSA_256, hash: SHA2_256 },
  { scheme: 'ecdsa-sha384-raw', method: AuthMethod.ECDSA_384, hash: SHA2_384 },
  { scheme: 'ecdsa-sha512-raw', method: AuthMethod.ECDSA_521, hash: SHA2_512 },
  digital('rsa-pkcs1-sha256', SHA2_256, '300d06092a864886f70d01010b0500', '300b06092a864886f70d01010b'),
  digital('rsa-pkcs1-sha384', SHA2_384, '300d06092a864886f70d01010c0500', '300b06092a864886f70d01010c'),
  digital('rsa-pkcs1-sha512', SHA2_512, '300d06092a864886f70d01010d0500', '300b06092a864886f70d01010d'),
  digital('rsa-pss-sha256', SHA2_256, ...pss(SHA256_OID, '20')),
  digital('rsa-pss-sha384', SHA2_384, ...pss(SHA384_OID, '30')),
  digital('rsa-pss-sha512', SHA2_512, ...pss(SHA512_OID, '40')),
  digital('ecdsa-sha256', SHA2_256, '300a06082a8648ce3d040302', '300c06082a8648ce3d0403020500'),
  digital('ecdsa-sha384', SHA2_384, '300a06082a8648ce3d040303', '300c06082a8648ce3d0403030500'),
  digital('ecdsa-sha512', SHA2_512, '300a06082a8648ce3d040304', '300c06082a8648ce3d0403040500'),
  digital('ed25519', IDENTITY, '300506032b6570'),
  digital('ed448', IDENTITY, '300506032b6571'),
];

const rowOf = (scheme: SignatureScheme) => schemes.find((row) => row.scheme === scheme);

/** RSA in RFC 7427 form is PSS first, as RFC 8247 §3 wants it; the methods of their own need no announcement. */
const signingPreference: Readonly<Record<Credential['key'], readonly SignatureScheme[]>> = {
  rsa: [
    ...(['rsa-pss-sha256', 'rsa-pss-sha384', 'rsa-pss-sha512'] as const),
    ...(['rsa-pkcs1-sha256', 'rsa-pkcs1-sha384', 'rsa-pkcs1-sha512', 'rsa-pkcs1-sha1'] as const),
  ],
  'ecdsa-p256': ['ecdsa-sha256', 'ecdsa-sha256-raw'],
  'ecdsa-p384': ['ecdsa-sha384', 'ecdsa-sha384-raw'],
  'ecdsa-p521': ['ecdsa-sha512', 'ecdsa-sha512-raw'],
  ed25519: ['ed25519'],
  ed448: ['ed448'],
};
