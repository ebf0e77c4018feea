/** The Internet checksum, whole and incremental. RFC 1071, RFC 1624. */

/** One's complement sum of the bytes as 16-bit words, folded to 16 bits. An odd last byte counts as high byte. */
export function sum16(bytes: Uint8Array, at: number, length: number): number {
  let sum = 0;
  const end = at + (length & ~1);
  for (let i = at; i < end; i += 2) sum += (bytes[i]! << 8) | bytes[i + 1]!;
  if (length & 1) sum += bytes[end]! << 8;
  return fold(sum);
}

/** The checksum as it stands in a header: complement of the sum. 0 where the bytes include a right checksum. */
export function checksum(bytes: Uint8Array, at: number, length: number): number {
  return ~sum16(bytes, at, length) & 0xffff;
}

/** A sum of 16-bit words folded with end-around carry. */
export function fold(sum: number): number {
  let folded = (sum & 0xffff) + Math.floor(sum / 0x10000);
  while (folded > 0xffff) folded = (folded & 0xffff) + (folded >>> 16);
  return folded;
}

/** The checksum after a 16-bit word that it covers was changed. RFC 1624 §3, equation 3. */
export function updateChecksum(old: number, oldWord: number, newWord: number): number {
  return ~fold((~old & 0xffff) + (~oldWord & 0xffff) + newWord) & 0xffff;
}

const littleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** So many words are summed before folding that a 32-bit integer does not overflow. */
const WORDS_PER_FOLD = 16_384;

/** `sum16` over one flat buffer, about twice as fast: reads 16-bit words through a view that is made once. */
export class WordSum {
  readonly #bytes: Uint8Array;
  readonly #words: Uint16Array;
  readonly #shift: number;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#shift = bytes.byteOffset & 1;
    const words = (bytes.length - this.#shift) >> 1;
    const start = bytes.byteOffset + this.#shift;
    this.#words = words > 0 ? new Uint16Array(bytes.buffer, start, words) : new Uint16Array(0);
  }

  /** As `sum16(bytes, at, length)` of the buffer that this was made for. */
  sum(at: number, length: number): number {
    if (length <= 0) return 0;
    const odd = (at - this.#shift) & 1;
    // A word at an odd place is summed byte-swapped: RFC 1071 §2 (B), the sum's bytes come out exchanged.
    const first = (at - this.#shift + odd) >> 1;
    const inner = length - odd;
    const native = this.#sumWords(first, first + (inner >> 1));
    let sum = littleEndian ? swap(native) : native;
    if (inner & 1) sum += this.#bytes[at + length - 1]! << 8;
    if (odd === 0) return fold(sum);
    return fold(swap(fold(sum)) + (this.#bytes[at]! << 8));
  }

  #sumWords(from: number, to: number): number {
    const words = this.#words;
    let folded = 0;
    let i = from;
    while (i < to) {
      const stop = Math.min(to, i + WORDS_PER_FOLD);
      let sum = 0;
      for (; i + 4 <= stop; i += 4) sum += words[i]! + words[i + 1]! + words[i + 2]! + words[i + 3]!;
      for (; i < stop; i++) sum += words[i]!;
      folded = fold(folded + fold(sum));
    }
    return folded;
  }
}

const swap = (word: number) => ((word & 255) << 8) | (word >> 8);
