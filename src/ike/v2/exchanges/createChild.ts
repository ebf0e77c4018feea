/** CREATE_CHILD_SA for a child SA, as its initiator: a new one, or the successor of one. RFC 7296 §1.3.1, §1.3.3, §2.8, §2.25. */

import type { Failure, Instant, Milliseconds } from '../../../core/index.ts';
import type { GroupName, KeyPair } from '../../../crypto/index.ts';

import type { Task } from '../association.ts';
import { type Child, confirmChild, dropChild, hasRelative, hasSuccessor, SURELY_KNOWN, spiBytes } from '../childSa.ts';
import { closeAndTell, disown, retireChild } from '../closing.ts';
import type { Context } from '../context.ts';
import { errorIn, failureFrom, malformed, refusedKey } from '../failures.ts';
import type { IkeSa, WantedChild } from '../ikeSa.ts';
import { deriveSecret, generateKey } from '../keyAgreement.ts';
import { lookAtMapping } from '../liveness.ts';
import { isLower, isNonceLength, lowest, NONCE_BYTES } from '../nonces.ts';
import { ExchangeType, type NotifyPayload, NotifyType, notify, type Payload, ProtocolId } from '../payloads/index.ts';
import { withChildGroupFirst } from '../policy.ts';
import { type ChildAlternatives, type ChildSaPolicy, childAlternativesText } from '../proposal.ts';
import { firstChildGroup, groupsOf, readInvalidKe } from '../proposalChoice.ts';
import { groupNumber, groupOf } from '../proposalTransforms.ts';
import { enqueue, finishTask, sendRequest } from '../requests.ts';
import { selectorOf } from '../selectorText.ts';
import { find, type PayloadChain } from '../wire/index.ts';
import { type ChildOffer, here, installAnswered, offerFor, offerPayloads, readChild } from './childNegotiation.ts';
import { isFollowedUp, runFollowUp } from './followupKe.ts';

/** Groups that are tried after the peer named another one. */
const MAX_TRIES = 3;
/** What could not be done for the moment is tried again after so long, and as long again at random. RFC 7296 §2.25. */
export const TRY_AGAIN: Milliseconds = 5000;
/** A peer that is never ready is of another mind about what there is. */
const NEVER_READY: Milliseconds = 180_000;
/** Longer than it takes until what was put off is put off again. */
const STILL_TRIED: Milliseconds = 60_000;

interface Attempt {
  readonly sa: IkeSa;
  readonly wanted: WantedChild | undefined;
  readonly replaced: Child | undefined;
  readonly policy: ChildSaPolicy;
  readonly tries: number;
}

/** One more child SA. */
export function createChild(context: Context, sa: IkeSa, wanted: WantedChild, now: Instant): void {
  begin(context, { sa, wanted, replaced: undefined, policy: policyFor(context, sa, undefined), tries: 0 }, now);
}

/** A peer that has ended a child SA may be about to end the IKE SA too. */
const CREATE_ANEW_AFTER: Milliseconds = 1000;

/** The child SA that the IKE SA was begun for, in a moment and where none has come until then. */
export function createAnew({ config: { initiate } }: Context, sa: IkeSa, now: Instant): void {
  if (sa.wantedLater.length > 0) return;
  sa.wantedLater.push(...(initiate.mode === 'tunnel' ? sa.wanted : sa.wanted.map((wanted) => hereAndNow(sa, wanted))));
  sa.timers.set('create', now + CREATE_ANEW_AFTER);
}

/** Transport mode is between the two ends, wherever they have moved since. */
const hereAndNow = ({ local, remote }: IkeSa, { localSelector, remoteSelector }: WantedChild): WantedChild => ({
  localSelector: { ...localSelector, address: local.address },
  remoteSelector: { ...remoteSelector, address: remote.address },
});

