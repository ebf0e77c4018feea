/** Offering proposals, choosing among a peer's, and reading the choice that a peer made. RFC 7296 §2.7, §3.3, §3.3.6; RFC 9370 §2. */

import type { GroupName } from '../../crypto/index.ts';
import type { EspEncryption } from '../../esp/suite.ts';
import { FIRST_FREE_SPI, type Mismatch } from '../choose.ts';
import { type ProfileName, profileNames } from '../policy.ts';
import { type Proposal, ProtocolId, type SaPayload, type Transform, TransformType } from './payloads/index.ts';
import { ikeV2Profiles } from './policy.ts';
import {
  type ChildSaPolicy,
  childAlternativesText,
  type IkeIntegrity,
  type IkeV2Alternatives,
  type IkeV2EspProposal,
  type IkeV2Policy,
  type IkeV2Proposal,
  ikeV2AlternativesText,
  ikeV2EspProposalText,
  ikeV2ProposalText,
} from './proposal.ts';
import {
  childRows,
  encryptionOf,
  groupNumber,
  groupOf,
  ikeRows,
  integrityOf,
  isAdditional,
  isExchange,
  isWanted,
  NONE,
  prfOf,
  proposalText,
  type Rows,
  transformsOf,
  type Wanted,
} from './proposalTransforms.ts';

const IKE_SPI_BYTES = 8;
const ESP_SPI_BYTES = 4;

interface Chosen<Agreed> {
  readonly type: 'chosen';
  readonly proposal: Agreed;
  /** E.g. `aes-gcm-16-256/prf-sha384/curve25519`. */
  readonly text: string;
  /** Empty for a first IKE SA. */
  readonly peerSpi: Uint8Array;
  /** The SA payload to answer with: the chosen transforms exactly as they were offered. */
  answer(ourSpi?: Uint8Array): SaPayload;
}
export type ChosenIkeV2 = Chosen<IkeV2Proposal>;
export type ChosenChild = Chosen<IkeV2EspProposal>;

export interface IkeV2Choice {
  /** Number of the method in the peer's KE payload: taken where it is acceptable and not weak, to spare a round. */
  readonly keGroup?: number;
  /** The peer can do IKE_INTERMEDIATE, or this is CREATE_CHILD_SA; else no further key exchange is chosen. */
  readonly additional: boolean;
  /** In CREATE_CHILD_SA the proposals carry the new SPI. Default false. */
  readonly rekey?: boolean;
}

export interface ChildChoice {
  /** In IKE_AUTH: no key exchange of its own, whatever was offered. */
  readonly initial: boolean;
  /** Number of the method in the peer's KE payload; absent: without key exchange where that is acceptable. */
  readonly keGroup?: number;
}

/**
 * The policy's best proposal among those that were offered. The peer's KE payload may be of another method than the one
 * chosen: then the answer is INVALID_KE_PAYLOAD with `invalidKeData(chosen.proposal.group)`.
 */
export function chooseIkeV2(offered: SaPayload, policy: IkeV2Policy, choice: IkeV2Choice): ChosenIkeV2 | Mismatch {
  const chosen = bestIke(offered, policy, choice);
  if (chosen !== undefined) return chosen;
  return {
    type: 'mismatch',
    offered: offeredV2Texts(offered),
    accepted: policy.proposals.map(ikeV2AlternativesText),
    ...profileThat((name) => bestIke(offered, ikeV2Profiles[name].accept.ike, choice) !== undefined),
  };
}

export function chooseChild(offered: SaPayload, policy: ChildSaPolicy, choice: ChildChoice): ChosenChild | Mismatch {
  const chosen = bestChild(offered, policy, choice);
  if (chosen !== undefined) return chosen;
  return {
    type: 'mismatch',
    offered: offeredV2Texts(offered),
    accepted: policy.proposals.map(childAlternativesText),
    ...profileThat((name) => bestChild(offered, ikeV2Profiles[name].accept.esp, choice) !== undefined),
  };
}

/** The SA payload that offers a policy. @param spi the new IKE SA's in CREATE_CHILD_SA */
export function offerIkeV2(policy: IkeV2Policy, spi: Uint8Array = new Uint8Array(0)): SaPayload {
  return offer(ProtocolId.IKE, spi, policy.proposals.map(ikeRows));
}

/** @param initial in IKE_AUTH: no key exchange is offered */
export function offerChild(
  policy: ChildSaPolicy,
  spi: Uint8Array,
  { initial }: { readonly initial: boolean },
): SaPayload {
  const tables = policy.proposals.map((alternatives) => childRows(alternatives, initial));
  return offer(ProtocolId.ESP, spi, tables);
}

/** Reads a responder's choice. @returns a mismatch where it is not one proposal that was offered */
export function readIkeV2Answer(
  answer: SaPayload,
  policy: IkeV2Policy,
  { rekey = false }: { readonly rekey?: boolean } = {},
): ChosenIkeV2 | Mismatch {
  const chosen = isOneOfEach(answer) ? bestIke(answer, policy, { additional: true, rekey }) : undefined;
  return (
    chosen ?? {
      type: 'mismatch',
      offered: policy.proposals.map(ikeV2AlternativesText),
      accepted: offeredV2Texts(answer),
    }
  );
}

