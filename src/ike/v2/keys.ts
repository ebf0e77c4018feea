/**
 * Key material of IKEv2, as pure functions. RFC 7296 §2.13, §2.14, §2.17, §2.18; RFC 9370 §2.2.2 and §2.2.4 (several key
 * exchanges), RFC 8784 §3 (post-quantum pre-shared keys), RFC 5723 §5.1 (resumption).
 */

import type { Crypto } from '../../crypto/index.ts';
import type { EspKeys, EspSuite } from '../../esp/suite.ts';
import { espKeyBytes, integrityTransforms } from '../../esp/transforms.ts';
import { concat, utf8 } from '../../wire/index.ts';
import type { IkeEncryption, IkeIntegrity, IkeV2Suite, PrfHash } from './proposal.ts';

/** Bodies of the nonce payloads of the exchange. */
export interface Nonces {
  readonly initiator: Uint8Array;
  readonly responder: Uint8Array;
}

/** SPIs of the IKE SA whose keys are made, 8 bytes each. */
export interface IkeSpis {
  readonly initiator: Uint8Array;
  readonly responder: Uint8Array;
}

/** What protects the messages of one direction. */
export interface DirectionKeys {
  readonly encryption: IkeEncryption;
  readonly key: Uint8Array;
  /** Before the IV in the nonce of an AEAD; else empty. RFC 5282 §4, RFC 7634 §2. */
  readonly salt: Uint8Array;
  /** Absent exactly where the cipher is AEAD. */
  readonly integrity?: { readonly name: IkeIntegrity; readonly key: Uint8Array };
  /** Messages sealed so far: an AEAD's IV is this number, so that none comes twice under one key. */
  readonly sealed: { count: number };
}

/** All secrets of an IKE SA. */
export interface IkeKeys {
  readonly prf: PrfHash;
  /** For the keys of child SAs and of the next IKE SA. */
  readonly skD: Uint8Array;
  /** For the AUTH payloads. */
  readonly skPi: Uint8Array;
  readonly skPr: Uint8Array;
  /** Protects what the original initiator sends. */
  readonly initiator: DirectionKeys;
  readonly responder: DirectionKeys;
}

/** The nonces and SPIs that enter an IKE SA's keys. */
export interface IkeSeed {
  readonly nonces: Nonces;
  readonly spis: IkeSpis;
}

/** prf(key, data). */
export const prf = (crypto: Crypto, hash: PrfHash, key: Uint8Array, ...data: readonly Uint8Array[]): Uint8Array =>
  crypto.hmac(hash, key, ...data);

/** Most that prf+ can give: its counter has one byte. */
const MOST_BLOCKS = 255;

/** prf+(key, seed) to `length` bytes. RFC 7296 §2.13. @throws RangeError for more than 255 blocks */
export function prfPlus(crypto: Crypto, hash: PrfHash, key: Uint8Array, seed: Uint8Array, length: number): Uint8Array {
  const stream = new Uint8Array(length);
  let block = new Uint8Array(0);
  for (let at = 0, i = 1; at < length; i++) {
    if (i > MOST_BLOCKS) throw new RangeError(`prf+ cannot give ${length} bytes`);
    block = new Uint8Array(prf(crypto, hash, key, block, seed, Uint8Array.of(i)));
    stream.set(block.subarray(0, length - at), at);
    at += block.length;
  }
  return stream;
}

/** SKEYSEED = prf(Ni | Nr, g^ir), and the keys of the first IKE SA. RFC 7296 §2.14. */
export function initialKeys(crypto: Crypto, suite: IkeV2Suite, seed: IkeSeed, secret: Uint8Array): IkeKeys {
  const { initiator, responder } = seed.nonces;
  return ikeKeys(crypto, suite, prf(crypto, suite.prf, concat(initiator, responder), secret), seed);
}

/**
 * The keys after a further key exchange in IKE_INTERMEDIATE: SKEYSEED = prf(SK_d, SK(n) | Ni | Nr) with the nonces of
 * IKE_SA_INIT. RFC 9370 §2.2.2.
 */
export function intermediateKeys(
  crypto: Crypto,
  suite: IkeV2Suite,
  before: Pick<IkeKeys, 'skD'>,
  seed: IkeSeed,
  secret: Uint8Array,
): IkeKeys {
  const { initiator, responder } = seed.nonces;
  return ikeKeys(crypto, suite, prf(crypto, suite.prf, before.skD, secret, initiator, responder), seed);
}

/**
 * The keys of the IKE SA that replaces another one: SKEYSEED = prf(SK_d (old), g^ir (new) | Ni | Nr | SK(1) | …) by the
 * old one's prf, the rest by the new one's. RFC 7296 §2.18, RFC 9370 §2.2.4.
 * @param seed the nonces of CREATE_CHILD_SA, the new SPIs
 * @param secrets of CREATE_CHILD_SA and then of each IKE_FOLLOWUP_KE
 */
export function rekeyedKeys(
  crypto: Crypto,
  suite: IkeV2Suite,
  old: Pick<IkeKeys, 'prf' | 'skD'>,
  seed: IkeSeed,
  secrets: readonly Uint8Array[],
): IkeKeys {
  return ikeKeys(crypto, suite, prf(crypto, old.prf, old.skD, ...withNonces(seed.nonces, secrets)), seed);
}

