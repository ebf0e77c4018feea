/**
 * The anti-replay window: a ring of bits over the sequence numbers below the highest authenticated one.
 * RFC 4303 §3.4.3; the ring of blocks that is cleared ahead instead of shifted is RFC 6479's. Numbers may be longer than
 * 32 bits (RFC 4304), as far as JavaScript counts exactly.
 */

export const DEFAULT_REPLAY_WINDOW = 1024;
/** RFC 4303 §3.4.3 asks for at least 32, and 64 by preference. */
export const SMALLEST_REPLAY_WINDOW = 64;
/** A bound on the memory of an SA: 128 KiB of bits. */
export const LARGEST_REPLAY_WINDOW = 1 << 20;

const WORD_BITS = 32;
const ALL = 0xffff_ffff;
const TWO_TO_32 = 2 ** 32;

export class ReplayWindow {
  readonly size: number;
  /** Made when the first number is missing: before that all up to the highest were received. */
  #bits: Uint32Array | undefined;
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
    this.#wordMask = words - 1;
  }

  /** The highest sequence number that was authenticated; 0 before the first. */
  get highest(): number {
    return this.#highest;
  }

  /** Before authentication: whether `sequence` is worth the work. Changes nothing. */
  check(sequence: number): boolean {
    if (sequence > this.#highest) return true;
    if (sequence === 0 || this.#highest - sequence >= this.size || this.#bits === undefined) return false;
    return (this.#bits[(sequence >>> 5) & this.#wordMask]! & (1 << (sequence & 31))) === 0;
  }

  /**
   * The whole extended sequence number of a packet that carries its low half: the one that is nearest above the lower
   * edge of the window. RFC 4304 appendix A2.
   * @param low unsigned 32-bit number
   * @returns a negative number where it would lie before the first packet
   */
  extend(low: number): number {
    const bottom = this.#highest - this.size + 1;
    // At the start of the window counts: numbers below it, down to -size, belong to no packet.
    const turns = Math.floor(bottom / TWO_TO_32);
    const extended = turns * TWO_TO_32 + low;
    return extended >= bottom ? extended : extended + TWO_TO_32;
  }

  /** After authentication of a packet that `check` let pass: marks `sequence` as received. */
  update(sequence: number): void {
    if (this.#bits === undefined) {
      if (sequence === this.#highest + 1) {
        this.#highest = sequence;
        return;
      }
      this.#bits = this.#allReceived();
    }
    if (sequence > this.#highest) {
      this.#clearUpTo(this.#bits, sequence);
      this.#highest = sequence;
    }
    this.#bits[(sequence >>> 5) & this.#wordMask]! |= 1 << (sequence & 31);
  }

  /** The ring as it stands when no number is missing; those above the highest are clear. */
  #allReceived(): Uint32Array {
    const bits = new Uint32Array(this.#wordMask + 1).fill(ALL);
    const last = (this.#highest >>> 5) & this.#wordMask;
    bits[last] = ALL >>> (31 - (this.#highest & 31));
    return bits;
  }

  #clearUpTo(bits: Uint32Array, sequence: number): void {
    const words = Math.floor(sequence / WORD_BITS) - Math.floor(this.#highest / WORD_BITS);
    if (words > this.#wordMask) {
      bits.fill(0);
      return;
    }
    const from = this.#highest >>> 5;
    for (let i = 1; i <= words; i++) bits[(from + i) & this.#wordMask] = 0;
  }
}
