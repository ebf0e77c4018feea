/** IKEv2 proposals as people write them: `aes256gcm16-prfsha384-x25519-ke1_mlkem768`, `aes256-sha256-modp2048`, `aes128gcm16-none/x25519`. */

import type { GroupName } from '../../crypto/index.ts';
import type { EspEncryption, EspIntegrity } from '../../esp/suite.ts';
import { nearestOf, ProposalSyntaxError } from '../proposalText.ts';
import {
  type AdditionalGroups,
  type ChildAlternatives,
  type Cipher,
  type IkeEncryption,
  type IkeIntegrity,
  type IkeV2Alternatives,
  isAead,
  type PrfHash,
} from './proposal.ts';
import { MAX_ADDITIONAL } from './proposalTransforms.ts';

const cipher = (encryption: IkeEncryption, keyBits: number): Cipher<IkeEncryption> => ({ encryption, keyBits });

const cipherWords: Readonly<Record<string, Cipher<IkeEncryption>>> = {
  aes256gcm16: cipher('aes-gcm-16', 256),
  aes192gcm16: cipher('aes-gcm-16', 192),
  aes128gcm16: cipher('aes-gcm-16', 128),
  aes256gcm: cipher('aes-gcm-16', 256),
  aes192gcm: cipher('aes-gcm-16', 192),
  aes128gcm: cipher('aes-gcm-16', 128),
  aes256gcm128: cipher('aes-gcm-16', 256),
  aes192gcm128: cipher('aes-gcm-16', 192),
  aes128gcm128: cipher('aes-gcm-16', 128),
  chacha20poly1305: cipher('chacha20-poly1305', 256),
  aes256: cipher('aes-cbc', 256),
  aes192: cipher('aes-cbc', 192),
  aes128: cipher('aes-cbc', 128),
  aes: cipher('aes-cbc', 128),
  '3des': cipher('3des-cbc', 192),
};

/** An integrity algorithm, and the PRF of its hash where none is named. */
const integrityWords: Readonly<Record<string, readonly [EspIntegrity, PrfHash | undefined]>> = {
  sha512: ['hmac-sha2-512-256', 'sha512'],
  sha384: ['hmac-sha2-384-192', 'sha384'],
  sha256: ['hmac-sha2-256-128', 'sha256'],
  sha2_512: ['hmac-sha2-512-256', 'sha512'],
  sha2_384: ['hmac-sha2-384-192', 'sha384'],
  sha2_256: ['hmac-sha2-256-128', 'sha256'],
  sha1: ['hmac-sha1-96', 'sha1'],
  sha: ['hmac-sha1-96', 'sha1'],
  md5: ['hmac-md5-96', undefined],
};

const prfWords: Readonly<Record<string, PrfHash>> = {
  prfsha512: 'sha512',
  prfsha384: 'sha384',
  prfsha256: 'sha256',
  prfsha1: 'sha1',
};

const groupWords: Readonly<Record<string, GroupName>> = {
  x25519: 'curve25519',
  curve25519: 'curve25519',
  x448: 'curve448',
  curve448: 'curve448',
  ecp256: 'ecp256',
  ecp384: 'ecp384',
  ecp521: 'ecp521',
  modp1024: 'modp1024',
  modp1536: 'modp1536',
  modp2048: 'modp2048',
  modp3072: 'modp3072',
  modp4096: 'modp4096',
  mlkem512: 'mlkem512',
  mlkem768: 'mlkem768',
  mlkem1024: 'mlkem1024',
};

const esnWords: Readonly<Record<string, boolean>> = { esn: true, noesn: false };

/**
 * Words of one kind are alternatives, in order. The PRF may be left out where there is an integrity algorithm: it is
 * HMAC of the same hash then.
 * @throws ProposalSyntaxError
 */
export function parseIkeV2Proposal(text: string): IkeV2Alternatives {
  const parsed = parse(text);
  const { ciphers, integrities, groups, additional } = parsed;
  const aead = checkedCiphers(text, parsed, 'aes256-sha256-x25519');
  const prfs = parsed.prfs.length > 0 || aead ? parsed.prfs : integrities.flatMap(([, prf]) => prf ?? []);
  if (integrities.some(([name]) => name === 'hmac-md5-96')) {
    throw new ProposalSyntaxError(text, 'IKEv2 itself does not use MD5', 'md5', 'sha256');
  }
  if (prfs.length === 0) throw missing(text, 'PRF, which AES-GCM and ChaCha20 need', `${text.trim()}-prfsha256`);
  const methods = groups.filter((group) => group !== 'none');
  if (methods.length === 0) throw missing(text, 'key exchange method', `${text.trim()}-x25519`);
  if (methods.length < groups.length) throw new ProposalSyntaxError(text, "'none' is for child SAs alone", 'none');
  if (parsed.esn.length > 0) throw new ProposalSyntaxError(text, 'an IKE SA has no sequence numbers to extend');
  return { ciphers, integrities: integrities.map(([name]) => name as IkeIntegrity), prfs, groups: methods, additional };
}

