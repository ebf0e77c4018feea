/** A bounds-checked cursor over received bytes, big-endian. Every read throws `Truncated` rather than come up short. */

import { Truncated } from './malformed.ts';

export class Reader {
  readonly #bytes: Uint8Array;
  readonly #what: string;
  #at = 0;

  /** @param what name of the structure, for error messages */
  constructor(bytes: Uint8Array, what = 'packet') {
    this.#bytes = bytes;
    this.#what = what;
  }

  /** Bytes not yet read. */
  get left(): number {
    return this.#bytes.length - this.#at;
  }

  /** Bytes read so far. */
  get offset(): number {
    return this.#at;
  }

  u8(): number {
    return this.#bytes[this.#take(1)]!;
  }

  u16(): number {
    const at = this.#take(2);
    return (this.#bytes[at]! << 8) | this.#bytes[at + 1]!;
  }

  u32(): number {
    const at = this.#take(4);
    const bytes = this.#bytes;
    return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
  }

  /** The next `length` bytes as a view on the input, not a copy. */
  bytes(length: number): Uint8Array {
    const at = this.#take(length);
    return this.#bytes.subarray(at, at + length);
  }

  /** All that is left. */
  rest(): Uint8Array {
    return this.bytes(this.left);
  }

  skip(length: number): void {
    this.#take(length);
  }

  /** A reader confined to the next `length` bytes. */
  sub(length: number, what = this.#what): Reader {
    return new Reader(this.bytes(length), what);
  }

  #take(length: number): number {
    const at = this.#at;
    if (length < 0 || length > this.#bytes.length - at) throw new Truncated(this.#what, length, this.left);
    this.#at = at + length;
    return at;
  }
}
