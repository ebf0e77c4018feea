/** CREATE_CHILD_SA as its responder: what may be done now, and what collides. RFC 7296 §1.3, §2.8.1, §2.25. */

import type { Failure, Instant, Milliseconds } from '../../../core/index.ts';
import type { Association } from '../association.ts';
import {
  type Child,
  childByOutboundSpi,
  confirmChild,
  confirmLater,
  hasSuccessor,
  MAX_CHILDREN,
  type Rival,
  spiNumber,
} from '../childSa.ts';
import type { Context } from '../context.ts';
import { malformed, type Refused, refused, refusedKey } from '../failures.ts';
import type { IkeSa } from '../ikeSa.ts';
import { type AgreedKey, agree } from '../keyAgreement.ts';
import { isLower, isNonceLength, lowest, NONCE_BYTES } from '../nonces.ts';
import { type NotifyPayload, NotifyType, notify, type Payload, ProtocolId } from '../payloads/index.ts';
import { invalidKeData } from '../proposalChoice.ts';
import { groupNumber, groupOf } from '../proposalTransforms.ts';
import { selectorsText } from '../selectors.ts';
import { respond } from '../transmission.ts';
import { find, findNotify, type PayloadChain } from '../wire/index.ts';
import { type AgreedChild, answerChild, considerChild } from './childNegotiation.ts';
import { awaitFollowUp } from './followupKe.ts';
import { onRekeyIke } from './rekeyIkeResponder.ts';

/** Where the peer says nothing, our own successor that has lost is kept for as long as our answer may be on its way. */
const LOSER_STAYS: Milliseconds = 15_000;

export function onCreateChild(context: Context, association: Association, chain: PayloadChain, now: Instant): void {
  const { sa } = association;
  if (sa.phase !== 'established') {
    respond(context, association, [notify(NotifyType.TEMPORARY_FAILURE)], now);
    return;
  }
  const offered = find(chain, 'SA');
  if (offered?.proposals[0]?.protocol === ProtocolId.IKE) {
    onRekeyIke(context, association, chain, now);
    return;
  }
  const asked = consider(context, association, chain);
  if ('answer' in asked) {
    respond(context, association, [asked.answer], now);
    return;
  }
  if ('failure' in asked) {
    context.emit({ type: 'ikeFailed', ikeSa: sa.id, remote: sa.remote, failure: asked.failure });
    respond(context, association, [notify(asked.notifyType, asked.data)], now);
    return;
  }
  const { group } = asked.agreed.chosen.proposal;
  if (group === undefined) {
    answer(context, association, chain, asked, undefined, now);
    return;
  }
  agree(context, sa, group, find(chain, 'KE')!.data.slice(), (agreed, later) => {
    // Meanwhile it may have come out that it goes without a successor of its own.
    if (asked.replaced?.hasLost || (asked.replaced?.closing && !hasSuccessor(sa, asked.replaced))) {
      return respond(context, association, [NOT_NOW.answer], later);
    }
    if (agreed !== undefined) return answer(context, association, chain, asked, agreed, later);
    context.emit({ type: 'ikeFailed', ikeSa: sa.id, remote: sa.remote, failure: refusedKey });
    respond(context, association, [notify(NotifyType.INVALID_SYNTAX)], later);
  });
}

interface Asked {
  readonly agreed: AgreedChild;
  readonly replaced: Child | undefined;
}

function consider(
  context: Context,
  association: Association,
  chain: PayloadChain,
): Asked | Refused | { readonly answer: NotifyPayload } {
  const { sa } = association;
  // While the IKE SA is renewed or about to end nothing new is hung on it. RFC 7296 §2.25.2.
  if (association !== sa.association || association.state !== 'live' || sa.rekey !== undefined) return NOT_NOW;
  const rekeys = findNotify(chain, NotifyType.REKEY_SA);
  const spi = rekeys && spiNumber(rekeys.spi);
  const replaced = spi === undefined ? undefined : childByOutboundSpi(sa, spi);
  if (rekeys !== undefined) {
    if (sa.closingSpis.has(spi!) || replaced?.closing || replaced?.hasLost) return NOT_NOW;
    if (replaced === undefined) {
      const about = { protocol: rekeys.protocol, spi: rekeys.spi };
      return { answer: notify(NotifyType.CHILD_SA_NOT_FOUND, undefined, about) };
    }
  }
  if (sa.children.size >= MAX_CHILDREN) return { answer: notify(NotifyType.NO_ADDITIONAL_SAS) };
  const nonce = find(chain, 'Nonce');
  if (nonce === undefined || !isNonceLength(nonce.data)) {
    return refused(NotifyType.INVALID_SYNTAX, malformed('CREATE_CHILD_SA without a nonce of 16 to 256 bytes'));
  }
  const agreed = considerChild(context, sa, chain, { initial: false, replaced });
  if ('failure' in agreed) return agreed;
  if (replaced === undefined && isBesideOthers(sa, agreed)) return refused(NotifyType.NO_ADDITIONAL_SAS, ONE_IS_ALL);
  const { group } = agreed.chosen.proposal;
  const ke = find(chain, 'KE');
  if (group !== undefined && (ke === undefined || groupOf(ke.group) !== group)) {
    return { answer: notify(NotifyType.INVALID_KE_PAYLOAD, invalidKeData(group)) };
  }
  return { agreed, replaced };
}