/** @throws ProposalSyntaxError */
export function parseChildProposal(text: string): ChildAlternatives {
  const parsed = parse(text);
  const { ciphers, integrities, groups, additional, esn } = parsed;
  checkedCiphers(text, parsed, 'aes256-sha256');
  if (parsed.prfs.length > 0) throw new ProposalSyntaxError(text, 'a PRF is for IKE SAs alone');
  return {
    ciphers: ciphers satisfies readonly Cipher<EspEncryption>[],
    integrities: integrities.map(([name]) => name),
    groups: groups.length === 0 ? ['none'] : groups,
    additional,
    esn: esn.length === 0 ? [false] : esn,
  };
}

interface Parsed {
  readonly ciphers: Cipher<IkeEncryption>[];
  readonly integrities: (readonly [EspIntegrity, PrfHash | undefined])[];
  readonly prfs: PrfHash[];
  readonly groups: (GroupName | 'none')[];
  readonly additional: AdditionalGroups[];
  readonly esn: boolean[];
}

function parse(text: string): Parsed {
  const parsed: Parsed = { ciphers: [], integrities: [], prfs: [], groups: [], additional: [], esn: [] };
  const further: (GroupName | 'none')[][] = [];
  for (const word of text.trim().toLowerCase().split(/[-/]/)) {
    const [, slot, method = ''] = /^ke([1-7])_(.*)$/.exec(word) ?? [];
    if (Object.hasOwn(cipherWords, word)) parsed.ciphers.push(cipherWords[word]!);
    else if (Object.hasOwn(integrityWords, word)) parsed.integrities.push(integrityWords[word]!);
    else if (Object.hasOwn(prfWords, word)) parsed.prfs.push(prfWords[word]!);
    else if (Object.hasOwn(esnWords, word)) parsed.esn.push(esnWords[word]!);
    else if (isMethod(word)) parsed.groups.push(methodOf(word));
    else if (slot !== undefined && isMethod(method)) {
      further[Number(slot) - 1] ??= [];
      further[Number(slot) - 1]!.push(methodOf(method));
    } else throw new ProposalSyntaxError(text, `'${word}' is no algorithm`, word, nearest(word));
  }
  for (let i = 0; i < Math.min(further.length, MAX_ADDITIONAL); i++) {
    const alternatives = further[i];
    if (alternatives === undefined)
      throw missing(text, `ke${i + 1}_ before ke${further.length}_`, `ke${i + 1}_mlkem768`);
    parsed.additional.push(alternatives);
  }
  return parsed;
}

/** @returns whether the ciphers are AEAD, all of them. */
function checkedCiphers(text: string, { ciphers, integrities }: Parsed, example: string): boolean {
  if (ciphers.length === 0) throw missing(text, 'encryption algorithm', example);
  const aead = ciphers.filter(({ encryption }) => isAead(encryption)).length;
  if (aead > 0 && aead < ciphers.length) {
    throw new ProposalSyntaxError(text, 'AES-GCM and ChaCha20 cannot stand in one proposal with other ciphers');
  }
  if (aead > 0 && integrities.length > 0) {
    throw new ProposalSyntaxError(text, 'AES-GCM and ChaCha20 take no integrity algorithm beside them');
  }
  if (aead === 0 && integrities.length === 0) throw missing(text, 'integrity algorithm', example);
  return aead > 0;
}

const isMethod = (word: string) => word === 'none' || Object.hasOwn(groupWords, word);
const methodOf = (word: string): GroupName | 'none' => (word === 'none' ? 'none' : groupWords[word]!);

const missing = (text: string, what: string, example: string) =>
  new ProposalSyntaxError(text, `names no ${what}`, undefined, example);

function nearest(word: string): string {
  const methods = Object.keys(groupWords);
  const tables = [cipherWords, integrityWords, prfWords, esnWords].flatMap((table) => Object.keys(table));
  return nearestOf(word, [...tables, ...methods, ...methods.map((method) => `ke1_${method}`)]);
}
