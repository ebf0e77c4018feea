/** A growing big-endian buffer. Lengths are reserved first and patched when what they cover is written. */

const INITIAL_BYTES = 1024;
/** Buffers that no writer uses now: to make one costs more than to write a message. */
const spare: Uint8Array[] = [];
const MOST_SPARE = 4;
const LARGEST_SPARE = 8192;

export class Writer {
  #bytes: Uint8Array;
  #length = 0;
  /** The buffer was given back: what `finish` gave is copied before more is written. */
  #isFinished = false;

  /** @param expectedBytes room that is there from the beginning */
  constructor(expectedBytes = 0) {
    const spareOne = expectedBytes > INITIAL_BYTES ? undefined : spare.pop();
    this.#bytes = spareOne ?? new Uint8Array(Math.max(expectedBytes, INITIAL_BYTES));
  }

  get length(): number {
    return this.#length;
  }

  u8(value: number): this {
    const at = this.#grow(1);
    this.#bytes[at] = value;
    return this;
  }

  u16(value: number): this {
    const at = this.#grow(2);
    this.patchU16(at, value);
    return this;
  }

  u32(value: number): this {
    const at = this.#grow(4);
    this.patchU32(at, value);
    return this;
  }

  bytes(value: Uint8Array): this {
    const at = this.#grow(value.length);
    this.#bytes.set(value, at);
    return this;
  }

  zeros(count: number): this {
    const at = this.#grow(count);
    this.#bytes.fill(0, at, at + count);
    return this;
  }

  /** Overwrites two bytes that were written before. */
  patchU16(at: number, value: number): void {
    const bytes = this.#bytes;
    bytes[at] = value >>> 8;
    bytes[at + 1] = value;
  }

  patchU32(at: number, value: number): void {
    const bytes = this.#bytes;
    bytes[at] = value >>> 24;
    bytes[at + 1] = value >>> 16;
    bytes[at + 2] = value >>> 8;
    bytes[at + 3] = value;
  }

  /**
   * Writes a 16-bit length, then what `write` writes, and patches the length.
   * @param extra added to the length, for formats whose length covers more than what follows it
   */
  withLength16(write: (to: this) => void, extra = 0): this {
    const at = this.#grow(2);
    write(this);
    this.patchU16(at, this.#length - at - 2 + extra);
    return this;
  }

  /** A copy of what was written. */
  finish(): Uint8Array {
    const finished = this.#bytes.slice(0, this.#length);
    if (!this.#isFinished && spare.length < MOST_SPARE && this.#bytes.length <= LARGEST_SPARE) {
      // It may have held a secret.
      spare.push(this.#bytes.fill(0, 0, this.#length));
      this.#bytes = finished;
      this.#isFinished = true;
      return finished;
    }
    return finished;
  }

  /** Makes room. Call it before `#bytes` is read in the same statement: it may be replaced. */
  #grow(by: number): number {
    const at = this.#length;
    const needed = at + by;
    if (this.#isFinished || needed > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
      grown.set(this.#bytes.subarray(0, at));
      this.#bytes = grown;
      this.#isFinished = false;
    }
    this.#length = needed;
    return at;
  }
}
