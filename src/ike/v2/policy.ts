/**
 * The three named profiles for IKEv2. Each takes what the stricter ones take, and takes it first. Child SAs are taken
 * and offered with every key exchange method and with none, so that rekeying never fails with peers of other habits.
 */

import type { GroupName } from '../../crypto/index.ts';
import { ESP_LIFETIME_SECONDS, IKE_LIFETIME_SECONDS, type ProfileName } from '../policy.ts';
import type { ChildAlternatives, ChildSaPolicy, IkeV2Alternatives, IkeV2Policy } from './proposal.ts';
import { parseChildProposal, parseIkeV2Proposal } from './proposalText.ts';

/** `accept` is for responders; `offer` is the list that an initiator sends where its config names none. */
export interface IkeV2Profile {
  readonly name: ProfileName;
  readonly accept: { readonly ike: IkeV2Policy; readonly esp: ChildSaPolicy };
  readonly offer: { readonly ike: IkeV2Policy; readonly esp: ChildSaPolicy };
}

/** A policy from config strings such as `aes256gcm16-prfsha384-x25519-ke1_mlkem768`, best first. @throws ProposalSyntaxError */
export const ikeV2Policy = (words: readonly string[], lifetimeSeconds = IKE_LIFETIME_SECONDS): IkeV2Policy => ({
  proposals: words.map(parseIkeV2Proposal),
  lifetimeSeconds,
});

/** A policy from config strings such as `aes256gcm16-x25519-none`, best first. @throws ProposalSyntaxError */
export const childSaPolicy = (
  words: readonly string[],
  lifetimeSeconds = ESP_LIFETIME_SECONDS,
  lifetimeKilobytes?: number,
): ChildSaPolicy => ({
  proposals: words.map(parseChildProposal),
  lifetimeSeconds,
  ...(lifetimeKilobytes === undefined ? {} : { lifetimeKilobytes }),
});

/** Curves first: they cost a gateway least. */
const STRONG: readonly GroupName[] = [
  ...(['curve25519', 'ecp384', 'ecp256', 'ecp521', 'curve448'] as const),
  ...(['modp3072', 'modp4096', 'modp2048'] as const),
];
const WEAK: readonly GroupName[] = ['modp1536', 'modp1024'];

/** A hybrid exchange where the peer has one, and never a reason to refuse. RFC 9370. */
const HYBRID = 'ke1_mlkem768-ke1_mlkem1024-ke1_none';

const AEAD = 'aes256gcm16-aes192gcm16-aes128gcm16-chacha20poly1305';
const CBC = 'aes256-aes192-aes128';
const SHA2_PRFS = 'prfsha384-prfsha256-prfsha512';
const SHA2 = 'sha256-sha384-sha512';

const words = (groups: readonly GroupName[]) => groups.join('-');

const strictIke = [
  `${AEAD}-${SHA2_PRFS}-${words(STRONG)}-${HYBRID}`,
  `${CBC}-${SHA2}-prfsha256-prfsha384-prfsha512-${words(STRONG)}-${HYBRID}`,
];
const compatibleIke = [...strictIke, `${CBC}-${SHA2}-sha1-${words(STRONG)}-${HYBRID}`];
const legacyIke = [
  ...compatibleIke,
  `${AEAD}-${SHA2_PRFS}-prfsha1-${words([...STRONG, ...WEAK])}`,
  `${CBC}-3des-${SHA2}-sha1-${words([...STRONG, ...WEAK])}`,
];

/** Extended sequence numbers are taken where the peer has no other wish. */
const ESN = 'noesn-esn';
const strictEsp = (groups: readonly GroupName[]) => [
  `${AEAD}-${words(groups)}-none-${HYBRID}-${ESN}`,
  `${CBC}-${SHA2}-${words(groups)}-none-${HYBRID}-${ESN}`,
];
const compatibleEsp = (groups: readonly GroupName[]) => [
  ...strictEsp(groups),
  `${CBC}-sha1-${words(groups)}-none-${HYBRID}-${ESN}`,
];
/** HMAC-SHA2-256 comes after SHA-1 with 3DES alone: where it counts, IKEv2's peers cut it to 128 bits. */
const legacyEsp = (groups: readonly GroupName[]) => [
  ...compatibleEsp(groups),
  `3des-${SHA2}-sha1-md5-${words(groups)}-none-${ESN}`,
  `${CBC}-md5-${words(groups)}-none-${ESN}`,
];

