/**
 * Which established IKE SAs belong to one peer. A certificate names its holder wherever it is; any other identity counts
 * only together with the address and port, for many peers stand behind one NAT and state private addresses.
 */

import type { Context } from './context.ts';
import type { IkeSa } from './ikeSa.ts';

/** Enters an SA that has just been established, or orders it anew where its peer has moved. */
export function addPeer(context: Context, sa: IkeSa): void {
  if (sa.remoteIdentity === undefined) return;
  const { type, value } = sa.remoteIdentity;
  const place = sa.authentication?.remote === 'signature' ? [] : [sa.remote.address, sa.remote.port];
  context.peers.enter(sa, sa.local.address, type, value, ...place);
}

export function movePeer(context: Context, sa: IkeSa): void {
  if (sa.peerKey !== undefined) addPeer(context, sa);
}
