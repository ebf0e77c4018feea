/** Choosing among a peer's proposals, and reading the choice that a peer made. RFC 2408 §4.2, RFC 2409 §5, RFC 2407 §4.5. */

import type { ClassicGroupName } from '../crypto/index.ts';
import type { EspSuite } from '../esp/suite.ts';
import { Doi, type Proposal, ProtocolId, type SaPayload, saPayload, type Transform } from './payloads/index.ts';
import { type ProfileName, profileNames, profiles } from './policy.ts';
import {
  type AuthenticationMethod,
  compactTexts,
  type EspPolicy,
  espSuiteText,
  type IkePolicy,
  type IkeProposal,
  ikeProposalText,
} from './proposal.ts';
import {
  authenticationNumber,
  type Lifetime,
  type OfferedEsp,
  type OfferedIke,
  readEncapsulation,
  readEspTransform,
  readIkeTransform,
  transformText,
} from './transform.ts';

/** Assumed where a peer states no lifetime. RFC 2407 §4.5. */
export const DEFAULT_LIFETIME_SECONDS = 28_800;

/** No offered transform is accepted. All texts are fit for a log. */
export interface Mismatch {
  readonly type: 'mismatch';
  /** A text for each transform, in the order of the offer. */
  readonly offered: readonly string[];
  /** What would have been taken, in few words; see `compactTexts`. */
  readonly accepted: readonly string[];
  /** The strictest profile that would have found a common transform, where there is one. */
  readonly profile?: ProfileName;
  /** The methods of authentication that are taken, where none of them was offered. */
  readonly authentication?: readonly AuthenticationMethod[];
}

export interface ChosenIke {
  readonly type: 'chosen';
  readonly proposal: IkeProposal;
  readonly authentication: AuthenticationMethod;
  /** E.g. `aes-cbc-256/hmac-sha2-256/modp2048`. */
  readonly text: string;
  /** The smaller of the peer's and the policy's. */
  readonly lifetimeSeconds: number;
  /** True where the policy's lifetime is below what the peer asked for: reason for a RESPONDER-LIFETIME notification. */
  readonly shortened: boolean;
  /** The SA payload to answer with: the chosen transform exactly as it was offered. */
  readonly answer: SaPayload;
}

export interface ChosenEsp {
  readonly type: 'chosen';
  readonly suite: EspSuite;
  readonly pfs?: ClassicGroupName;
  /** E.g. `aes-cbc-256/hmac-sha1-96`. */
  readonly text: string;
  readonly mode: 'transport' | 'tunnel';
  readonly udpEncapsulation: boolean;
  readonly lifetimeSeconds: number;
  readonly lifetimeKilobytes?: number;
  /** As in `ChosenIke`, for either lifetime. */
  readonly shortened: boolean;
  /** The SPI that the peer receives on. */
  readonly peerSpi: number;
  /** The SA payload to answer with: the chosen transform exactly as it was offered, under the SPI that we receive on. */
  answer(ourSpi: number): SaPayload;
}

/** What the NAT situation and the gateway allow of a child SA. */
export interface EspContext {
  /** True where NAT was found or encapsulation is forced: then the UDP modes are taken, else the plain ones. */
  readonly udpEncapsulation: boolean;
  /** `transport` alone unless told. */
  readonly modes?: readonly ('transport' | 'tunnel')[];
}

const SPI_BYTES = 4;

/** SPIs 0 to 255 are reserved. RFC 4303 §2.1. */
export const FIRST_FREE_SPI = 256;

/** The policy's best phase 1 proposal among those that were offered; the order of the offer does not count. */
export function chooseIke(
  offered: SaPayload,
  policy: IkePolicy,
  methods: readonly AuthenticationMethod[] = [policy.authentication],
): ChosenIke | Mismatch {
  const chosen = bestIke(offered, policy, methods);
  if (chosen !== undefined) return chosen;
  const numbers = methods.map(authenticationNumber);
  const known = alternatives(offered, ProtocolId.PROTO_ISAKMP).some(({ transform }) =>
    numbers.includes(readIkeTransform(transform).authentication ?? 0),
  );
  return {
    type: 'mismatch',
    offered: offeredTexts(offered),
    accepted: compactTexts(policy.proposals.map(ikeProposalText)),
    ...profileThat((name) => bestIke(offered, profiles[name].accept.ike, methods) !== undefined),
    ...(known ? {} : { authentication: methods }),
  };
}

