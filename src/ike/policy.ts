/** The three named profiles of algorithms. Each takes what the stricter ones take and, for IKE, takes it first. */

import type { CbcName, ClassicGroupName, HashName } from '../crypto/index.ts';
import type { EspIntegrity, EspSuite } from '../esp/suite.ts';
import type { EspPolicy, IkePolicy, IkeProposal } from './proposal.ts';
import { parseEspProposal, parseIkeProposal } from './proposalText.ts';

export type ProfileName = 'strict' | 'compatible' | 'legacy';

/** Strictest first. */
export const profileNames: readonly ProfileName[] = ['strict', 'compatible', 'legacy'];

/** `accept` is for responders; `offer` is the short list that an initiator sends where its config names none. */
export interface Profile {
  readonly name: ProfileName;
  readonly accept: { readonly ike: IkePolicy; readonly esp: EspPolicy };
  readonly offer: { readonly ike: IkePolicy; readonly esp: EspPolicy };
}

/** As long as Windows and Android ask for; never a reason to refuse. */
export const IKE_LIFETIME_SECONDS = 28_800;
/** As long as Windows and Apple's clients ask for. */
export const ESP_LIFETIME_SECONDS = 3_600;

type Cipher = readonly [CbcName, number];

const AES: readonly Cipher[] = [
  ['aes-cbc', 256],
  ['aes-cbc', 192],
  ['aes-cbc', 128],
];
const TRIPLE_DES: Cipher = ['3des-cbc', 192];
const SHA2: readonly HashName[] = ['sha256', 'sha384', 'sha512'];
/** Curves first: they cost a gateway least. */
const STRONG_GROUPS: readonly ClassicGroupName[] = ['ecp384', 'ecp256', 'ecp521', 'modp3072', 'modp4096', 'modp2048'];
const WEAK_GROUPS: readonly ClassicGroupName[] = ['modp1536', 'modp1024'];

const ike = (
  ciphers: readonly Cipher[],
  hashes: readonly HashName[],
  groups: readonly ClassicGroupName[],
): IkeProposal[] =>
  groups.flatMap((group) =>
    ciphers.flatMap(([encryption, keyBits]) => hashes.map((hash) => ({ encryption, keyBits, hash, group }))),
  );

const esp = (ciphers: readonly Cipher[], integrities: readonly EspIntegrity[]): EspSuite[] =>
  ciphers.flatMap(([encryption, keyBits]) => integrities.map((integrity) => ({ encryption, keyBits, integrity })));

const strictIke = byCipherThenGroup(ike(AES, SHA2, STRONG_GROUPS));
const compatibleIke = [...strictIke, ...byCipherThenGroup(ike(AES, ['sha1'], STRONG_GROUPS))];
const legacyIke = [
  ...compatibleIke,
  ...ike([TRIPLE_DES], [...SHA2, 'sha1'], STRONG_GROUPS),
  ...WEAK_GROUPS.flatMap((group) => ike([...AES, TRIPLE_DES], [...SHA2, 'sha1'], [group])),
  ...ike([...AES, TRIPLE_DES], ['md5'], [...STRONG_GROUPS, ...WEAK_GROUPS]),
];

const GCM: readonly EspSuite[] = [256, 192, 128].map((keyBits) => ({ encryption: 'aes-gcm-16', keyBits }));
const SHA2_256 = 'hmac-sha2-256-128';
const SHA2_LONG: readonly EspIntegrity[] = ['hmac-sha2-512-256', 'hmac-sha2-384-192'];
const SHA1 = 'hmac-sha1-96';

const strictEsp = [...GCM, ...esp(AES, [SHA2_256, ...SHA2_LONG])];
const compatibleEsp = [...strictEsp, ...esp(AES, [SHA1])];
/** HMAC-SHA2-256 comes after the others here, for old Android and Linux kernels cut it to 96 bits and say so nowhere. */
const legacyEsp = [
  ...GCM,
  ...esp(AES, [...SHA2_LONG, SHA1, SHA2_256]),
  ...esp([TRIPLE_DES], [...SHA2_LONG, SHA1, SHA2_256]),
  ...esp([...AES, TRIPLE_DES], ['hmac-md5-96']),
];

const strictOffer = {
  ike: ['aes256-sha256-modp2048', 'aes256-sha384-ecp384', 'aes128-sha256-ecp256', 'aes128-sha256-modp3072'],
  esp: ['aes256gcm16', 'aes128gcm16', 'aes256-sha256', 'aes128-sha256'],
};
const compatibleOffer = {
  ike: [...strictOffer.ike, 'aes256-sha1-modp2048', 'aes128-sha1-modp2048'],
  esp: [...strictOffer.esp, 'aes256-sha1', 'aes128-sha1'],
};
const legacyOffer = {
  ike: [
    ...compatibleOffer.ike,
    ...['3des-sha1-modp2048', 'aes256-sha1-modp1536', 'aes256-sha1-modp1024', 'aes128-sha1-modp1024'],
    ...['3des-sha1-modp1024', '3des-md5-modp1024'],
  ],
  esp: [...compatibleOffer.esp, '3des-sha1', '3des-md5'],
};

export const profiles: Readonly<Record<ProfileName, Profile>> = {
  strict: profile('strict', strictIke, strictEsp, STRONG_GROUPS, strictOffer),
  compatible: profile('compatible', compatibleIke, compatibleEsp, STRONG_GROUPS, compatibleOffer),
  legacy: profile('legacy', legacyIke, legacyEsp, [...STRONG_GROUPS, ...WEAK_GROUPS], legacyOffer),
};

/** A policy from config strings such as `aes256-sha256-modp2048`, best first. @throws ProposalSyntaxError */
export function ikePolicy(words: readonly string[], lifetimeSeconds = IKE_LIFETIME_SECONDS): IkePolicy {
  return { proposals: words.map(parseIkeProposal), authentication: 'pre-shared-key', lifetimeSeconds };
}

/** A policy from config strings such as `aes256-sha1` or `aes128gcm16-ecp256`, best first. @throws ProposalSyntaxError */
export function espPolicy(
  words: readonly string[],
  lifetimeSeconds = ESP_LIFETIME_SECONDS,
  lifetimeKilobytes?: number,
): EspPolicy {
  const proposals = words.map(parseEspProposal);
  return {
    suites: proposals.map(({ suite }) => suite),
    pfs: [...new Set(proposals.map(({ pfs }) => pfs ?? 'none'))],
    lifetimeSeconds,
    ...(lifetimeKilobytes === undefined ? {} : { lifetimeKilobytes }),
  };
}

/** Within a profile the longer key counts more than the hash, and the hash more than the group. */
function byCipherThenGroup(proposals: readonly IkeProposal[]): readonly IkeProposal[] {
  const rank = (proposal: IkeProposal) => -proposal.keyBits * 10 + SHA2.indexOf(proposal.hash);
  return [...proposals].sort((a, b) => rank(a) - rank(b));
}

function profile(
  name: ProfileName,
  proposals: readonly IkeProposal[],
  suites: readonly EspSuite[],
  groups: readonly ClassicGroupName[],
  offer: { readonly ike: readonly string[]; readonly esp: readonly string[] },
): Profile {
  const accepted: IkePolicy = {
    proposals,
    authentication: 'pre-shared-key',
    lifetimeSeconds: IKE_LIFETIME_SECONDS,
  };
  return {
    name,
    accept: { ike: accepted, esp: { suites, pfs: ['none', ...groups], lifetimeSeconds: ESP_LIFETIME_SECONDS } },
    offer: { ike: ikePolicy(offer.ike), esp: espPolicy(offer.esp) },
  };
}
