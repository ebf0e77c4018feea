/** What becomes of data messages that carry sequence numbers. RFC 2661 §5.4. */

/** Messages this far behind the newest are still passed on: PPP above IP does not mind the order. */
const REORDER_LIMIT = 32;
/** So many late messages in a row mean that the peer has begun to count anew. */
const RESTART_AFTER = 8;

/**
 * Passes on what is new or a little late, drops what repeats the newest number or is very late. Gaps are expected:
 * most messages of a session go past the control plane.
 */
export class DataSequence {
  #newest: number | undefined;
  #lateInARow = 0;

  accepts(ns: number): boolean {
    if (this.#newest === undefined) return this.#advance(ns);
    const ahead = (ns - this.#newest) & 0xffff;
    if (ahead === 0) return false;
    if (ahead < 0x8000) return this.#advance(ns);
    if (0x10000 - ahead <= REORDER_LIMIT) return true;
    return ++this.#lateInARow >= RESTART_AFTER ? this.#advance(ns) : false;
  }

  #advance(ns: number): true {
    this.#newest = ns;
    this.#lateInARow = 0;
    return true;
  }
}
