/** What is negotiated, in the field's names: IKE proposals, ESP suites, and the policies that list them. */

import type { CbcName, ClassicGroupName, GroupName, HashName } from '../crypto/index.ts';
import type { EspSuite } from '../esp/suite.ts';

/** One combination for an IKE SA; the PRF is HMAC of the hash. */
export interface IkeProposal {
  readonly encryption: CbcName;
  /** 128, 192 or 256 for AES; 192 for 3DES. */
  readonly keyBits: number;
  readonly hash: HashName;
  readonly group: ClassicGroupName;
}

/** One suite for a child SA, with the group of its PFS exchange where it has one. */
export interface EspProposal {
  readonly suite: EspSuite;
  readonly pfs?: ClassicGroupName;
}

/** How both ends of an IKEv1 phase 1 prove themselves. RFC 2409 Appendix A, RFC 4754 §6. */
export type AuthenticationMethod = 'pre-shared-key' | 'rsa-signatures' | 'ecdsa-256' | 'ecdsa-384' | 'ecdsa-521';

/** What one end takes (or, as initiator, offers) for IKE SAs, best first. */
export interface IkePolicy {
  readonly proposals: readonly IkeProposal[];
  readonly authentication: AuthenticationMethod;
  readonly lifetimeSeconds: number;
}

/** What one end takes (or, as initiator, offers) for child SAs, best first. */
export interface EspPolicy {
  readonly suites: readonly EspSuite[];
  /** Groups of PFS that are taken, `none` for Quick Mode without KE. An initiator offers the first one. */
  readonly pfs: readonly (ClassicGroupName | 'none')[];
  readonly lifetimeSeconds: number;
  readonly lifetimeKilobytes?: number;
}

/** E.g. `aes-cbc-256/hmac-sha2-256/modp2048`. */
export const ikeProposalText = ({ encryption, keyBits, hash, group }: IkeProposal): string =>
  `${cipherText(encryption, keyBits)}/${prfText[hash]}/${group}`;

/** E.g. `aes-cbc-256/hmac-sha1-96` or `aes-gcm-16-128`, with `/modp2048` behind it where there is PFS. */
export function espSuiteText({ encryption, keyBits, integrity }: EspSuite, pfs?: GroupName): string {
  return [cipherText(encryption, keyBits), integrity, pfs].filter((part) => part !== undefined).join('/');
}

/**
 * Texts of proposals in few words: those that differ in one part only are written as one, with `|` in that part,
 * e.g. `aes-cbc-256|aes-cbc-128/hmac-sha1/modp2048`. The order within a part is that of its first appearance.
 */
export function compactTexts(texts: readonly string[]): readonly string[] {
  let rows = texts.map((text) => text.split('/'));
  const parts = Math.max(0, ...rows.map((row) => row.length));
  for (let part = 0; part < parts; part++) {
    const merged = new Map<string, string[]>();
    for (const row of rows) {
      const key = JSON.stringify(row.with(Math.min(part, row.length - 1), ''));
      const same = part < row.length ? merged.get(key) : undefined;
      if (same === undefined) merged.set(part < row.length ? key : JSON.stringify(row), [...row]);
      else if (!same[part]!.split('|').includes(row[part]!)) same[part] += `|${row[part]}`;
    }
    rows = [...merged.values()];
  }
  return rows.map((row) => row.join('/'));
}

/** 3DES has one key length, which is not said. */
export const cipherText = (encryption: string, keyBits: number): string =>
  encryption === '3des-cbc' ? encryption : `${encryption}-${keyBits}`;

const prfText: Readonly<Record<HashName, string>> = {
  md5: 'hmac-md5',
  sha1: 'hmac-sha1',
  sha256: 'hmac-sha2-256',
  sha384: 'hmac-sha2-384',
  sha512: 'hmac-sha2-512',
};
