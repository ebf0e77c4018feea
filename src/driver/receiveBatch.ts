/** Receives several messages with one call (recvmmsg), each of which may be a train of datagrams (UDP_GRO). */

import { HEADROOM, MOST_PACKET_BYTES, type Source, TAILROOM } from '../dataplane/ports.ts';
import { MessageFlag } from './constants.ts';
import { libc, Memory } from './ffi.ts';
import { BLOCK_BYTES, ReceiveHeader } from './messageHeader.ts';
import { MESSAGE_BYTES, MESSAGE_LENGTH } from './messageLayout.ts';

/** Messages that are received with one call. */
const MOST_MESSAGES = 32;
/** Apart by more than a multiple of 4096, so that the beginnings of all rooms fit into the processor's caches. */
const ROOM_BYTES = HEADROOM + MOST_PACKET_BYTES + TAILROOM + 1408;
/**
 * Bytes that one call is to bring: what fits into a processor's second cache together with what is made of it. Where
 * trains of 64 KB waited, calls brought 370 KB on average, and each packet had left the cache before it was opened.
 */
const CALL_BYTES = 192 * 1024;
/** What the rooms take together. */
export const BATCH_BYTES = MOST_MESSAGES * ROOM_BYTES;

/** One for all sockets of a loop: what one call received is done with before the next. */
export class ReceiveBatch {
  /** All rooms. */
  readonly memory: Memory;
  readonly #headers: readonly ReceiveHeader[];
  readonly #control = new Memory(MOST_MESSAGES * (MESSAGE_BYTES + BLOCK_BYTES));
  /** Headers that the kernel has written to. */
  #used = MOST_MESSAGES;
  /** Messages that the last call asked for, and that the next one asks for. */
  #asked = MOST_MESSAGES;
  #most = MOST_MESSAGES;

  /** @param memory `BATCH_BYTES` */
  constructor(memory: Memory) {
    this.memory = memory;
    this.#headers = Array.from({ length: MOST_MESSAGES }, (_, i) => {
      const room = this.memory.base + this.at(i);
      const block = MOST_MESSAGES * MESSAGE_BYTES + i * BLOCK_BYTES;
      return new ReceiveHeader(room, MOST_PACKET_BYTES, this.#control, i * MESSAGE_BYTES, block);
    });
  }

  /** @returns how many messages came; 0 where there is none, `mayHaveMore` tells whether to ask again */
  receive(fd: number): number {
    for (let i = 0; i < this.#used; i++) this.#headers[i]!.prepare();
    this.#asked = this.#most;
    const count = Math.max(0, libc().recvmmsg(fd, this.#control.base, this.#asked, MessageFlag.dontWait, 0));
    this.#used = count;
    if (count > 0) this.#most = this.#mostOf(count);
    return count;
  }

  get mayHaveMore(): boolean {
    return this.#used === this.#asked;
  }

  /** How many messages like the last ones bring `CALL_BYTES`. */
  #mostOf(count: number): number {
    let bytes = 0;
    for (let i = 0; i < count; i++) bytes += this.length(i);
    return Math.max(1, Math.min(MOST_MESSAGES, Math.floor((CALL_BYTES * count) / (bytes + 1))));
  }

  /** Where message `i` begins in the memory. */
  at(i: number): number {
    return i * ROOM_BYTES + HEADROOM;
  }

  /** Bytes of message `i`. */
  length(i: number): number {
    return this.#control.view.getUint32(i * MESSAGE_BYTES + MESSAGE_LENGTH, true);
  }

  /** Bytes of each datagram in message `i`; the last may be shorter. */
  segmentBytes(i: number): number {
    return this.#headers[i]!.segmentBytes || this.length(i);
  }

  /** Whether message `i` was longer than the room. */
  isCut(i: number): boolean {
    return (this.#headers[i]!.flags & MessageFlag.truncated) !== 0;
  }

  readInto(i: number, source: Source, family: 4 | 6): void {
    this.#headers[i]!.readInto(source, family);
  }
}
