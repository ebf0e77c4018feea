/** Pairs of ESP SAs: their making, their times and their end. RFC 2409 §5.5, RFC 2407 §4.5. */

import type { Failure, Instant, Milliseconds } from '../../core/index.ts';
import type { GroupName } from '../../crypto/index.ts';
import type { EspKeys } from '../../esp/suite.ts';
import { logChildKeys } from '../childKeyLog.ts';
import type { ChosenEsp } from '../choose.ts';
import { milestone } from '../milestone.ts';
import type { ChildEstablished, ChildSaId, Selector } from '../output.ts';
import type { Context } from './context.ts';
import type { IkeSa } from './ikeSa.ts';

export interface Child {
  readonly id: ChildSaId;
  /** Its owner now; another one after an adoption. */
  ikeSa: IkeSa;
  readonly role: 'initiator' | 'responder';
  readonly inboundSpi: number;
  readonly outboundSpi: number;
  readonly localSelector: Selector;
  readonly remoteSelector: Selector;
  readonly replaces: ChildSaId | undefined;
  readonly installedAt: Instant;
  confirmed: boolean;
  expiresAt: Instant;
  /** When we, who began it, begin its successor. */
  renewAt: Instant | undefined;
}

/** Child SAs of one IKE SA; the oldest goes for a newer one. */
export const MAX_CHILDREN = 16;

/** An old child SA that we replaced is deleted so long after, when nothing is under way on it any more. */
const REPLACED_TIMEOUT = 5000;
/** So far apart two ends may install two child SAs that they began at once. */
const TIE_SPAN = 10_000;

/** Makes a child SA known to the owner, so that the receiving half works before the peer can use it. */
export function installChild(
  context: Context,
  ikeSa: IkeSa,
  given: {
    readonly role: 'initiator' | 'responder';
    readonly chosen: ChosenEsp;
    readonly inboundSpi: number;
    readonly inboundKeys: EspKeys;
    readonly outboundKeys: EspKeys;
    readonly localSelector: Selector;
    readonly remoteSelector: Selector;
    readonly pfs?: GroupName;
  },
  now: Instant,
): Child {
  const sa = ikeSa.current;
  const { chosen, role, inboundSpi, localSelector, remoteSelector } = given;
  const replaced = predecessorOf(sa, localSelector, remoteSelector);
  const lifetime = chosen.lifetimeSeconds * 1000;
  const child: Child = {
    id: context.nextChildId(),
    ikeSa: sa,
    role,
    inboundSpi,
    outboundSpi: chosen.peerSpi,
    localSelector,
    remoteSelector,
    replaces: replaced?.id,
    installedAt: now,
    confirmed: false,
    expiresAt: now + lifetime,
    renewAt: renewalOf(context, role, now, lifetime),
  };
  context.children.set(child.id, child);
  context.childByInboundSpi.set(inboundSpi, child);
  sa.children.set(child.id, child);
  armChild(sa, child);
  const established: ChildEstablished = {
    type: 'childEstablished',
    child: child.id,
    ikeSa: sa.id,
    role,
    inboundSpi,
    outboundSpi: child.outboundSpi,
    mode: chosen.mode,
    udpEncapsulation: chosen.udpEncapsulation,
    local: sa.local,
    remote: sa.remote,
    suite: chosen.suite,
    inboundKeys: given.inboundKeys,
    outboundKeys: given.outboundKeys,
    localSelector,
    remoteSelector,
    ...(given.pfs !== undefined && { pfs: given.pfs }),
    lifetimeSeconds: chosen.lifetimeSeconds,
    ...(chosen.lifetimeKilobytes !== undefined && { lifetimeKilobytes: chosen.lifetimeKilobytes }),
    ...(replaced !== undefined && { replaces: replaced.id }),
  };
  milestone(context, sa, 'child keys agreed', chosen.text);
  context.emit(established);
  if (context.config.keyLog) logChildKeys(context, established);
  return child;
}