export function readChildAnswer(
  answer: SaPayload,
  policy: ChildSaPolicy,
  { initial }: { readonly initial: boolean },
): ChosenChild | Mismatch {
  const chosen = isOneOfEach(answer) ? bestChild(answer, policy, { initial }) : undefined;
  return (
    chosen ?? {
      type: 'mismatch',
      offered: policy.proposals.map(childAlternativesText),
      accepted: offeredV2Texts(answer),
    }
  );
}

/** Each proposal of an SA payload in one line. */
export const offeredV2Texts = (offered: SaPayload): readonly string[] => offered.proposals.map(proposalText);

/** The method whose KE payload is sent first: the best of the first proposal that has one. */
export const firstIkeGroup = (policy: IkeV2Policy): GroupName | undefined => policy.proposals[0]?.groups[0];

export const firstChildGroup = (policy: ChildSaPolicy): GroupName | undefined =>
  policy.proposals.flatMap(({ groups }) => groups).find((group): group is GroupName => group !== 'none');

/** What INVALID_KE_PAYLOAD carries. RFC 7296 §1.3, §3.10.1. */
export const invalidKeData = (group: GroupName): Uint8Array => {
  const number = groupNumber(group);
  return Uint8Array.of(number >>> 8, number & 255);
};

/** The method that INVALID_KE_PAYLOAD asks for; undefined where it is not one that `groups` has. */
export function readInvalidKe(data: Uint8Array, groups: readonly (GroupName | 'none')[]): GroupName | undefined {
  const group = data.length === 2 ? groupOf(data[0]! * 256 + data[1]!) : undefined;
  return group !== undefined && groups.includes(group) ? group : undefined;
}

/** All methods of a policy's proposals, for `readInvalidKe`. */
export const groupsOf = (policy: IkeV2Policy | ChildSaPolicy): readonly (GroupName | 'none')[] => [
  ...new Set<GroupName | 'none'>(policy.proposals.flatMap(({ groups }) => [...groups])),
];

function bestIke(offered: SaPayload, policy: IkeV2Policy, choice: IkeV2Choice): ChosenIkeV2 | undefined {
  const spiBytes = choice.rekey === true ? IKE_SPI_BYTES : 0;
  const candidates = offered.proposals.filter(
    ({ protocol, spi }) => protocol === ProtocolId.IKE && spi.length === spiBytes,
  );
  for (const alternatives of policy.proposals) {
    const table = ikeRows(choice.additional ? alternatives : { ...alternatives, additional: [] });
    if (!choice.additional && !alternatives.additional.every((groups) => groups.includes('none'))) continue;
    const best = bestMatch(candidates, preferring(table, choice.keGroup), []);
    if (best === undefined) continue;
    const proposal = ikeProposalOf(best.picked, alternatives);
    return { type: 'chosen', proposal, text: ikeV2ProposalText(proposal), ...answering(best) };
  }
  return undefined;
}

function bestChild(offered: SaPayload, policy: ChildSaPolicy, choice: ChildChoice): ChosenChild | undefined {
  const candidates = offered.proposals.filter(
    ({ protocol, spi }) =>
      protocol === ProtocolId.ESP && spi.length === ESP_SPI_BYTES && spiNumber(spi) >= FIRST_FREE_SPI,
  );
  for (const alternatives of policy.proposals) {
    const table = childRows(alternatives, choice.initial);
    const wanted = choice.initial ? table : preferring(table, choice.keGroup ?? NONE);
    const best = bestMatch(candidates, wanted, choice.initial ? EXCHANGES : []);
    if (best === undefined) continue;
    const proposal = childProposalOf(best.picked);
    return { type: 'chosen', proposal, text: ikeV2EspProposalText(proposal), ...answering(best) };
  }
  return undefined;
}

interface Match {
  readonly candidate: Proposal;
  /** For each type, in the order of their numbers, which of our alternatives was picked. */
  readonly ranks: readonly number[];
  readonly picked: ReadonlyMap<number, Wanted>;
  readonly transforms: readonly Transform[];
}

const EXCHANGES: readonly number[] = Object.values(TransformType).filter(isExchange);
const KNOWN_TYPES: readonly number[] = Object.values(TransformType);

/** The match that is best by our order: the cipher counts most, then the PRF, the integrity, the key exchange. */
function bestMatch(candidates: readonly Proposal[], table: Rows, ignored: readonly number[]): Match | undefined {
  const matches = candidates.flatMap((candidate) => matched(candidate, table, ignored) ?? []);
  return matches.reduce<Match | undefined>((best, match) => (best && !isBetter(match, best) ? best : match), undefined);
}

function isBetter({ ranks }: Match, other: Match): boolean {
  const at = ranks.findIndex((rank, i) => rank !== other.ranks[i]);
  return at >= 0 && ranks[at]! < (other.ranks[at] ?? 0);
}

