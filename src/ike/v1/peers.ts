/**
 * Which established IKE SAs belong to one peer: same identity, address and port, at the same address of ours.
 * Never the address alone, for many peers stand behind one NAT.
 */

import type { Context } from './context.ts';
import type { IkeSa } from './ikeSa.ts';

/** Enters an SA that has just been established, or orders it anew where its peer has moved. */
export function addPeer(context: Context, sa: IkeSa): void {
  const secured = sa.secured;
  if (secured === undefined) return;
  const { type, value } = secured.remoteIdentity;
  const key = [sa.local.address, sa.remote.address, type, value].join('|');
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
  return sameIdentity(context, sa).filter((other) => other.remote.port === sa.remote.port);
}

/** SAs of the same identity and address at other ports: of the same peer or of another one behind its NAT. Oldest first. */
export function otherPortsOfPeer(context: Context, sa: IkeSa): readonly IkeSa[] {
  return sameIdentity(context, sa).filter((other) => other.remote.port !== sa.remote.port);
}

function sameIdentity(context: Context, sa: IkeSa): readonly IkeSa[] {
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
