/**
 * Message ids that were used under an IKE SA: none may come again. RFC 2409 §5.5 makes IVs of them. An SA whose peer asks
 * every half a minute whether we live uses thousands, so that they are kept as bare numbers of 32 bits.
 */

/** More of one SA are not remembered: the oldest are forgotten. */
const MOST = 4096;
/** So many are kept as they are. */
const FEW = 8;

export class UsedMessageIds {
  /** Never changed, so that it is no longer than it must be. */
  #few: readonly number[] = NONE;
  /** A ring, once it has `MOST`. */
  #many: Uint32Array | undefined;
  #used = 0;

  has(messageId: number): boolean {
    if (this.#many === undefined) return this.#few.includes(messageId);
    const at = this.#many.indexOf(messageId);
    return at >= 0 && at < this.#used;
  }

  add(messageId: number): void {
    if (this.has(messageId)) return;
    if (this.#many === undefined && this.#few.length < FEW) {
      this.#few = this.#few.concat(messageId);
      return;
    }
    const many = this.#withRoom();
    many[this.#used % MOST] = messageId;
    this.#used++;
  }

  #withRoom(): Uint32Array {
    const before = this.#many;
    if (before !== undefined && (this.#used < before.length || before.length === MOST)) return before;
    const many = new Uint32Array(before === undefined ? 2 * FEW : 2 * before.length);
    many.set(before ?? this.#few);
    if (before === undefined) this.#used = this.#few.length;
    this.#few = NONE;
    this.#many = many;
    return many;
  }
}

const NONE: readonly number[] = [];
