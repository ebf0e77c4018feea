/** What IKEv2 negotiates, in the field's names. RFC 7296 §3.3, RFC 9370 §2. */

import type { GroupName, HashName } from '../../crypto/index.ts';
import type { EspEncryption, EspIntegrity, EspSuite } from '../../esp/suite.ts';

export type IkeEncryption = 'aes-cbc' | 'aes-gcm-16' | 'chacha20-poly1305' | '3des-cbc';
export type IkeIntegrity = Exclude<EspIntegrity, 'hmac-md5-96'>;
/** The PRF is HMAC of the hash. */
export type PrfHash = Exclude<HashName, 'md5'>;

/** What protects an IKE SA. `integrity` is absent exactly where the cipher is AEAD. */
export interface IkeV2Suite {
  readonly encryption: IkeEncryption;
  /** Bits of the key without salt: 128, 192 or 256; 192 for 3DES. */
  readonly keyBits: number;
  readonly integrity?: IkeIntegrity;
  readonly prf: PrfHash;
}

/** What was agreed on for an IKE SA. */
export interface IkeV2Proposal extends IkeV2Suite {
  readonly group: GroupName;
  /** Key exchanges that follow the first one, in the order in which they are made. RFC 9370. */
  readonly additional: readonly GroupName[];
}

/** What was agreed on for a child SA. */
export interface IkeV2EspProposal {
  readonly suite: EspSuite;
  /** Extended sequence numbers. */
  readonly extendedSequence: boolean;
  /** Absent without a key exchange of its own. */
  readonly group?: GroupName;
  readonly additional: readonly GroupName[];
}

export interface Cipher<Name extends string> {
  readonly encryption: Name;
  readonly keyBits: number;
}

/** Alternatives for one further key exchange; `none` makes it optional. */
export type AdditionalGroups = readonly (GroupName | 'none')[];

/** One proposal for IKE SAs: alternatives of each kind, best first. Its ciphers are all AEAD or none is. */
export interface IkeV2Alternatives {
  readonly ciphers: readonly Cipher<IkeEncryption>[];
  /** Empty with AEAD. */
  readonly integrities: readonly IkeIntegrity[];
  readonly prfs: readonly PrfHash[];
  readonly groups: readonly GroupName[];
  /** For ADDKE1, ADDKE2, …; at most seven. */
  readonly additional: readonly AdditionalGroups[];
}

/** One proposal for child SAs. */
export interface ChildAlternatives {
  readonly ciphers: readonly Cipher<EspEncryption>[];
  readonly integrities: readonly EspIntegrity[];
  /** `none` for a child SA without a key exchange of its own. */
  readonly groups: AdditionalGroups;
  readonly additional: readonly AdditionalGroups[];
  /** Extended sequence numbers: true asks for them, false does without. */
  readonly esn: readonly boolean[];
}

/** What one end takes or offers for IKE SAs, best first. */
export interface IkeV2Policy {
  readonly proposals: readonly IkeV2Alternatives[];
  readonly lifetimeSeconds: number;
}

/** What one end takes or offers for child SAs, best first. */
export interface ChildSaPolicy {
  readonly proposals: readonly ChildAlternatives[];
  readonly lifetimeSeconds: number;
  readonly lifetimeKilobytes?: number;
}

export const isAead = (encryption: IkeEncryption | EspEncryption): boolean =>
  encryption === 'aes-gcm-16' || encryption === 'chacha20-poly1305';

/** E.g. `aes-gcm-16-256/prf-sha384/curve25519/ke1-mlkem768`, `aes-cbc-256/hmac-sha2-256-128/prf-sha256/modp2048`. */
export function ikeV2ProposalText({ encryption, keyBits, integrity, prf, group, additional }: IkeV2Proposal): string {
  return [
    cipherName(encryption, keyBits),
    ...(integrity ? [integrity] : []),
    `prf-${prf}`,
    group,
    ...further(additional),
  ].join('/');
}

/** E.g. `aes-gcm-16-256/curve25519` or `aes-cbc-256/hmac-sha2-256-128/esn`. */
export function ikeV2EspProposalText({ suite, extendedSequence, group, additional }: IkeV2EspProposal): string {
  const { encryption, keyBits, integrity } = suite;
  const parts = [
    cipherName(encryption, keyBits),
    integrity,
    group,
    ...further(additional),
    extendedSequence ? 'esn' : undefined,
  ];
  return parts.filter((part) => part !== undefined).join('/');
}

/** 3DES and ChaCha20 have one key length, which is not said. */
export const cipherName = (encryption: string, keyBits: number): string =>
  encryption === '3des-cbc' || encryption === 'chacha20-poly1305' ? encryption : `${encryption}-${keyBits}`;

/** One line for a proposal with its alternatives, `|` between them. */
export function ikeV2AlternativesText({ ciphers, integrities, prfs, groups, additional }: IkeV2Alternatives): string {
  return [
    ciphers.map(({ encryption, keyBits }) => cipherName(encryption, keyBits)).join('|'),
    ...(integrities.length > 0 ? [integrities.join('|')] : []),
    `prf-${prfs.join('|')}`,
    groups.join('|'),
    ...additional.map((alternatives, i) => `ke${i + 1}-${alternatives.join('|')}`),
  ].join('/');
}

export function childAlternativesText({ ciphers, integrities, groups, additional, esn }: ChildAlternatives): string {
  return [
    ciphers.map(({ encryption, keyBits }) => cipherName(encryption, keyBits)).join('|'),
    ...(integrities.length > 0 ? [integrities.join('|')] : []),
    ...(groups.length > 0 ? [groups.join('|')] : []),
    ...additional.map((alternatives, i) => `ke${i + 1}-${alternatives.join('|')}`),
    ...(esn.includes(true) ? [esn.includes(false) ? 'esn|no-esn' : 'esn'] : []),
  ].join('/');
}

const further = (additional: readonly GroupName[]) => additional.map((group, i) => `ke${i + 1}-${group}`);
