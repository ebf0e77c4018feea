/** Whose tunnel stays when both ends send SCCRQ at once. RFC 2661 §4.4.3, Tie Breaker. */

/** 'both' stay where nobody asked for a single one; 'none' stays where the values are equal. */
export type Winner = 'ours' | 'peer' | 'both' | 'none';

export function winnerOfTie(ours: Uint8Array | undefined, peers: Uint8Array | undefined): Winner {
  if (ours === undefined) return peers === undefined ? 'both' : 'peer';
  if (peers === undefined) return 'ours';
  for (let i = 0; i < ours.length; i++) {
    if (ours[i]! !== peers[i]!) return ours[i]! < peers[i]! ? 'ours' : 'peer';
  }
  return 'none';
}
