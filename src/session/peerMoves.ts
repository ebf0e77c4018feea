/**
 * How often a connection follows its peer to another address or port: at once when a NAT has rebound, but at a bounded
 * rate, so that nobody who repeats packets from elsewhere keeps it moving. RFC 3947 §7, RFC 7296 §2.23.
 */

import type { Endpoint, Instant, Milliseconds } from '../core/index.ts';

/** Where the two ends of a path are. */
export interface Place {
  readonly local: Endpoint;
  readonly remote: Endpoint;
  /** How ESP travels there, where that is another way than before (MOBIKE). */
  readonly encapsulation?: 'udp' | 'esp';
}

/** Moves that are followed at once within `MOVES_SPAN`; what comes behind them waits for its end. */
export const MOST_MOVES = 5;
export const MOVES_SPAN: Milliseconds = 10_000;

export class PeerMoves {
  #since: Instant = Number.NEGATIVE_INFINITY;
  #moves = 0;
  #waiting: Place | undefined;

  /** @returns undefined where `place` may be moved to now, else when `waiting` may be */
  take(place: Place, now: Instant): Instant | undefined {
    if (now - this.#since >= MOVES_SPAN) {
      this.#since = now;
      this.#moves = 0;
    }
    if (this.#moves >= MOST_MOVES) {
      this.#waiting = place;
      return this.#since + MOVES_SPAN;
    }
    this.#moves++;
    this.#waiting = undefined;
    return undefined;
  }

  /** The newest place that had to wait; it waits no longer. */
  takeWaiting(): Place | undefined {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    return waiting;
  }
}

export const endpointText = ({ address, port }: Endpoint) => `${address} port ${port}`;
