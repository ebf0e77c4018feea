/**
 * Which established IKE SAs belong to one peer: same identity, address and port, at the same address of ours.
 * Never the address alone, for many peers stand behind one NAT.
 */

import type { Context } from './context.ts';
import type { IkeSa } from './ikeSa.ts';

/** Enters an SA that has just been established, or orders it anew where its peer has moved. */
export function addPeer(context: Context, sa: IkeSa): void {
  const { secured } = sa;
  if (secured === undefined) return;
  const { type, value } = secured.remoteIdentity;
  context.peers.enter(sa, sa.local.address, sa.remote.address, type, value);
}

export function movePeer(context: Context, sa: IkeSa): void {
  if (sa.peerKey !== undefined) addPeer(context, sa);
}

/** The other SAs of the same peer, oldest first. */
export function othersOfPeer(context: Context, sa: IkeSa): readonly IkeSa[] {
  return context.peers.others(sa).filter((other) => other.remote.port === sa.remote.port);
}

/** SAs of the same identity and address at other ports: of the same peer or of another one behind its NAT. Oldest first. */
export function otherPortsOfPeer(context: Context, sa: IkeSa): readonly IkeSa[] {
  return context.peers.others(sa).filter((other) => other.remote.port !== sa.remote.port);
}
