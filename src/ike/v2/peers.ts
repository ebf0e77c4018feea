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
  const key = [sa.local.address, type, value, ...place].join('|');
  removePeer(context, sa);
  sa.peerKey = key;
  const sas = context.peers.get(key);
  if (sas === undefined) context.peers.set(key, new Set([sa]));
  else sas.add(sa);
}

export function removePeer(context: Context, sa: IkeSa): void {
  if (sa.peerKey === undefined) return;
  const sas = context.peers.get(sa.peerKey);
  sas?.delete(sa);
  if (sas?.size === 0) context.peers.delete(sa.peerKey);
  sa.peerKey = undefined;
}

export function movePeer(context: Context, sa: IkeSa): void {
  if (sa.peerKey !== undefined) addPeer(context, sa);
}

/** The other SAs of the same peer, oldest first. */
export function othersOfPeer(context: Context, sa: IkeSa): readonly IkeSa[] {
  if (sa.peerKey === undefined) return [];
  return [...(context.peers.get(sa.peerKey) ?? [])].filter((other) => other !== sa);
}

/** Whether an initiator already stands in an IKE SA with the address it connects to. */
export function hasPeer(context: Context, sa: IkeSa): boolean {
  for (const other of context.sas.values()) {
    if (other !== sa && other.established && other.remote.address === sa.remote.address) return true;
  }
  return false;
}
