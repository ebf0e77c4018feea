/** Rekeying the IKE SA as initiator: a new generation of keys under the same IKE SA. RFC 7296 §1.3.2, §2.8, §2.18. */

import type { Failure, Instant } from '../../../core/index.ts';
import type { GroupName, KeyPair } from '../../../crypto/index.ts';
import { milestone } from '../../milestone.ts';
import type { Association, Task } from '../association.ts';
import { retire } from '../closing.ts';
import type { Context } from '../context.ts';
import { errorIn, failureFrom, malformed, refusedKey } from '../failures.ts';
import type { IkeSa } from '../ikeSa.ts';
import { deriveSecret, generateKey } from '../keyAgreement.ts';
import { rekeyedKeys } from '../keys.ts';
import { isLower, isNonceLength, lowest, NONCE_BYTES } from '../nonces.ts';
import { deleteIkeSa, ExchangeType, type NotifyPayload, NotifyType } from '../payloads/index.ts';
import { withGroupFirst } from '../policy.ts';
import {
  type IkeV2Alternatives,
  type IkeV2Policy,
  type IkeV2Proposal,
  ikeV2AlternativesText,
  ikeV2ProposalText,
} from '../proposal.ts';
import {
  type ChosenIkeV2,
  firstIkeGroup,
  groupsOf,
  offerIkeV2,
  readIkeV2Answer,
  readInvalidKe,
} from '../proposalChoice.ts';
import { groupNumber, groupOf } from '../proposalTransforms.ts';
import { enqueue, finishTask, runTasks, sendRequest } from '../requests.ts';
import { freshSpi } from '../spis.ts';
import { find, type PayloadChain } from '../wire/index.ts';
import { isNeverReady, laterThan } from './createChild.ts';
import { armLifetime } from './establishment.ts';
import { runFollowUp } from './followupKe.ts';
import { logIkeKeys } from './keyLog.ts';

const MAX_TRIES = 3;
/** The peer's own Delete may have crossed ours. */
const LINGER = 20_000;
/** A generation that the peer does not delete goes after that time. */
const RETIRE_AFTER = 60_000;

/** Our attempt, from the request on. */
export interface IkeRekey {
  readonly old: Association;
  /** What the peer made of its own attempt meanwhile. RFC 7296 §2.8.2. */
  rival: { readonly association: Association; readonly lowestNonce: Uint8Array } | undefined;
}

export function rekeyIke(context: Context, sa: IkeSa, now: Instant): void {
  const { ike } = context.config.profile.offer;
  const proposal = sa.association.proposal!;
  const policy = withGroupFirst({ ...ike, proposals: [sameAs(proposal), ...ike.proposals] }, proposal.group);
  begin(context, sa, policy, 0, now);
}

function sameAs({ encryption, keyBits, integrity, prf, group, additional }: IkeV2Proposal): IkeV2Alternatives {
  return {
    ciphers: [{ encryption, keyBits }],
    integrities: integrity === undefined ? [] : [integrity],
    prfs: [prf],
    groups: [group],
    additional: additional.map((further) => [further]),
  };
}

function begin(context: Context, sa: IkeSa, policy: IkeV2Policy, tries: number, now: Instant) {
  const old = sa.association;
  if (sa.rekey !== undefined || old.queue.some(({ name }) => name === NAME)) return;
  const group = firstIkeGroup(policy)!;
  const nonce = context.random(NONCE_BYTES);
  const spi = freshSpi(context);
  let keyPair: KeyPair | undefined;
  const task: Task = {
    name: NAME,
    exchange: ExchangeType.CREATE_CHILD_SA,
    begin: () => {
      if (sa.association !== old || old.state !== 'live') return undefined;
      generateKey(context, sa, group, (made, later) => {
        if (old.state !== 'live') {
          finishTask(context, old, later);
          return;
        }
        keyPair = made;
        sa.rekey = { old, rival: undefined };
        const ke = { kind: 'KE', group: groupNumber(group), data: made.publicValue } as const;
        sendRequest(context, old, [offerIkeV2(policy, spi), { kind: 'Nonce', data: nonce }, ke], later);
      });
      return 'later';
    },
    done: (answer, later) => {
      const error = errorIn(answer);
      if (error !== undefined) {
        if (takeRival(context, sa, old, later)) return 'later';
        onRefused(context, sa, policy, tries, error, group, later);
        return undefined;
      }
      onAnswer(context, sa, old, { policy, group, nonce, spi, keyPair: keyPair! }, answer, later);
      return 'later';
    },
    abandoned: () => {
      if (sa.rekey?.old === old) sa.rekey = undefined;
    },
  };
  enqueue(context, old, task, now);
}

const NAME = 'rekey the IKE SA';

interface Said {
  readonly policy: IkeV2Policy;
  readonly group: GroupName;
  readonly nonce: Uint8Array;
  readonly spi: Uint8Array;
  readonly keyPair: KeyPair;
}

