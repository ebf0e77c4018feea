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
    const count = libc().recvmmsg(fd, this.#control.base, MOST_MESSAGES, MessageFlag.dontWait, 0);
    this.#used = Math.max(0, count);
    return this.#used;
  }

  get mayHaveMore(): boolean {
    return this.#used === MOST_MESSAGES;
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
