/**
 * The anti-replay window: a ring of bits over the sequence numbers below the highest authenticated one.
 * RFC 4303 §3.4.3; the ring of blocks that is cleared ahead instead of shifted is RFC 6479's.
 */

export const DEFAULT_REPLAY_WINDOW = 1024;
/** RFC 4303 §3.4.3 asks for at least 32, and 64 by preference. */
export const SMALLEST_REPLAY_WINDOW = 64;
/** A bound on the memory of an SA: 128 KiB of bits. */
export const LARGEST_REPLAY_WINDOW = 1 << 20;

const WORD_BITS = 32;

export class ReplayWindow {
  readonly size: number;
  readonly #bits: Uint32Array;
  /** The number of words is a power of two. */
  readonly #wordMask: number;
  #highest = 0;

  /**
   * @param size how many sequence numbers, the highest among them, are told apart
   * @throws RangeError below 64 or above 2^20
   */
  constructor(size: number = DEFAULT_REPLAY_WINDOW) {
    if (!Number.isInteger(size) || size < SMALLEST_REPLAY_WINDOW || size > LARGEST_REPLAY_WINDOW) {
      throw new RangeError(`a replay window spans ${SMALLEST_REPLAY_WINDOW} to ${LARGEST_REPLAY_WINDOW} packets`);
    }
    this.size = size;
    let words = 1;
    // One word more than the window needs: the word that the highest number is in is cleared as a whole.
    while (words * WORD_BITS < size + WORD_BITS) words *= 2;
    this.#bits = new Uint32Array(words);
    this.#wordMask = words - 1;
  }

  /** The highest sequence number that was authenticated; 0 before the first. */
  get highest(): number {
    return this.#highest;
  }

  /** Before authentication: whether `sequence` is worth the work. Changes nothing. */
  check(sequence: number): boolean {
    if (sequence > this.#highest) return true;
    if (sequence === 0 || this.#highest - sequence >= this.size) return false;
    return (this.#bits[(sequence >>> 5) & this.#wordMask]! & (1 << (sequence & 31))) === 0;
  }

  /** After authentication of a packet that `check` let pass: marks `sequence` as received. */
  update(sequence: number): void {
    if (sequence > this.#highest) {
      this.#clearUpTo(sequence >>> 5);
      this.#highest = sequence;
    }
    this.#bits[(sequence >>> 5) & this.#wordMask]! |= 1 << (sequence & 31);
  }

  #clearUpTo(word: number): void {
    const from = this.#highest >>> 5;
    if (word - from > this.#wordMask) {
      this.#bits.fill(0);
      return;
    }
    for (let next = from + 1; next <= word; next++) this.#bits[next & this.#wordMask] = 0;
  }
}