function onAnswer(context: Context, sa: IkeSa, old: Association, said: Said, answer: PayloadChain, now: Instant) {
  const { policy, group, nonce, spi, keyPair } = said;
  const fail = (failure: Failure, later: Instant) => {
    if (takeRival(context, sa, old, later)) return;
    context.emit({ type: 'ikeFailed', ikeSa: sa.id, remote: sa.remote, failure });
    finishTask(context, old, later);
  };
  const offered = find(answer, 'SA');
  const ke = find(answer, 'KE');
  const peerNonce = find(answer, 'Nonce')?.data.slice();
  if (offered === undefined || ke === undefined || peerNonce === undefined || !isNonceLength(peerNonce)) {
    return fail(malformed('an answer to rekeying without SA, KE or nonce'), now);
  }
  const chosen = readIkeV2Answer(offered, policy, { rekey: true });
  if (chosen.type === 'mismatch' || chosen.proposal.group !== group || groupOf(ke.group) !== group) {
    return fail(malformed('an answer to rekeying that chooses what was not offered'), now);
  }
  deriveSecret(context, sa, group, keyPair, ke.data.slice(), (secret, later) => {
    if (secret === undefined) return fail(refusedKey, later);
    runFollowUp(context, old, answer, chosen.proposal.additional, [secret], later, (secrets, last) => {
      if ('code' in secrets) return fail(secrets, last);
      const spis = { initiator: spi, responder: chosen.peerSpi.slice() };
      const made = addGeneration(context, old, true, chosen, spis, { initiator: nonce, responder: peerNonce }, secrets);
      settle(context, sa, old, made, lowest(nonce, peerNonce), last);
    });
  });
}

/** Our own attempt has come to nothing. @returns whether the peer's has come about meanwhile */
function takeRival(context: Context, sa: IkeSa, old: Association, now: Instant): boolean {
  const rival = sa.rekey?.rival;
  sa.rekey = undefined;
  if (rival === undefined) return false;
  old.current = undefined;
  succeed(context, sa, rival.association, now);
  sa.timers.set(`retire:${old.serial}`, now + RETIRE_AFTER);
  return true;
}

/** A generation that hears and answers, and is not yet where our requests go. */
export function addGeneration(
  context: Context,
  old: Association,
  initiated: boolean,
  { proposal }: ChosenIkeV2,
  spis: { readonly initiator: Uint8Array; readonly responder: Uint8Array },
  nonces: { readonly initiator: Uint8Array; readonly responder: Uint8Array },
  secrets: readonly Uint8Array[],
): Association {
  const { sa } = old;
  const made = sa.generation(initiated, spis.initiator, spis.responder);
  made.proposal = proposal;
  made.keys = rekeyedKeys(context.crypto, proposal, old.keys!, { nonces, spis }, secrets);
  made.state = 'live';
  sa.associations.push(made);
  context.index(made);
  logIkeKeys(context, made);
  return made;
}

/** Of two new generations the one with the lowest nonce is deleted by who began it. RFC 7296 §2.8.2. */
function settle(
  context: Context,
  sa: IkeSa,
  old: Association,
  made: Association,
  ours: Uint8Array,
  now: Instant,
): void {
  const rival = sa.rekey?.rival;
  sa.rekey = undefined;
  sa.temporarySince = undefined;
  old.current = undefined;
  if (rival !== undefined && isLower(ours, rival.lowestNonce)) {
    made.state = 'deleting';
    succeed(context, sa, rival.association, now);
    enqueue(context, made, goodbye(context, made), now);
    sa.timers.set(`retire:${old.serial}`, now + RETIRE_AFTER);
    return;
  }
  if (rival !== undefined) sa.timers.set(`retire:${rival.association.serial}`, now + RETIRE_AFTER);
  succeed(context, sa, made, now);
  old.state = 'deleting';
  enqueue(context, old, goodbye(context, old), now);
}

/** The end of a generation, the last request that is sent over it. */
function goodbye(context: Context, association: Association): Task {
  return {
    name: 'delete the old IKE SA',
    exchange: ExchangeType.INFORMATIONAL,
    begin: () => [deleteIkeSa],
    done: (_answer, now) => {
      association.sa.timers.set(`retire:${association.serial}`, now + LINGER);
      return undefined;
    },
    abandoned: () => retire(context, association),
  };
}

/** From now on requests go over this generation; what waited for the old one waits for it. */
export function succeed(context: Context, sa: IkeSa, made: Association, now: Instant): void {
  const old = sa.association;
  if (old === made) return;
  const waiting = old.queue.splice(0).filter(({ name }) => name !== NAME);
  old.state = 'replaced';
  sa.association = made;
  sa.temporarySince = undefined;
  made.queue.push(...waiting);
  armLifetime(context, sa, now);
  milestone(context, sa, 'ike rekeyed', ikeV2ProposalText(made.proposal!));
  runTasks(context, made, now);
}

function onRefused(
  context: Context,
  sa: IkeSa,
  policy: IkeV2Policy,
  tries: number,
  error: NotifyPayload,
  group: GroupName,
  now: Instant,
) {
  if (error.notifyType === NotifyType.INVALID_KE_PAYLOAD && tries < MAX_TRIES) {
    const other = readInvalidKe(error.data, groupsOf(policy));
    const having = {
      ...policy,
      proposals: policy.proposals.filter(({ groups }) => groups.some((each) => each === other)),
    };
    if (other !== undefined && other !== group)
      return begin(context, sa, withGroupFirst(having, other), tries + 1, now);
  }
  if (error.notifyType === NotifyType.TEMPORARY_FAILURE) {
    if (!isNeverReady(context, sa, now)) sa.timers.set('renew', laterThan(context, now));
    return;
  }
  const failure = failureFrom(error, 'rekeying of the IKE SA', policy.proposals.map(ikeV2AlternativesText));
  context.emit({ type: 'ikeFailed', ikeSa: sa.id, remote: sa.remote, failure });
}

export { RETIRE_AFTER };
