/** Key material and authenticators of IKEv1, as pure functions. RFC 2409 §5, §5.5 and Appendix B. */

import type { CbcName, Crypto, HashName } from '../../crypto/index.ts';
import type { EspKeys, EspSuite } from '../../esp/suite.ts';
import { concat } from '../../wire/index.ts';

export interface Cookies {
  readonly initiator: Uint8Array;
  readonly responder: Uint8Array;
}

/** Bodies of the nonce payloads. */
export interface Nonces {
  readonly initiator: Uint8Array;
  readonly responder: Uint8Array;
}

/** The cipher of an IKE SA with its key. */
export interface IkeCipher {
  readonly name: CbcName;
  readonly key: Uint8Array;
  readonly blockBytes: number;
}

/** All secrets of an IKE SA. The PRF is HMAC of the negotiated hash. */
export interface Phase1Keys {
  readonly hash: HashName;
  readonly skeyid: Uint8Array;
  /** For the keys of child SAs. */
  readonly skeyidD: Uint8Array;
  /** Authenticates phase 2 and informational messages. */
  readonly skeyidA: Uint8Array;
  readonly skeyidE: Uint8Array;
  readonly cipher: IkeCipher;
  /** IV of the first encrypted message of phase 1. */
  readonly phase1Iv: Uint8Array;
}

export const IKE_BLOCK_BYTES: Readonly<Record<CbcName, number>> = { 'aes-cbc': 16, '3des-cbc': 8 };

/** SKEYID for pre-shared keys: prf(pre-shared-key, Ni_b | Nr_b). RFC 2409 §5. */
export function skeyidForPreSharedKey(crypto: Crypto, hash: HashName, preSharedKey: Uint8Array, nonces: Nonces) {
  return crypto.hmac(hash, preSharedKey, nonces.initiator, nonces.responder);
}

/** SKEYID for signatures: prf(Ni_b | Nr_b, g^xy). RFC 2409 §5. */
export function skeyidForSignatures(crypto: Crypto, hash: HashName, nonces: Nonces, sharedSecret: Uint8Array) {
  return crypto.hmac(hash, concat(nonces.initiator, nonces.responder), sharedSecret);
}

/**
 * SKEYID_d, _a and _e, the cipher's key and the first IV.
 * @param publicValues bodies of the KE payloads, g^xi and g^xr
 */
export function derivePhase1Keys(
  crypto: Crypto,
  given: {
    readonly encryption: CbcName;
    readonly keyBits: number;
    readonly hash: HashName;
    readonly skeyid: Uint8Array;
    readonly sharedSecret: Uint8Array;
    readonly cookies: Cookies;
    readonly publicValues: { readonly initiator: Uint8Array; readonly responder: Uint8Array };
  },
): Phase1Keys {
  const { encryption, keyBits, hash, skeyid, sharedSecret, cookies, publicValues } = given;
  const bound = concat(sharedSecret, cookies.initiator, cookies.responder);
  const skeyidD = crypto.hmac(hash, skeyid, bound, Uint8Array.of(0));
  const skeyidA = crypto.hmac(hash, skeyid, skeyidD, bound, Uint8Array.of(1));
  const skeyidE = crypto.hmac(hash, skeyid, skeyidA, bound, Uint8Array.of(2));
  const blockBytes = IKE_BLOCK_BYTES[encryption];
  const cipher = { name: encryption, key: cipherKey(crypto, hash, skeyidE, keyBits / 8), blockBytes };
  const phase1Iv = crypto.hash(hash, publicValues.initiator, publicValues.responder).slice(0, blockBytes);
  return { hash, skeyid, skeyidD, skeyidA, skeyidE, cipher, phase1Iv };
}

/** SKEYID_e cut to the key's length, or Ka = K1 | K2 | … where it is too short. RFC 2409 Appendix B. */
export function cipherKey(crypto: Crypto, hash: HashName, skeyidE: Uint8Array, length: number): Uint8Array {
  if (length <= skeyidE.length) return skeyidE.slice(0, length);
  return expand(length, (previous) => crypto.hmac(hash, skeyidE, previous ?? Uint8Array.of(0)));
}

/** IV of the first message of a phase 2 or informational exchange. RFC 2409 Appendix B. */
export function phase2Iv(crypto: Crypto, keys: Phase1Keys, lastPhase1Block: Uint8Array, messageId: number): Uint8Array {
  return crypto.hash(keys.hash, lastPhase1Block, messageIdBytes(messageId)).slice(0, keys.cipher.blockBytes);
}

/** What HASH_I and HASH_R cover. RFC 2409 §5. */
export interface Phase1Transcript {
  readonly cookies: Cookies;
  /** Bodies of the KE payloads. */
  readonly publicValues: { readonly initiator: Uint8Array; readonly responder: Uint8Array };
  /** Body of the initiator's SA payload exactly as it was sent. */
  readonly saBody: Uint8Array;
}

