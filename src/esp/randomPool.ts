/** Random bytes drawn by the thousand, as a call for each packet's IV costs more than the bytes. */

import type { Environment } from '../core/index.ts';

const POOL_BYTES = 4096;

export class RandomPool {
  readonly #environment: Environment;
  readonly #poolBytes: number;
  #pool = new Uint8Array(0);
  #used = 0;

  /** One pool may serve any number of SAs. */
  constructor(environment: Environment, poolBytes = POOL_BYTES) {
    this.#environment = environment;
    this.#poolBytes = poolBytes;
  }

  /** Writes `length` bytes that were never given before, `length` at most the pool's size. */
  write(out: Uint8Array, at: number, length: number): void {
    if (this.#used + length > this.#pool.length) {
      this.#pool = Uint8Array.from(this.#environment.random(this.#poolBytes));
      this.#used = 0;
    }
    for (let i = 0; i < length; i++) out[at + i] = this.#pool[this.#used + i]!;
    this.#used += length;
  }
}