/** The successor of a child SA, with the same selectors and algorithms where the peer still wants them. */
export function rekeyChild(context: Context, child: Child, now: Instant): void {
  const { sa } = child;
  if (!sa.established || child.rekeying || child.closing) return;
  // The peer may not have our answer yet that made it.
  if (!child.confirmed || (!child.isKnown && now < child.installedAt + SURELY_KNOWN)) {
    sa.timers.set(`renewChild:${child.id}`, laterThan(context, now));
    return;
  }
  begin(context, { sa, wanted: undefined, replaced: child, policy: policyFor(context, sa, child), tries: 0 }, now);
}

/** What the child has now comes first, with a key exchange as the IKE SA had it, or with none. */
function policyFor(context: Context, sa: IkeSa, child: Child | undefined): ChildSaPolicy {
  const { esp } = context.config.profile.offer;
  const group = child?.proposal.group ?? sa.association.proposal!.group;
  const all = groupsOf(esp);
  const groups = all.includes(group) ? all : [group, ...all];
  const now = child && sameAs(child, groups.includes('none') ? groups : [...groups, 'none']);
  return withChildGroupFirst({ ...esp, proposals: [...(now === undefined ? [] : [now]), ...esp.proposals] }, group);
}

function sameAs(
  { proposal: { suite, extendedSequence, additional } }: Child,
  groups: readonly (GroupName | 'none')[],
): ChildAlternatives {
  const { encryption, keyBits, integrity } = suite;
  return {
    ciphers: [{ encryption, keyBits }],
    integrities: integrity === undefined ? [] : [integrity],
    groups,
    additional: additional.map((group) => [group, 'none']),
    esn: [extendedSequence],
  };
}

function begin(context: Context, attempt: Attempt, now: Instant) {
  const { sa, replaced } = attempt;
  let offer: ChildOffer | undefined;
  let keyPair: KeyPair | undefined;
  const nonce = context.random(NONCE_BYTES);
  const group = firstChildGroup(attempt.policy);
  let isCounted = false;
  const end = () => {
    if (!isCounted) return;
    isCounted = false;
    sa.creating--;
    if (replaced !== undefined) replaced.rekeying = false;
  };
  const task: Task = {
    name: replaced === undefined ? 'create a child SA' : 'rekey a child SA',
    exchange: ExchangeType.CREATE_CHILD_SA,
    begin: (at) => {
      const isOver =
        replaced !== undefined &&
        (!context.children.has(replaced.id) ||
          replaced.closing ||
          replaced.hasLost ||
          hasSuccessor(sa, replaced) ||
          isFollowedUp(sa, replaced, at));
      if (isOver) return undefined;
      offer = offerOf(context, attempt);
      sa.creating++;
      isCounted = true;
      if (replaced !== undefined) replaced.rekeying = true;
      const send = (later: Instant) =>
        sendRequest(context, sa.association, requestOf(offer!, replaced, nonce, group, keyPair), later);
      if (group === undefined) {
        send(at);
        return 'later';
      }
      generateKey(context, sa, group, (made, later) => {
        keyPair = made;
        send(later);
      });
      return 'later';
    },
    done: (answer, later) => {
      const error = errorIn(answer);
      if (error !== undefined) {
        end();
        onRefused(context, attempt, error, group, later);
        return undefined;
      }
      onAnswer(context, attempt, offer!, { nonce, group, keyPair }, answer, later, end);
      return 'later';
    },
    abandoned: end,
  };
  enqueue(context, sa.association, task, now);
}

function offerOf(context: Context, { sa, wanted, replaced, policy }: Attempt): ChildOffer {
  if (wanted !== undefined) return { ...offerFor(context, wanted, false), policy };
  const { mode, local, remote } = replaced!;
  const like = { localSelector: selectorOf(local[0]!), remoteSelector: selectorOf(remote[0]!) };
  return { ...offerFor(context, like, false), policy, mode, ...here(sa, mode, { local, remote }), renews: true };
}

