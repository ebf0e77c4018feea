/** INFORMATIONAL requests of the peer: Delete, liveness, errors, addresses. RFC 7296 §1.4, §2.4, §2.25. */

import type { Failure, Instant } from '../../../core/index.ts';
import { nameOf } from '../../../wire/index.ts';
import type { Association } from '../association.ts';
import { type Child, childByOutboundSpi, dropChild, spiBytes } from '../childSa.ts';
import { closedAfterAnswer, deletedSpis, REPLACED, takeUp } from '../closing.ts';
import type { Context } from '../context.ts';
import { failureFrom } from '../failures.ts';
import type { IkeSa } from '../ikeSa.ts';
import { deleteEsp, NotifyType, type Payload, ProtocolId } from '../payloads/index.ts';
import type { Arrival } from '../receiving.ts';
import { abandonTasks } from '../requests.ts';
import { respond } from '../transmission.ts';
import { onInvalidSpi } from '../unknownSpi.ts';
import { all, findNotify, type PayloadChain } from '../wire/index.ts';
import { answerMobike } from './mobikeResponder.ts';
import { onRedirect, redirectedTo } from './redirect.ts';
import { settleOnDelete } from './rekeyIkeResponder.ts';

export function onInformational(context: Context, association: Association, arrival: Arrival, now: Instant): void {
  const { sa } = association;
  const { chain } = arrival;
  if (all(chain, 'D').some(({ protocol }) => protocol === ProtocolId.IKE)) {
    onDeleteIkeSa(context, association, now);
    return;
  }
  if (
    findNotify(chain, NotifyType.AUTHENTICATION_FAILED) !== undefined ||
    findNotify(chain, NotifyType.INVALID_SYNTAX)
  ) {
    onFatal(context, association, chain, now);
    return;
  }
  const answer: Payload[] = [];
  const ended: Ended[] = [];
  if (sa.phase === 'established') {
    ended.push(...deletedChildren(context, sa, chain, now));
    const spis = ended.filter(({ isNews }) => isNews).map(({ child }) => spiBytes(child.inboundSpi));
    if (spis.length > 0) answer.push(deleteEsp(spis));
    onInvalidSpi(context, sa, chain);
    answer.push(...answerMobike(context, association, arrival, now));
  }
  respond(context, association, answer, now);
  // What the owner does about it comes after the answer.
  for (const { child, reason } of ended) dropChild(context, child, reason);
  if (sa.phase === 'established') onRedirect(context, sa, chain, now);
}

interface Ended {
  readonly child: Child;
  readonly reason: Failure;
  /** False for one that we are deleting ourselves. */
  readonly isNews: boolean;
}

/**
 * The peer names the SPIs that it receives on: what we send with. The answer names the other half of each, except of
 * those that we are deleting ourselves. RFC 7296 §1.4.1, §2.25.1.
 */
function deletedChildren(context: Context, sa: IkeSa, chain: PayloadChain, now: Instant): readonly Ended[] {
  const ended = new Map<Child, Ended>();
  for (const spi of deletedSpis(chain)) {
    const child = childByOutboundSpi(sa, spi);
    if (child === undefined) continue;
    // Of two that have crossed, the one that we do not delete.
    const successor = [...sa.children.values()].findLast(({ replaces, closing }) => replaces === child.id && !closing);
    // It says goodbye to the old one, so it has the new one. RFC 7296 §2.8.
    if (successor !== undefined) takeUp(context, successor, now);
    const reason = successor === undefined ? PEER_DELETED_CHILD : REPLACED;
    ended.set(child, { child, reason, isNews: !sa.closingSpis.has(spi) });
  }
  return [...ended.values()];
}

function onDeleteIkeSa(context: Context, association: Association, now: Instant): void {
  const { sa } = association;
  respond(context, association, [], now);
  // The end of one generation is not the end of the IKE SA.
  if (association !== sa.association) {
    if (association.state !== 'replaced') settleOnDelete(context, sa, association, now);
    lingerGeneration(sa, association, now);
    return;
  }
  if (settleOnDelete(context, sa, association, now)) {
    lingerGeneration(sa, association, now);
    return;
  }
  closedAfterAnswer(context, sa, sa.redirectedTo === undefined ? PEER_DELETED : redirectedTo(sa.redirectedTo), now);
}

/** A generation that is over still answers duplicates for a while. */
const GENERATION_LINGER = 20_000;

function lingerGeneration(sa: IkeSa, association: Association, now: Instant): void {
  if (!sa.associations.includes(association)) return;
  // An answer that is being worked on is not lost: its task goes on without the generation.
  if (!association.current?.answered) abandonTasks(association, REPLACED);
  sa.timers.set(`retire:${association.serial}`, now + GENERATION_LINGER);
}

/** The peer says that all is over, without a Delete. RFC 7296 §2.21.2, §2.21.3. */
function onFatal(context: Context, association: Association, chain: PayloadChain, now: Instant): void {
  const { sa } = association;
  respond(context, association, [], now);
  const notify = all(chain, 'N').find(
    ({ notifyType }) => notifyType === NotifyType.AUTHENTICATION_FAILED || notifyType === NotifyType.INVALID_SYNTAX,
  )!;
  const isEapOver = sa.phase === 'authenticating' && notify.notifyType === NotifyType.AUTHENTICATION_FAILED;
  const failure = isEapOver ? EAP_GIVEN_UP : failureFrom(notify, nameOf(NotifyType, notify.notifyType), []);
  closedAfterAnswer(context, sa, failure, now);
}

const EAP_GIVEN_UP: Failure = {
  code: 'eap-given-up',
  reason:
    'the peer ended its login with EAP: it does not believe our certificate, or has no way to log in that we take',
  remedy: 'See what the peer says: it must trust our authority and expect our name, and share a method of EAP with us.',
};
const PEER_DELETED = { code: 'peer-deleted', reason: 'the peer deleted the IKE SA' };
const PEER_DELETED_CHILD = { code: 'peer-deleted', reason: 'the peer deleted the child SA' };