/**
 * A client that was given addresses has one session, and that one pair of selectors: packets for another one would be
 * sent on whichever child SA is the newer. RFC 7296 §1.3.1 lets us take no more than one.
 */
function isBesideOthers({ configuration, children }: IkeSa, { mode, local, remote }: AgreedChild): boolean {
  if (configuration === undefined || mode === 'transport') return false;
  const textOf = (sides: Pick<AgreedChild, 'local' | 'remote'>) =>
    `${selectorsText(sides.local)} ${selectorsText(sides.remote)}`;
  const asked = textOf({ local, remote });
  return [...children.values()].some((child) => !child.closing && child.mode === 'tunnel' && textOf(child) !== asked);
}

const ONE_IS_ALL: Failure = {
  code: 'no-additional-sas',
  reason: 'the peer asks for a further child SA with other traffic selectors, and has one for its session',
  remedy: 'Let the peer ask for all its networks in one child SA.',
};

const NOT_NOW = { answer: notify(NotifyType.TEMPORARY_FAILURE) };

function answer(
  context: Context,
  association: Association,
  chain: PayloadChain,
  { agreed, replaced }: Asked,
  key: AgreedKey | undefined,
  now: Instant,
): void {
  const nonces = { initiator: find(chain, 'Nonce')!.data.slice(), responder: context.random(NONCE_BYTES) };
  const { proposal } = agreed.chosen;
  const between: Payload[] = [
    { kind: 'Nonce', data: nonces.responder },
    ...(key === undefined ? [] : [{ kind: 'KE', group: groupNumber(proposal.group!), data: key.publicValue } as const]),
  ];
  const { payloads, install } = answerChild(context, association, agreed, between);
  const rival: Rival = { child: undefined, lowestNonce: lowest(nonces.initiator, nonces.responder) };
  const complete = (secrets: readonly Uint8Array[], later: Instant) => {
    const isLate = replaced !== undefined && (replaced.closing || hasSuccessor(association.sa, replaced));
    const child = install(nonces, secrets, replaced, later);
    rival.child = child.id;
    child.loser = replaced && lostTo(association.sa, replaced, rival);
    // Until the peer has our answer it has no keys for this one: our own is sent on, and stays that long.
    if (child.loser !== undefined) {
      child.loser.hasLost = true;
      confirmLater(child, later, LOSER_STAYS);
    } else afterAnswer(context, association.sa, child, replaced, isLate, later);
  };
  if (replaced?.rekeying) replaced.rival = rival;
  const secrets = key === undefined ? [] : [key.secret];
  const asked = { groups: proposal.additional, secrets, replaced, complete };
  const more = awaitFollowUp(context, association, asked, now);
  if (more.length === 0) complete(secrets, now);
  respond(context, association, [...payloads, ...more], now);
}

/**
 * Our own successor of the same child SA, where it stood before the keys of the peer's were there and has the lowest
 * nonce: it is ours to delete. RFC 7296 §2.8.1.
 */
function lostTo(sa: IkeSa, replaced: Child, rival: Rival): Child | undefined {
  for (const own of sa.children.values()) {
    if (own.replaces !== replaced.id || own.lowestNonce === undefined || own.closing) continue;
    if (isLower(own.lowestNonce, rival.lowestNonce)) return own;
  }
  return undefined;
}

/**
 * The peer deletes the old one; until then it is what we send on.
 * @param isLate our own successor stands already
 */
function afterAnswer(
  context: Context,
  sa: IkeSa,
  child: Child,
  replaced: Child | undefined,
  isLate: boolean,
  now: Instant,
): void {
  if (replaced === undefined || (!isLate && !context.children.has(replaced.id))) {
    confirmChild(context, child);
    return;
  }
  confirmLater(child, now);
  if (!replaced.rekeying) sa.timers.clear(`renewChild:${replaced.id}`);
}