/** The policy's best ESP suite among those that were offered, under an encapsulation and PFS group that it takes. */
export function chooseEsp(offered: SaPayload, policy: EspPolicy, context: EspContext): ChosenEsp | Mismatch {
  const chosen = bestEsp(offered, policy, context);
  if (chosen !== undefined) return chosen;
  return {
    type: 'mismatch',
    offered: offeredTexts(offered),
    accepted: [...compactTexts(policy.suites.map((suite) => espSuiteText(suite))), ...acceptedContext(policy, context)],
    ...profileThat((name) => bestEsp(offered, profiles[name].accept.esp, context) !== undefined),
  };
}

/**
 * Reads a responder's choice as the initiator that offered `policy`.
 * @returns a mismatch where it is not exactly one transform, or one that was not offered
 */
export function readIkeAnswer(
  answer: SaPayload,
  policy: IkePolicy,
  methods: readonly AuthenticationMethod[] = [policy.authentication],
): ChosenIke | Mismatch {
  const chosen = isOneTransform(answer) ? bestIke(answer, policy, methods) : undefined;
  return chosen ?? { type: 'mismatch', offered: policy.proposals.map(ikeProposalText), accepted: offeredTexts(answer) };
}

/** As `readIkeAnswer` for Quick Mode; the PFS group must be the one that was offered, the policy's first. */
export function readEspAnswer(answer: SaPayload, policy: EspPolicy, context: EspContext): ChosenEsp | Mismatch {
  const offered: EspPolicy = { ...policy, pfs: policy.pfs.slice(0, 1) };
  const chosen = isOneTransform(answer) ? bestEsp(answer, offered, context) : undefined;
  const texts = policy.suites.map((suite) => espSuiteText(suite));
  return chosen ?? { type: 'mismatch', offered: texts, accepted: offeredTexts(answer) };
}

/** Each transform of an SA payload in one line, e.g. `aes-cbc-256/hmac-sha1/ecp384`. */
export function offeredTexts(offered: SaPayload): readonly string[] {
  return offered.proposals.flatMap(({ protocol, transforms }) =>
    transforms.map((transform) => transformText(protocol, transform)),
  );
}

/** The sentence for the log and for `explain`. */
export function mismatchText({ offered, accepted, profile, authentication }: Mismatch): string {
  if (authentication !== undefined) {
    return `the peer offered ${list(cut(offered))}; none is authenticated by ${list(authentication)}, which this end takes`;
  }
  const hint = profile === undefined ? 'no profile has one in common' : `profile '${profile}' would accept one of them`;
  return `the peer offered ${list(cut(offered))}; accepted are ${list(accepted)}; ${hint}`;
}

/** The best method counts more than the best proposal. */
function bestIke(
  offered: SaPayload,
  policy: IkePolicy,
  methods: readonly AuthenticationMethod[],
): ChosenIke | undefined {
  const candidates = alternatives(offered, ProtocolId.PROTO_ISAKMP).map((candidate) => {
    const offer = readIkeTransform(candidate.transform);
    return { ...candidate, offer, text: offer.proposal && ikeProposalText(offer.proposal) };
  });
  for (const authentication of methods) {
    const number = authenticationNumber(authentication);
    const by = candidates.filter(({ offer }) => offer.authentication === number);
    const chosen = by.length === 0 ? undefined : bestBy(authentication, by, offered, policy);
    if (chosen !== undefined) return chosen;
  }
  return undefined;
}

interface IkeCandidate {
  readonly proposal: Proposal;
  readonly transform: Transform;
  readonly offer: OfferedIke;
  readonly text: string | undefined;
}

function bestBy(
  authentication: AuthenticationMethod,
  candidates: readonly IkeCandidate[],
  offered: SaPayload,
  policy: IkePolicy,
): ChosenIke | undefined {
  for (const proposal of policy.proposals) {
    const text = ikeProposalText(proposal);
    const match = candidates.find((candidate) => candidate.text === text);
    if (match === undefined) continue;
    const asked = match.offer.lifetime.seconds ?? DEFAULT_LIFETIME_SECONDS;
    const lifetimeSeconds = Math.min(asked, policy.lifetimeSeconds);
    const answer = answerWith(offered, match.proposal, match.transform, new Uint8Array(0));
    return {
      type: 'chosen',
      proposal,
      authentication,
      text,
      lifetimeSeconds,
      shortened: lifetimeSeconds < asked,
      answer,
    };
  }
  return undefined;
}

