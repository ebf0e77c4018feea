/** A stream without a network: what TLS writes is collected, what is fed it reads. */

import { Duplex } from 'node:stream';

export class MemoryPipe extends Duplex {
  #written: Uint8Array[] = [];
  /** Grows with everything that TLS writes. */
  writes = 0;

  feed(bytes: Uint8Array): void {
    this.push(Buffer.from(bytes));
  }

  /** Takes what was written since the last time. */
  takeWritten(): Uint8Array {
    const bytes = new Uint8Array(Buffer.concat(this.#written));
    this.#written = [];
    return bytes;
  }

  override _read(): void {
    // Bytes are pushed as they come.
  }

  override _write(chunk: Uint8Array, _encoding: string, done: () => void): void {
    this.#written.push(chunk);
    this.writes++;
    done();
  }
}