function requestOf(
  offer: ChildOffer,
  replaced: Child | undefined,
  nonce: Uint8Array,
  group: GroupName | undefined,
  keyPair: KeyPair | undefined,
): readonly Payload[] {
  const about = replaced && { protocol: ProtocolId.ESP, spi: spiBytes(replaced.inboundSpi) };
  const between: Payload[] = [
    { kind: 'Nonce', data: nonce },
    ...(group === undefined ? [] : [{ kind: 'KE', group: groupNumber(group), data: keyPair!.publicValue } as const]),
  ];
  const rekeys = about === undefined ? [] : [notify(NotifyType.REKEY_SA, undefined, about)];
  return [...rekeys, ...offerPayloads(offer, between)];
}

interface Said {
  readonly nonce: Uint8Array;
  readonly group: GroupName | undefined;
  readonly keyPair: KeyPair | undefined;
}

function onAnswer(
  context: Context,
  attempt: Attempt,
  offer: ChildOffer,
  { nonce, group, keyPair }: Said,
  answer: PayloadChain,
  now: Instant,
  end: () => void,
) {
  const { sa, replaced } = attempt;
  const { association } = sa;
  const fail = (failure: Failure, later: Instant) => {
    end();
    context.emit({ type: 'ikeFailed', ikeSa: sa.id, remote: sa.remote, failure });
    disown(context, sa, offer.spi, later);
    finishTask(context, association, later);
  };
  const agreed = readChild(sa, offer, answer);
  if ('code' in agreed) return fail(agreed, now);
  const peerNonce = find(answer, 'Nonce')?.data.slice();
  if (peerNonce === undefined || !isNonceLength(peerNonce)) return fail(malformed('an answer without a nonce'), now);
  const nonces = { initiator: nonce, responder: peerNonce };
  const { proposal } = agreed.chosen;
  const install = (secrets: readonly Uint8Array[], later: Instant) => {
    end();
    const made = installAnswered(context, association, offer, agreed, nonces, secrets, replaced, later);
    sa.temporarySince = undefined;
    settle(context, made, replaced, lowest(nonce, peerNonce), later);
    finishTask(context, association, later);
    lookAtMapping(context, sa, later);
  };
  const further = (secrets: readonly Uint8Array[], later: Instant) =>
    runFollowUp(context, association, answer, proposal.additional, secrets, later, (result, last) => {
      if ('code' in result) fail(result, last);
      else install(result, last);
    });
  if (proposal.group === undefined) return further([], now);
  const ke = find(answer, 'KE');
  if (ke === undefined || proposal.group !== group || groupOf(ke.group) !== group) {
    return fail(malformed('an answer whose key exchange is not the one that was offered'), now);
  }
  deriveSecret(context, sa, group, keyPair!, ke.data.slice(), (secret, later) => {
    if (secret === undefined) fail(refusedKey, later);
    else further([secret], later);
  });
}

/** Make before break: the old one goes when the new one stands. Of two new ones the lowest nonce's goes. RFC 7296 §2.8.1. */
function settle(context: Context, made: Child, replaced: Child | undefined, ours: Uint8Array, now: Instant): void {
  const rival = replaced?.rival;
  const other = rival?.child === undefined ? undefined : context.children.get(rival.child);
  const isAwaited = rival?.child === undefined && replaced !== undefined && isFollowedUp(made.sa, replaced, now);
  // Our answer may have been so long on its way that the rival has been renewed meanwhile.
  const isRelated = hasRelative(made.sa, made);
  const isThere = isAwaited || (rival?.child !== undefined && isRelated);
  // What was renewed may have lost against another successor in the meantime.
  const isOfLoser = replaced?.hasLost === true && isRelated;
  if (isOfLoser || (rival !== undefined && isThere && isLower(ours, rival.lowestNonce))) {
    retireChild(context, made, now);
    return;
  }
  made.lowestNonce = ours;
  confirmChild(context, made);
  if (other !== undefined) {
    other.hasLost = true;
    other.sa.timers.clear(`confirm:${other.id}`);
  }
  if (replaced !== undefined && context.children.has(replaced.id)) retireChild(context, replaced, now);
}

