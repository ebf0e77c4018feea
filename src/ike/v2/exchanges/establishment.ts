/** What happens when an IKE SA is authenticated. RFC 7296 §1.2, §2.4. */

import type { Instant } from '../../../core/index.ts';
import { fingerprint } from '../../fingerprint.ts';
import { milestone } from '../../milestone.ts';
import { renewalOf } from '../childSa.ts';
import { closed } from '../closing.ts';
import type { Context } from '../context.ts';
import type { IkeSa } from '../ikeSa.ts';
import { armDeadPeerDetection } from '../liveness.ts';
import { armKeepalive } from '../natTraversal.ts';
import { addPeer } from '../peers.ts';
import { ikeV2ProposalText } from '../proposal.ts';

export function establish(
  context: Context,
  sa: IkeSa,
  { initialContact, exchange }: { readonly initialContact: boolean; readonly exchange: string },
  now: Instant,
): void {
  const { association } = sa;
  sa.phase = 'established';
  association.state = 'live';
  sa.lastAlive = now;
  sa.hint = undefined;
  sa.opening = undefined;
  sa.auth = undefined;
  sa.init = undefined;
  sa.timers.clear('halfOpen');
  sa.timers.clear('hint');
  context.halfOpen.remove(sa);
  addPeer(context, sa);
  milestone(context, sa, 'ike auth done');
  if (initialContact) dropEarlier(context, sa);
  context.emit({
    type: 'ikeEstablished',
    ikeSa: sa.id,
    version: 2,
    role: sa.role,
    exchange,
    local: sa.local,
    remote: sa.remote,
    localIdentity: sa.localIdentity!,
    remoteIdentity: sa.remoteIdentity!,
    nat: sa.nat,
    algorithms: ikeV2ProposalText(association.proposal!) + (sa.usesPostquantumKey ? '/ppk' : ''),
    vendorIds: sa.peer.vendorIds,
    offers: sa.peer.offers,
    quirks: context.config.quirks ?? fingerprint(sa.peer)?.quirks ?? [],
    initialContact,
    authentication: sa.authentication!,
    ...(sa.user !== undefined && { user: sa.user }),
    ...(sa.role === 'responder' && sa.peer.redirect && { followsRedirects: true }),
  });
  armLifetime(context, sa, now);
  armKeepalive(context, sa, now);
  armDeadPeerDetection(context, sa, now);
}

/** Of the generation that has just begun. */
export function armLifetime(context: Context, sa: IkeSa, now: Instant): void {
  const lifetime = context.config.profile.accept.ike.lifetimeSeconds * 1000;
  sa.timers.set('lifetime', now + lifetime);
  const renewAt = renewalOf(context, sa.association.initiated ? 'initiator' : 'responder', now, lifetime);
  if (renewAt !== undefined) sa.timers.set('renew', renewAt);
}

/** INITIAL_CONTACT: the peer has forgotten what was before. RFC 7296 §2.4. */
function dropEarlier(context: Context, sa: IkeSa): void {
  for (const earlier of context.peers.others(sa)) {
    closed(context, earlier, {
      code: 'initial-contact',
      reason: `${sa.remote.address} port ${sa.remote.port} started anew and said INITIAL_CONTACT`,
    });
  }
}
