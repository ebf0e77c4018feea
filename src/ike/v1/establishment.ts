/** What happens when an IKE SA is authenticated: its predecessors go or hand over their children, and its times begin. */

import type { Instant } from '../../core/index.ts';
import { toHex } from '../../wire/index.ts';
import { fingerprint } from '../fingerprint.ts';
import { sameIdentity } from '../identity.ts';
import { milestone } from '../milestone.ts';
import { ikeProposalText } from '../proposal.ts';
import { adoptChildren, renewalOf } from './childSa.ts';
import { closed } from './closing.ts';
import type { Context } from './context.ts';
import { armDeadPeerDetection } from './deadPeerDetection.ts';
import type { IkeSa, Secured } from './ikeSa.ts';
import { armKeepalive } from './natTraversal.ts';
import { PackedSecured } from './packedSecured.ts';
import { addPeer, othersOfPeer } from './peers.ts';
import { initiateQuickMode } from './quickModeInitiator.ts';
import { findOut, probeGhosts } from './reboundPeer.ts';

/** How long a predecessor is kept for messages that are under way. */
export const SUPERSEDED_TIMEOUT = 60_000;

/** So far apart two ends may see two IKE SAs established that began at once. */
const TIE_SPAN = 10_000;

export function establish(
  context: Context,
  sa: IkeSa,
  secured: Secured,
  { lifetimeSeconds, initialContact }: { readonly lifetimeSeconds: number; readonly initialContact: boolean },
  now: Instant,
): void {
  sa.state = { name: 'established', awaits: undefined, secured: new PackedSecured(secured) };
  sa.lastAlive = now;
  sa.establishedAt = now;
  sa.hint = undefined;
  sa.timers.clear('retransmit');
  sa.timers.clear('halfOpen');
  context.halfOpen.remove(sa);
  addPeer(context, sa);
  milestone(context, sa, `ike ${sa.exchange} mode done`);
  if (initialContact) {
    dropEarlier(context, sa);
    probeGhosts(context, sa, now);
  }
  const predecessor = predecessorOf(context, sa);
  sa.renews = undefined;
  const told = { lifetimeSeconds, initialContact };
  const goesOn = (found: IkeSa | undefined, later: Instant) => announce(context, sa, secured, told, found, later);
  const isNew = predecessor === undefined && sa.role === 'responder' && !initialContact;
  if (!isNew || !findOut(context, sa, goesOn, now)) goesOn(predecessor, now);
}

/** Tells the owner of an SA, which takes over the children of its predecessor. */
function announce(
  context: Context,
  sa: IkeSa,
  secured: Secured,
  { lifetimeSeconds, initialContact }: { readonly lifetimeSeconds: number; readonly initialContact: boolean },
  predecessor: IkeSa | undefined,
  now: Instant,
): void {
  context.emit({
    type: 'ikeEstablished',
    ikeSa: sa.id,
    version: 1,
    role: sa.role,
    exchange: sa.exchange,
    local: sa.local,
    remote: sa.remote,
    localIdentity: secured.localIdentity,
    remoteIdentity: secured.remoteIdentity,
    nat: sa.nat,
    algorithms: ikeProposalText(secured.proposal),
    vendorIds: sa.abilities.vendorIds,
    offers: sa.abilities.offers,
    quirks: context.config.quirks ?? fingerprint(sa.abilities)?.quirks ?? [],
    ...(predecessor !== undefined && { adopts: predecessor.id }),
    initialContact,
    ...(secured.authentication !== 'pre-shared-key' && { authentication: SIGNED }),
  });
  armLifetime(context, sa, lifetimeSeconds, now);
  armKeepalive(context, sa, now);
  armDeadPeerDetection(context, sa, now);
  if (predecessor !== undefined) {
    const [older, newer] = losesTie(sa, predecessor, now) ? [sa, predecessor] : [predecessor, sa];
    supersede(context, older, newer, now);
  }
  const { current } = sa;
  // Where two ends began at once, the other's IKE SA may stand first, and have no child yet.
  if (current.children.size === 0) for (const wanted of sa.wanted) initiateQuickMode(context, current, wanted, now);
}

const SIGNED = { local: 'signature', remote: 'signature' } as const;

/** INITIAL-CONTACT: the peer has forgotten what was before. RFC 2407 §4.6.3.3. */
export function dropEarlier(context: Context, sa: IkeSa): void {
  for (const earlier of othersOfPeer(context, sa)) {
    closed(context, earlier, {
      code: 'initial-contact',
      reason: `${sa.remote.address} port ${sa.remote.port} started anew and said INITIAL-CONTACT`,
    });
  }
}

/** The SA that this one renews: the one that we began to renew, else the youngest one of the same peer. */
function predecessorOf(context: Context, sa: IkeSa): IkeSa | undefined {
  const { renews } = sa;
  const stands = renews !== undefined && renews.state.name !== 'gone' && renews.successor === undefined;
  if (stands && isSamePeer(renews, sa)) return renews;
  return othersOfPeer(context, sa).findLast((other) => other.successor === undefined);
}

/** The NAT may have given the place of the peer whom we called to another, who has the same secret. */
function isSamePeer(renews: IkeSa, sa: IkeSa): boolean {
  if (renews.secured === undefined || sa.secured === undefined) return renews.peerKey === sa.peerKey;
  return sameIdentity(renews.secured.remoteIdentity, sa.secured.remoteIdentity);
}

/**
 * Two that began at once, one from either end, may be established in another order there: were each end to keep the one
 * that it saw last, both would be deleted with all their children. The greater initiator cookie stays.
 */
function losesTie(sa: IkeSa, other: IkeSa, now: Instant): boolean {
  if (sa.role === other.role || !other.established || now >= other.establishedAt + TIE_SPAN) return false;
  return toHex(sa.initiatorCookie) < toHex(other.initiatorCookie);
}

function supersede(context: Context, predecessor: IkeSa, sa: IkeSa, now: Instant): void {
  adoptChildren(predecessor, sa);
  predecessor.successor = sa;
  for (const timer of ['keepalive', 'deadPeer', 'renew', 'lifetime'] as const) predecessor.timers.clear(timer);
  if (predecessor.state.name === 'orphaned') {
    closed(context, predecessor, { code: 'peer-deleted', reason: 'the peer deleted it and has renewed it' });
  } else predecessor.timers.set('superseded', now + SUPERSEDED_TIMEOUT);
}

function armLifetime(context: Context, sa: IkeSa, seconds: number, now: Instant): void {
  sa.lifetimeSeconds = seconds;
  sa.timers.set('lifetime', now + seconds * 1000);
  const renewAt = renewalOf(context, sa.role, now, seconds * 1000);
  if (renewAt !== undefined) sa.timers.set('renew', renewAt);
}