function onRefused(
  context: Context,
  attempt: Attempt,
  error: NotifyPayload,
  group: GroupName | undefined,
  now: Instant,
) {
  const { sa, replaced, policy, tries } = attempt;
  const again = (changed: ChildSaPolicy) => begin(context, { ...attempt, policy: changed, tries: tries + 1 }, now);
  switch (error.notifyType) {
    case NotifyType.INVALID_KE_PAYLOAD: {
      const other = readInvalidKe(error.data, groupsOf(policy));
      if (other !== undefined && other !== group && tries < MAX_TRIES) return again(onlyWith(policy, other));
      break;
    }
    case NotifyType.NO_PROPOSAL_CHOSEN:
      // Some peers take a child SA with a key exchange of its own for another one than they know.
      if (group !== undefined && tries < MAX_TRIES) return again(onlyWith(policy, 'none'));
      break;
    case NotifyType.TEMPORARY_FAILURE:
      return tryLater(context, attempt, now);
    case NotifyType.CHILD_SA_NOT_FOUND:
      return onNotFound(context, attempt, now);
  }
  const failure = failureFrom(
    error,
    replaced === undefined ? 'child SA' : 'rekeying of a child SA',
    policy.proposals.map(childAlternativesText),
  );
  context.emit({ type: 'ikeFailed', ikeSa: sa.id, remote: sa.remote, failure });
}

/** The proposals that have a group, with that group in front or alone. */
function onlyWith(policy: ChildSaPolicy, group: GroupName | 'none'): ChildSaPolicy {
  if (group !== 'none') return withChildGroupFirst(policy, group);
  return { ...policy, proposals: policy.proposals.map((row) => ({ ...row, groups: ['none'], additional: [] })) };
}

function tryLater(context: Context, { sa, replaced, wanted }: Attempt, now: Instant): void {
  if (isNeverReady(context, sa, now)) return;
  const at = laterThan(context, now);
  if (replaced !== undefined) sa.timers.set(`renewChild:${replaced.id}`, at);
  else if (wanted !== undefined) {
    sa.wantedLater.push(wanted);
    sa.timers.set('create', at);
  }
}

export const laterThan = (context: Context, now: Instant): Instant =>
  now + TRY_AGAIN + (TRY_AGAIN * context.random(1)[0]!) / 256;

/** @returns whether the IKE SA was closed, for the peer has not been ready for minutes. RFC 7296 §2.25 */
export function isNeverReady(context: Context, sa: IkeSa, now: Instant): boolean {
  // What was put off and then needed no more says nothing of the next time.
  if (sa.temporaryAt !== undefined && now > sa.temporaryAt + STILL_TRIED) sa.temporarySince = undefined;
  sa.temporaryAt = now;
  sa.temporarySince ??= now;
  if (now < sa.temporarySince + NEVER_READY) return false;
  closeAndTell(context, sa, OUT_OF_STEP, now);
  return true;
}

/** The peer knows no such child SA: it has renewed it itself, has deleted it, or is out of step. RFC 7296 §2.25. */
function onNotFound(context: Context, attempt: Attempt, now: Instant): void {
  const { sa, replaced } = attempt;
  // It will know it when it has our answer.
  if (replaced?.isKnown === false) {
    tryLater(context, attempt, now);
    return;
  }
  if (replaced === undefined || !context.children.has(replaced.id) || replaced.rival !== undefined) return;
  const { local, remote } = replaced;
  dropChild(context, replaced, NOT_FOUND);
  createChild(context, sa, { localSelector: selectorOf(local[0]!), remoteSelector: selectorOf(remote[0]!) }, now);
}

const OUT_OF_STEP: Failure = {
  code: 'out-of-step',
  reason: 'the peer has put off what it was asked for several minutes: the two ends know of different SAs',
};

const NOT_FOUND: Failure = { code: 'child-not-found', reason: 'the peer has no such child SA any more' };