function bestEsp(offered: SaPayload, policy: EspPolicy, context: EspContext): ChosenEsp | undefined {
  const candidates = alternatives(offered, ProtocolId.PROTO_IPSEC_ESP)
    .filter(({ proposal }) => proposal.spi.length === SPI_BYTES && spiNumber(proposal.spi) >= FIRST_FREE_SPI)
    .map((candidate) => ({ ...candidate, offer: readEspTransform(candidate.transform) }))
    .filter(({ offer }) => policy.pfs.some((group) => group === (offer.pfs ?? 'none')));
  for (const suite of policy.suites) {
    const wanted = espSuiteText(suite);
    for (const { proposal, transform, offer } of candidates) {
      const encapsulation = encapsulationOf(offer, context);
      if (encapsulation === undefined || !offer.suite || espSuiteText(offer.suite) !== wanted) continue;
      const pfs = offer.pfs as ClassicGroupName | undefined;
      return {
        type: 'chosen',
        suite,
        ...(pfs !== undefined && { pfs }),
        text: espSuiteText(suite, pfs),
        ...encapsulation,
        ...agreedLifetimes(offer.lifetime, policy),
        peerSpi: spiNumber(proposal.spi),
        answer: (ourSpi) => answerWith(offered, proposal, transform, spiBytes(ourSpi)),
      };
    }
  }
  return undefined;
}

/** Undefined where the mode is not one that the context takes. A mode that is left out is ours to assume (RFC 2407 §4.5). */
function encapsulationOf(offer: OfferedEsp, { udpEncapsulation, modes = ['transport'] }: EspContext) {
  if (offer.encapsulation === undefined) return { mode: modes[0] ?? 'transport', udpEncapsulation } as const;
  const read = readEncapsulation(offer.encapsulation);
  return read && read.udpEncapsulation === udpEncapsulation && modes.includes(read.mode) ? read : undefined;
}

function agreedLifetimes(asked: Lifetime, policy: EspPolicy) {
  const seconds = asked.seconds ?? DEFAULT_LIFETIME_SECONDS;
  const lifetimeSeconds = Math.min(seconds, policy.lifetimeSeconds);
  const kilobytes = [asked.kilobytes, policy.lifetimeKilobytes].filter((value) => value !== undefined);
  const lifetimeKilobytes = kilobytes.length === 0 ? undefined : Math.min(...kilobytes);
  const shortened = lifetimeSeconds < seconds || lifetimeKilobytes !== asked.kilobytes;
  return { lifetimeSeconds, ...(lifetimeKilobytes !== undefined && { lifetimeKilobytes }), shortened };
}

/** The transforms that may be chosen alone: proposals that share a number are wanted together, which we never do. */
function alternatives(offered: SaPayload, protocol: number) {
  if (offered.doi !== Doi.IPSEC) return [];
  const times = new Map<number, number>();
  for (const { number } of offered.proposals) times.set(number, (times.get(number) ?? 0) + 1);
  return offered.proposals
    .filter((proposal) => proposal.protocol === protocol && times.get(proposal.number) === 1)
    .flatMap((proposal) => proposal.transforms.map((transform) => ({ proposal, transform })));
}

function answerWith(
  offered: SaPayload,
  { number, protocol }: Proposal,
  transform: Transform,
  spi: Uint8Array,
): SaPayload {
  return { ...saPayload([{ number, protocol, spi, transforms: [transform] }]), situation: offered.situation };
}

const isOneTransform = (answer: SaPayload) =>
  answer.proposals.length === 1 && answer.proposals[0]!.transforms.length === 1;

function acceptedContext({ pfs }: EspPolicy, { udpEncapsulation, modes = ['transport'] }: EspContext): string[] {
  return [`mode ${udpEncapsulation ? 'udp-' : ''}${modes.join('|')}`, `pfs ${pfs.join('|')}`];
}

function profileThat(matches: (name: ProfileName) => boolean): { readonly profile?: ProfileName } {
  const profile = profileNames.find(matches);
  return profile === undefined ? {} : { profile };
}

/** A log line is no place for 128 transforms. */
const MOST_OFFERED_TEXTS = 24;

const cut = (texts: readonly string[]) =>
  texts.length <= MOST_OFFERED_TEXTS
    ? texts
    : [...texts.slice(0, MOST_OFFERED_TEXTS), `and ${texts.length - MOST_OFFERED_TEXTS} more`];

const list = (texts: readonly string[]) => (texts.length === 0 ? 'nothing' : texts.join(', '));

const spiNumber = (spi: Uint8Array) => spi.reduce((sum, byte) => sum * 256 + byte, 0);
const spiBytes = (spi: number) => Uint8Array.of(spi >>> 24, spi >>> 16, spi >>> 8, spi);