/** What is offered with a further key exchange is offered without one too: old peers refuse transform types they do not know. */
const strictOffer = [
  `aes256gcm16-aes128gcm16-prfsha384-prfsha256-${words(STRONG)}-ke1_mlkem768-ke1_mlkem1024`,
  `aes256gcm16-aes128gcm16-chacha20poly1305-prfsha384-prfsha256-${words(STRONG)}`,
  `aes256-aes128-sha256-sha384-prfsha256-prfsha384-${words(STRONG)}`,
];
const compatibleOffer = [...strictOffer, `aes256-aes128-sha1-prfsha1-${words(STRONG)}`];
const legacyOffer = [...compatibleOffer, `aes256-aes128-3des-sha256-sha1-${words([...STRONG, ...WEAK])}`];

const offeredEsp = (groups: readonly GroupName[], ...more: readonly string[]) => [
  `aes256gcm16-aes128gcm16-chacha20poly1305-${words(groups)}-none`,
  `aes256-aes128-sha256-sha384-${words(groups)}-none`,
  ...more.map((suite) => `${suite}-${words(groups)}-none`),
];

const parsedProfile = (
  name: ProfileName,
  accept: { readonly ike: readonly string[]; readonly esp: readonly string[] },
  offer: { readonly ike: readonly string[]; readonly esp: readonly string[] },
): IkeV2Profile => ({
  name,
  accept: { ike: ikeV2Policy(accept.ike), esp: childSaPolicy(accept.esp) },
  offer: { ike: ikeV2Policy(offer.ike), esp: childSaPolicy(offer.esp) },
});

const ALL = [...STRONG, ...WEAK];

export const ikeV2Profiles: Readonly<Record<ProfileName, IkeV2Profile>> = {
  strict: parsedProfile(
    'strict',
    { ike: strictIke, esp: strictEsp(STRONG) },
    { ike: strictOffer, esp: offeredEsp(STRONG) },
  ),
  compatible: parsedProfile(
    'compatible',
    { ike: compatibleIke, esp: compatibleEsp(STRONG) },
    { ike: compatibleOffer, esp: offeredEsp(STRONG, 'aes256-aes128-sha1') },
  ),
  legacy: parsedProfile(
    'legacy',
    { ike: legacyIke, esp: legacyEsp(ALL) },
    { ike: legacyOffer, esp: offeredEsp(ALL, 'aes256-aes128-3des-sha1') },
  ),
};

/**
 * A policy for IKE_SA_INIT with one method in front, whose KE payload is sent: after INVALID_KE_PAYLOAD, or to begin with
 * what the peer took last time. Proposals without it stay behind those that have it.
 */
export function withGroupFirst(policy: IkeV2Policy, group: GroupName): IkeV2Policy {
  const first = (alternatives: IkeV2Alternatives): IkeV2Alternatives =>
    alternatives.groups.includes(group)
      ? { ...alternatives, groups: [group, ...alternatives.groups.filter((other) => other !== group)] }
      : alternatives;
  return { ...policy, proposals: policy.proposals.map(first) };
}

/** The same for the key exchange of a child SA. */
export function withChildGroupFirst(policy: ChildSaPolicy, group: GroupName): ChildSaPolicy {
  const first = (alternatives: ChildAlternatives): ChildAlternatives =>
    alternatives.groups.includes(group)
      ? { ...alternatives, groups: [group, ...alternatives.groups.filter((other) => other !== group)] }
      : alternatives;
  return { ...policy, proposals: policy.proposals.map(first) };
}
