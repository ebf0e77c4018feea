/** Established IKE SAs by the peer that they belong to; what makes two peers one, each version of IKE says itself. */

import type { Endpoint } from '../core/index.ts';

interface OfPeer {
  /** Key in the table, while established. */
  peerKey: string | undefined;
  readonly remote: Endpoint;
  readonly established: boolean;
}

/** Each peer's in order of age. */
export class PeerTable<Sa extends OfPeer> {
  readonly #byKey = new Map<string, Set<Sa>>();

  /** Enters an SA that has just been established, or orders it anew where its peer has moved. */
  enter(sa: Sa, ...key: readonly (string | number)[]): void {
    this.remove(sa);
    sa.peerKey = key.join('|');
    const sas = this.#byKey.get(sa.peerKey);
    if (sas === undefined) this.#byKey.set(sa.peerKey, new Set([sa]));
    else sas.add(sa);
  }

  remove(sa: Sa): void {
    if (sa.peerKey === undefined) return;
    const sas = this.#byKey.get(sa.peerKey);
    sas?.delete(sa);
    if (sas?.size === 0) this.#byKey.delete(sa.peerKey);
    sa.peerKey = undefined;
  }

  /** The other SAs of the same peer, oldest first. */
  others(sa: Sa): readonly Sa[] {
    if (sa.peerKey === undefined) return [];
    return [...(this.#byKey.get(sa.peerKey) ?? [])].filter((other) => other !== sa);
  }
}

/** Whether an initiator already stands in an IKE SA with the address it connects to. */
export function hasPeer<Sa extends OfPeer>({ sas }: { readonly sas: ReadonlyMap<number, Sa> }, sa: Sa): boolean {
  for (const other of sas.values()) {
    if (other !== sa && other.established && other.remote.address === sa.remote.address) return true;
  }
  return false;
}
