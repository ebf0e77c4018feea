/** The ends of IKE SAs and child SAs, told to the peer or not. RFC 2408 §3.15 and §5.15. */

import type { Failure, Instant } from '../../core/index.ts';
import { concat } from '../../wire/index.ts';
import { type DeletePayload, Doi, ProtocolId } from '../payloads/index.ts';
import { type Child, dropChild } from './childSa.ts';
import type { Context } from './context.ts';
import type { IkeSa } from './ikeSa.ts';
import { sendInformational } from './informational.ts';

/**
 * How long the keys of an IKE SA outlive our Delete. IKEv1 acknowledges no Delete: it is sent twice, and once more
 * to a peer that goes on as if it had not come.
 */
const LINGER = 10_000;
const REPEAT_DELETE_AFTER = 1000;
/** Deletes that one lingering SA sends at most. */
export const MAX_DELETES = 6;

/** Ends an IKE SA without a word to the peer; half-open or established. */
export function closed(context: Context, sa: IkeSa, reason: Failure): void {
  if (sa.state.name === 'gone' || sa.state.name === 'deleted') return;
  end(context, sa, reason);
  forget(context, sa);
}

/** Deletes the children, then the IKE SA, and tells the peer of both. */
export function closeAndTell(context: Context, sa: IkeSa, reason: Failure, now: Instant): void {
  if (sa.state.name !== 'established') {
    closed(context, sa, reason);
    return;
  }
  const { secured } = sa.state;
  if (sa.children.size > 0) sendInformational(context, sa, [deleteChildren([...sa.children.values()])]);
  end(context, sa, reason);
  sendInformational(context, sa, [deleteIkeSa(sa)]);
  sa.state = { name: 'deleted', awaits: undefined, secured };
  sa.deletesSent = 1;
  sa.timers.set('repeatDelete', now + REPEAT_DELETE_AFTER);
  sa.timers.set('forget', now + LINGER);
}

/** Ends one child SA and tells the peer. */
export function closeChildAndTell(context: Context, child: Child, reason: Failure): void {
  const sa = child.ikeSa;
  if (sa.established) sendInformational(context, sa, [deleteChildren([child])]);
  dropChild(context, child, reason);
}

/** Tells a peer again that its IKE SA is no more. */
export function repeatDelete(context: Context, sa: IkeSa): void {
  if (sa.deletesSent >= MAX_DELETES) return;
  sa.deletesSent++;
  sendInformational(context, sa, [deleteIkeSa(sa)]);
}

/** Takes the SA out of all tables. */
export function forget(context: Context, sa: IkeSa): void {
  sa.state = { name: 'gone', awaits: undefined };
  sa.timers.clearAll();
  context.unindex(sa);
}

/** The Delete of an IKE SA by its cookies. */
export function deleteIkeSa(sa: IkeSa): DeletePayload {
  const spi = concat(sa.initiatorCookie, sa.responderCookie);
  return { kind: 'D', doi: Doi.IPSEC, protocol: ProtocolId.PROTO_ISAKMP, spiSize: spi.length, spis: [spi] };
}

/** The Delete names the SPIs that we receive on: what the peer sends with. */
function deleteChildren(children: readonly Child[]): DeletePayload {
  const spis = children.map(({ inboundSpi: spi }) => Uint8Array.of(spi >>> 24, spi >>> 16, spi >>> 8, spi));
  return { kind: 'D', doi: Doi.IPSEC, protocol: ProtocolId.PROTO_IPSEC_ESP, spiSize: 4, spis };
}

function end(context: Context, sa: IkeSa, reason: Failure): void {
  const established = sa.state.name === 'established' || sa.state.name === 'orphaned';
  for (const child of [...sa.children.values()]) dropChild(context, child, reason);
  sa.quickModes.clear();
  sa.waiting = [];
  sa.outstanding = undefined;
  sa.timers.clearAll();
  context.halfOpen.remove(sa);
  context.peers.remove(sa);
  context.emit({ type: 'ikeClosed', ikeSa: sa.id, local: sa.local, remote: sa.remote, established, reason });
}