/** The keys of a resumed IKE SA: SKEYSEED = prf(SK_d (old), "Resumption" | Ni | Nr). RFC 5723 §5.1. */
export function resumedKeys(crypto: Crypto, suite: IkeV2Suite, skD: Uint8Array, seed: IkeSeed): IkeKeys {
  const { initiator, responder } = seed.nonces;
  return ikeKeys(crypto, suite, prf(crypto, suite.prf, skD, utf8('Resumption'), initiator, responder), seed);
}

/** Mixes a post-quantum pre-shared key into SK_d, SK_pi and SK_pr: SK = prf+(PPK, SK'). RFC 8784 §3. */
export function withPostquantumKey(crypto: Crypto, keys: IkeKeys, ppk: Uint8Array): IkeKeys {
  const mixed = (key: Uint8Array) => prfPlus(crypto, keys.prf, ppk, key, key.length);
  return { ...keys, skD: mixed(keys.skD), skPi: mixed(keys.skPi), skPr: mixed(keys.skPr) };
}

/** The keys of a pair of child SAs. */
export interface ChildKeys {
  /** For what the initiator of the exchange that made them sends. */
  readonly initiator: EspKeys;
  readonly responder: EspKeys;
}

/**
 * KEYMAT = prf+(SK_d, g^ir (new) | Ni | Nr | SK(1) | …), cut into the keys of both directions. RFC 7296 §2.17,
 * RFC 9370 §2.2.4.
 * @param nonces of the exchange that makes the child SA
 * @param secrets none in IKE_AUTH and without a key exchange
 */
export function childKeys(
  crypto: Crypto,
  keys: Pick<IkeKeys, 'prf' | 'skD'>,
  suite: EspSuite,
  nonces: Nonces,
  secrets: readonly Uint8Array[] = [],
): ChildKeys {
  const { encryption, integrity } = espKeyBytes(suite);
  const seed = concat(...withNonces(nonces, secrets));
  const take = cutter(prfPlus(crypto, keys.prf, keys.skD, seed, 2 * (encryption + integrity)));
  return {
    initiator: { encryption: take(encryption), integrity: take(integrity) },
    responder: { encryption: take(encryption), integrity: take(integrity) },
  };
}

// biome-ignore-start format: a table
/** Sent and unsent parts of a cipher's nonce, and its block. RFC 7296 §3.14, RFC 5282 §3 and §4, RFC 7634 §2. */
export const ikeCiphers: Readonly<
  Record<
    IkeEncryption,
    { readonly ivBytes: number; readonly saltBytes: number; readonly blockBytes: number; readonly aead: boolean }
  >
> = {
  'aes-cbc': { ivBytes: 16, saltBytes: 0, blockBytes: 16, aead: false },
  '3des-cbc': { ivBytes: 8, saltBytes: 0, blockBytes: 8, aead: false },
  'aes-gcm-16': { ivBytes: 8, saltBytes: 4, blockBytes: 1, aead: true },
  'chacha20-poly1305': { ivBytes: 8, saltBytes: 4, blockBytes: 1, aead: true },
};

/** The preferred key lengths: those of the hashes. RFC 7296 §2.13. */
export const prfBytes: Readonly<Record<PrfHash, number>> = { sha1: 20, sha256: 32, sha384: 48, sha512: 64 };
// biome-ignore-end format: a table

/** {SK_d | SK_ai | SK_ar | SK_ei | SK_er | SK_pi | SK_pr} = prf+(SKEYSEED, Ni | Nr | SPIi | SPIr). RFC 7296 §2.14. */
function ikeKeys(crypto: Crypto, suite: IkeV2Suite, skeyseed: Uint8Array, { nonces, spis }: IkeSeed): IkeKeys {
  const { encryption, keyBits, integrity } = suite;
  const { saltBytes } = ikeCiphers[encryption];
  const prfLength = prfBytes[suite.prf];
  const integrityLength = integrity === undefined ? 0 : integrityTransforms[integrity].keyBytes;
  const keyLength = keyBits / 8;
  const seed = concat(nonces.initiator, nonces.responder, spis.initiator, spis.responder);
  const length = 3 * prfLength + 2 * (integrityLength + keyLength + saltBytes);
  const take = cutter(prfPlus(crypto, suite.prf, skeyseed, seed, length));
  const skD = take(prfLength);
  const [skAi, skAr] = [take(integrityLength), take(integrityLength)];
  const direction = (integrityKey: Uint8Array): DirectionKeys => ({
    encryption,
    key: take(keyLength),
    salt: take(saltBytes),
    ...(integrity && { integrity: { name: integrity, key: integrityKey } }),
    sealed: { count: 0 },
  });
  const initiator = direction(skAi);
  const responder = direction(skAr);
  return { prf: suite.prf, skD, initiator, responder, skPi: take(prfLength), skPr: take(prfLength) };
}

/** g^ir (new) | Ni | Nr | SK(1) | … | SK(n) */
function withNonces({ initiator, responder }: Nonces, [first, ...others]: readonly Uint8Array[]): Uint8Array[] {
  return [...(first === undefined ? [] : [first]), initiator, responder, ...others];
}

/** Takes one piece after the other from a stream of key material. */
function cutter(stream: Uint8Array): (length: number) => Uint8Array {
  let at = 0;
  return (length) => {
    at += length;
    return stream.slice(at - length, at);
  };
}