/** @param idBody IDii_b: body of the initiator's ID payload */
export function hashI(
  crypto: Crypto,
  keys: Pick<Phase1Keys, 'hash' | 'skeyid'>,
  t: Phase1Transcript,
  idBody: Uint8Array,
) {
  const { cookies, publicValues: g } = t;
  const parts = [g.initiator, g.responder, cookies.initiator, cookies.responder, t.saBody, idBody];
  return crypto.hmac(keys.hash, keys.skeyid, ...parts);
}

/** @param idBody IDir_b: body of the responder's ID payload */
export function hashR(
  crypto: Crypto,
  keys: Pick<Phase1Keys, 'hash' | 'skeyid'>,
  t: Phase1Transcript,
  idBody: Uint8Array,
) {
  const { cookies, publicValues: g } = t;
  const parts = [g.responder, g.initiator, cookies.responder, cookies.initiator, t.saBody, idBody];
  return crypto.hmac(keys.hash, keys.skeyid, ...parts);
}

/**
 * HASH(1) of Quick Mode and the HASH of Informational exchanges: prf(SKEYID_a, M-ID | what follows the HASH payload).
 * @param afterHash all payloads behind the HASH payload with their generic headers, without padding. RFC 2409 §5.5, §5.7
 */
export function hash1(crypto: Crypto, keys: Phase1Keys, messageId: number, afterHash: Uint8Array): Uint8Array {
  return crypto.hmac(keys.hash, keys.skeyidA, messageIdBytes(messageId), afterHash);
}

/** HASH(2): as HASH(1) with the initiator's nonce body behind the message id. RFC 2409 §5.5. */
export function hash2(
  crypto: Crypto,
  keys: Phase1Keys,
  messageId: number,
  initiatorNonce: Uint8Array,
  afterHash: Uint8Array,
): Uint8Array {
  return crypto.hmac(keys.hash, keys.skeyidA, messageIdBytes(messageId), initiatorNonce, afterHash);
}

/** HASH(3): prf(SKEYID_a, 0 | M-ID | Ni_b | Nr_b). RFC 2409 §5.5. */
export function hash3(crypto: Crypto, keys: Phase1Keys, messageId: number, nonces: Nonces): Uint8Array {
  const parts = [Uint8Array.of(0), messageIdBytes(messageId), nonces.initiator, nonces.responder];
  return crypto.hmac(keys.hash, keys.skeyidA, ...parts);
}

/** The same computation as HASH(1), by its name in RFC 2409 §5.7. */
export const informationalHash = hash1;

/** What the keys of a child SA are made of. RFC 2409 §5.5. */
export interface QuickModeSeed {
  readonly protocol: number;
  readonly nonces: Nonces;
  /** g(qm)^xy, where there was a KE payload. */
  readonly sharedSecret?: Uint8Array;
}

/** KEYMAT for the SA of one direction. @param spi chosen by the receiver of that direction */
export function keyMaterial(crypto: Crypto, keys: Phase1Keys, seed: QuickModeSeed, spi: Uint8Array, length: number) {
  const { protocol, nonces, sharedSecret = new Uint8Array(0) } = seed;
  const tail = [sharedSecret, Uint8Array.of(protocol), spi, nonces.initiator, nonces.responder];
  return expand(length, (previous) => {
    return crypto.hmac(keys.hash, keys.skeyidD, ...(previous === undefined ? tail : [previous, ...tail]));
  });
}

/** ESP keys of one direction: KEYMAT cut into encryption key (with salt for GCM) and integrity key. RFC 2409 §5.5. */
export function espKeys(crypto: Crypto, keys: Phase1Keys, seed: QuickModeSeed, spi: number, suite: EspSuite): EspKeys {
  const { encryption, integrity } = espKeyBytes(suite);
  const material = keyMaterial(crypto, keys, seed, messageIdBytes(spi), encryption + integrity);
  return { encryption: material.slice(0, encryption), integrity: material.slice(encryption) };
}

/** Bytes of key that a suite takes for one direction; the GCM salt counts to the encryption key. RFC 4106 §8.1. */
export function espKeyBytes(suite: EspSuite): { readonly encryption: number; readonly integrity: number } {
  const salt = suite.encryption === 'aes-gcm-16' ? GCM_SALT_BYTES : 0;
  return {
    encryption: suite.keyBits / 8 + salt,
    integrity: suite.integrity === undefined ? 0 : INTEGRITY_KEY_BYTES[suite.integrity],
  };
}

const GCM_SALT_BYTES = 4;

/** RFC 2403, RFC 2404, RFC 4868 §2.6. */
const INTEGRITY_KEY_BYTES = {
  'hmac-md5-96': 16,
  'hmac-sha1-96': 20,
  'hmac-sha2-256-128': 32,
  'hmac-sha2-384-192': 48,
  'hmac-sha2-512-256': 64,
} as const;

/** K1 | K2 | … to `length` bytes, each block made from the one before. */
function expand(length: number, block: (previous: Uint8Array | undefined) => Uint8Array): Uint8Array {
  const blocks: Uint8Array[] = [];
  for (let made = 0; made < length; made += blocks.at(-1)!.length) blocks.push(block(blocks.at(-1)));
  return concat(...blocks).slice(0, length);
}

function messageIdBytes(id: number): Uint8Array {
  return Uint8Array.of(id >>> 24, id >>> 16, id >>> 8, id);
}