/** One transform of each type that both have. A type that one side leaves out is NONE on that side. */
function matched(candidate: Proposal, table: Rows, ignored: readonly number[]): Match | undefined {
  const { transforms } = candidate;
  const ranks: number[] = [];
  const types = new Set([...KNOWN_TYPES, ...table.keys(), ...transforms.map(({ type }) => type)]);
  const picked = new Map<number, Wanted>();
  const answered: Transform[] = [];
  for (const type of [...types].sort((a, b) => a - b)) {
    if (ignored.includes(type)) continue;
    if (!KNOWN_TYPES.includes(type)) return undefined;
    const offered = transforms.filter((transform) => transform.type === type);
    const wanted = table.get(type) ?? [{ id: NONE }];
    const fresh = wanted.filter((each) => isFresh(type, each, picked));
    const match = pick(offered, fresh);
    if (match === undefined) return undefined;
    ranks.push(wanted.indexOf(match.wanted));
    if (match.wanted.id !== NONE || type === TransformType.ESN) picked.set(type, match.wanted);
    if (match.transform !== undefined) answered.push(match.transform);
  }
  return { candidate, ranks, picked, transforms: answered };
}

function pick(offered: readonly Transform[], wanted: readonly Wanted[]) {
  for (const candidate of wanted) {
    const transform = offered.find((each) => isWanted(each, candidate));
    if (transform !== undefined) return { wanted: candidate, transform };
    if (candidate.id === NONE && offered.length === 0) return { wanted: candidate, transform: undefined };
  }
  return undefined;
}

/** No method is used twice (RFC 9370 §2.2.1), and there is no further exchange without a first one. */
function isFresh(type: number, { id }: Wanted, picked: ReadonlyMap<number, Wanted>): boolean {
  if (!isAdditional(type) || id === NONE) return true;
  if (!picked.has(TransformType.KE)) return false;
  return ![...picked].some(([other, wanted]) => isExchange(other) && wanted.id === id);
}

/** Methods that are not worth a saved round. */
const WEAK: readonly number[] = ['modp1024' as const, 'modp1536' as const].map(groupNumber);

/** The table with one key exchange method in front, where it is in the table at all. */
function preferring(table: Rows, keGroup: number | undefined): Rows {
  const groups = table.get(TransformType.KE);
  const first = groups?.find(({ id }) => id === keGroup);
  if (groups === undefined || first === undefined || WEAK.includes(first.id)) return table;
  return new Map(table).set(TransformType.KE, [first, ...groups.filter((group) => group !== first)]);
}

function ikeProposalOf(picked: ReadonlyMap<number, Wanted>, { prfs }: IkeV2Alternatives): IkeV2Proposal {
  const prf = picked.get(TransformType.PRF);
  const integrity = integrityIn(picked);
  return {
    ...encryptionOf(picked.get(TransformType.ENCR)!),
    ...(integrity && { integrity: integrity as IkeIntegrity }),
    prf: prf === undefined ? prfs[0]! : prfOf(prf),
    group: groupOf(picked.get(TransformType.KE)!.id)!,
    additional: additionalIn(picked),
  };
}

function childProposalOf(picked: ReadonlyMap<number, Wanted>): IkeV2EspProposal {
  const { encryption, keyBits } = encryptionOf(picked.get(TransformType.ENCR)!);
  const integrity = integrityIn(picked);
  const exchange = picked.get(TransformType.KE);
  return {
    suite: { encryption: encryption as EspEncryption, keyBits, ...(integrity && { integrity }) },
    extendedSequence: picked.get(TransformType.ESN)?.id === 1,
    ...(exchange && { group: groupOf(exchange.id)! }),
    additional: additionalIn(picked),
  };
}

function integrityIn(picked: ReadonlyMap<number, Wanted>) {
  const wanted = picked.get(TransformType.INTEG);
  return wanted && integrityOf(wanted);
}

const additionalIn = (picked: ReadonlyMap<number, Wanted>): GroupName[] =>
  [...picked].filter(([type]) => isAdditional(type)).map(([, { id }]) => groupOf(id)!);

function answering({ candidate: { number, protocol, spi }, transforms }: Match) {
  return {
    peerSpi: spi,
    answer: (ourSpi: Uint8Array = new Uint8Array(0)): SaPayload => ({
      kind: 'SA',
      proposals: [{ number, protocol, spi: ourSpi, transforms }],
    }),
  };
}

const offer = (protocol: number, spi: Uint8Array, tables: readonly Rows[]): SaPayload => ({
  kind: 'SA',
  proposals: tables.map((table, i) => ({ number: i + 1, protocol, spi, transforms: transformsOf(table) })),
});

/** One proposal with at most one transform of each type. */
function isOneOfEach({ proposals }: SaPayload): boolean {
  const [only, second] = proposals;
  if (only === undefined || second !== undefined) return false;
  return new Set(only.transforms.map(({ type }) => type)).size === only.transforms.length;
}

function profileThat(matches: (name: ProfileName) => boolean): { readonly profile?: ProfileName } {
  const profile = profileNames.find(matches);
  return profile === undefined ? {} : { profile };
}

const spiNumber = (spi: Uint8Array) => spi.reduce((sum, byte) => sum * 256 + byte, 0);
