/**
 * L2TP without IPsec from peers of our former life: their control messages name tunnels that are not there, and they are
 * told so, so that they connect anew at once. RFC 2661 §4.4.2, §5.7.
 */

import type { Endpoint, Instant, Milliseconds } from '../core/index.ts';
import { stopUnknownTunnel } from '../l2tp/index.ts';

/** One source is answered at most once in this time. */
const ANSWER_INTERVAL: Milliseconds = 1000;
/** Sources remembered; the one that was heard longest ago is forgotten first. */
const MOST_SOURCES = 1024;
/** What a source has asked is forgotten after so long a silence. */
const FORGET_AFTER: Milliseconds = 60_000;

interface Source {
  heardAt: Instant;
  answeredAt: Instant;
  /** Bytes that came and have not been answered: nobody gets more than it sent. */
  credit: number;
}

export class StrayTunnels {
  readonly #sources = new Map<string, Source>();

  /**
   * @param bytes a message from a peer that has no connection
   * @returns the StopCCN that answers it, where it is a control message of a tunnel and an answer is due
   */
  answer({ address }: Endpoint, bytes: Uint8Array, now: Instant): Uint8Array | undefined {
    const answer = stopUnknownTunnel(bytes);
    if (answer === undefined) return undefined;
    const source = this.#heard(address, bytes.length, now);
    if (source.credit < answer.length || now - source.answeredAt < ANSWER_INTERVAL) return undefined;
    source.answeredAt = now;
    source.credit = 0;
    return answer;
  }

  #heard(address: string, bytes: number, now: Instant): Source {
    const known = this.#sources.get(address);
    const source =
      known === undefined || now - known.heardAt > FORGET_AFTER
        ? { heardAt: now, answeredAt: known?.answeredAt ?? Number.NEGATIVE_INFINITY, credit: 0 }
        : known;
    source.heardAt = now;
    source.credit += bytes;
    this.#sources.delete(address);
    this.#sources.set(address, source);
    if (this.#sources.size > MOST_SOURCES) this.#sources.delete(this.#sources.keys().next().value!);
    return source;
  }
}
