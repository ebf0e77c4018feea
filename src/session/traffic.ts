/** What the data plane has counted for a session. */

import type { Instant } from '../core/index.ts';
import { COUNTERS_PER_SESSION, Counter } from '../dataplane/messages.ts';
import type { Traffic } from './record.ts';
import type { UserSession } from './userSession.ts';

/** Bytes and packets of a session so far; those of its end where it has no slot any more. */
export function trafficOf(counters: Float64Array, { slot, record }: UserSession): Traffic {
  if (slot === undefined) return record.traffic;
  const at = slot * COUNTERS_PER_SESSION;
  return {
    bytesFromPeer: counters[at + Counter.bytesFromPeer] ?? 0,
    bytesToPeer: counters[at + Counter.bytesToPeer] ?? 0,
    packetsFromPeer: counters[at + Counter.packetsFromPeer] ?? 0,
    packetsToPeer: counters[at + Counter.packetsToPeer] ?? 0,
  };
}

/** Of `trafficOf`, where no more is asked. */
export function packetsToPeerOf(counters: Float64Array, { slot, record }: UserSession): number {
  if (slot === undefined) return record.traffic.packetsToPeer;
  return counters[slot * COUNTERS_PER_SESSION + Counter.packetsToPeer] ?? 0;
}

/** When the session's peer was heard last in the data plane. */
export function heardAtOf(counters: Float64Array, { slot }: Pick<UserSession, 'slot'>): Instant {
  return slot === undefined ? 0 : (counters[slot * COUNTERS_PER_SESSION + Counter.heardAt] ?? 0);
}

/** Authenticated messages of the session's peer so far, control frames too. */
export function messagesOf(counters: Float64Array, { slot }: Pick<UserSession, 'slot'>): number {
  return slot === undefined ? 0 : (counters[slot * COUNTERS_PER_SESSION + Counter.messagesFromPeer] ?? 0);
}