/** From now on the child SA may be sent on. */
export function confirmChild(context: Context, child: Child, now: Instant): void {
  if (child.confirmed || !context.children.has(child.id)) return;
  child.confirmed = true;
  // Said first: the owner begins with L2TP at once.
  milestone(context, child.ikeSa, 'quick mode done');
  context.emit({ type: 'childConfirmed', child: child.id });
  const replaced = child.replaces === undefined ? undefined : context.children.get(child.replaces);
  if (child.role !== 'initiator' || replaced === undefined) return;
  if (losesTie(child, replaced)) {
    // The peer's is the one to be renewed, and the peer deletes ours.
    child.renewAt = undefined;
    child.ikeSa.timers.clear(`renewChild:${child.id}`);
    return;
  }
  replaced.renewAt = undefined;
  replaced.expiresAt = Math.min(replaced.expiresAt, now + REPLACED_TIMEOUT);
  replaced.ikeSa.timers.clear(`renewChild:${replaced.id}`);
  armChild(replaced.ikeSa, replaced);
}

/**
 * Whether both ends began one at once and each takes its own for the successor of the other's: were each to delete the
 * other's, none would be left. Both know both SPIs, and the pair with the greater one stays.
 */
function losesTie(child: Child, replaced: Child): boolean {
  if (replaced.role === child.role || child.installedAt >= replaced.installedAt + TIE_SPAN) return false;
  const rank = ({ inboundSpi, outboundSpi }: Child) => Math.max(inboundSpi, outboundSpi);
  return rank(child) < rank(replaced);
}

/** Ends a child SA without a word to the peer. */
export function dropChild(context: Context, child: Child, reason: Failure): void {
  if (!context.children.delete(child.id)) return;
  const sa = child.ikeSa;
  context.childByInboundSpi.delete(child.inboundSpi);
  sa.children.delete(child.id);
  sa.timers.clear(`child:${child.id}`);
  sa.timers.clear(`renewChild:${child.id}`);
  const { id, inboundSpi, outboundSpi } = child;
  context.emit({ type: 'childClosed', child: id, ikeSa: sa.id, inboundSpi, outboundSpi, reason });
}

/** Hands all child SAs over to the IKE SA that succeeds their own. */
export function adoptChildren(from: IkeSa, to: IkeSa): void {
  for (const child of from.children.values()) {
    from.timers.clear(`child:${child.id}`);
    from.timers.clear(`renewChild:${child.id}`);
    child.ikeSa = to;
    to.children.set(child.id, child);
    armChild(to, child);
  }
  from.children.clear();
}

function armChild(sa: IkeSa, { id, expiresAt, renewAt }: Child): void {
  sa.timers.set(`child:${id}`, expiresAt);
  if (renewAt !== undefined) sa.timers.set(`renewChild:${id}`, renewAt);
}

/** A responder renews when a sixth of what is left behind `renewAt` remains, or at random up to twice as much. */
const LATE = 6;

/**
 * When what lives for `lifetime` is renewed: a little apart, so that many do not renew at once. The responder does it
 * late, where the initiator has not: the initiator may count on a longer life, or wait until it needs an SA and then
 * find no way through the NAT of this end.
 */
export function renewalOf(
  context: Context,
  role: 'initiator' | 'responder',
  now: Instant,
  lifetime: Milliseconds,
): Instant | undefined {
  const { renewAt, renewJitter } = context.config;
  if (renewAt <= 0) return undefined;
  const early = context.random(1)[0]! / 256;
  if (role === 'initiator') return now + lifetime * renewAt * (1 - renewJitter * early);
  return now + lifetime * (1 - ((1 - renewAt) * (1 + early)) / LATE);
}

/** The youngest child SA of the same selectors. */
function predecessorOf(sa: IkeSa, local: Selector, remote: Selector): Child | undefined {
  return [...sa.children.values()].findLast(
    (child) => sameSelector(child.localSelector, local) && sameSelector(child.remoteSelector, remote),
  );
}

const sameSelector = (a: Selector, b: Selector): boolean =>
  a.address === b.address && a.protocol === b.protocol && a.port === b.port;
