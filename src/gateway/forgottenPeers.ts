/**
 * Keepalives of a NAT that has forgotten its client: one byte from a port where no peer is, at the address of one that
 * has fallen silent. It proves nothing, but shows where that peer can be asked now. RFC 3948 §4, RFC 3947 §7.
 */

import type { Endpoint, Instant, Milliseconds } from '../core/index.ts';
import type { Connection } from '../session/connection.ts';

/** Whoever sends keepalives has sent nothing else for as long as their interval, 5 s at least. */
const SILENT: Milliseconds = 4000;
/** Questions to one address, and to all, within the span: enough for an office behind one NAT. */
const SPAN: Milliseconds = 10_000;
const MOST_TO_ADDRESS = 32;
const MOST_TO_ALL = 1024;
/** How old the index of addresses may be. */
const INDEX_SPAN: Milliseconds = 1000;
/** Peers that are asked at one place, those that have been heard last. */
const MOST_AT_PLACE = 8;

export class ForgottenPeers {
  /** By address, within the span. */
  readonly #asked = new Map<string, number>();
  #askedAll = 0;
  #since: Instant = 0;
  /** Connections by their peers' addresses, as they were a moment ago. */
  #byAddress = new Map<string, Connection[]>();
  #indexedAt: Instant | undefined;

  /** The connections whose peer may be at that place now. */
  suspects(connections: Iterable<Connection>, { address, port }: Endpoint, now: Instant): readonly Connection[] {
    if (now - this.#since >= SPAN) {
      this.#since = now;
      this.#askedAll = 0;
      this.#asked.clear();
    }
    const asked = this.#asked.get(address) ?? 0;
    const left = Math.min(MOST_AT_PLACE, MOST_TO_ADDRESS - asked, MOST_TO_ALL - this.#askedAll);
    if (left <= 0) return [];
    const there = this.#at(connections, address, now);
    if (there.some(({ record }) => record.peer.port === port)) return [];
    const suspects = there
      .filter(({ heardAt = 0 }) => now - heardAt >= SILENT)
      .sort((a, b) => (b.heardAt ?? 0) - (a.heardAt ?? 0))
      .slice(0, left);
    if (suspects.length === 0) return [];
    this.#asked.set(address, asked + suspects.length);
    this.#askedAll += suspects.length;
    return suspects;
  }

  /** Idle clients send many keepalives, so not all connections are looked at for each. */
  #at(connections: Iterable<Connection>, address: string, now: Instant): readonly Connection[] {
    if (this.#indexedAt === undefined || now - this.#indexedAt >= INDEX_SPAN) {
      this.#indexedAt = now;
      this.#byAddress = new Map();
      for (const connection of connections) {
        const { peer, encapsulation } = connection.record;
        if (encapsulation !== 'udp') continue;
        const others = this.#byAddress.get(peer.address);
        if (others === undefined) this.#byAddress.set(peer.address, [connection]);
        else others.push(connection);
      }
    }
    return this.#byAddress.get(address) ?? [];
  }
}
