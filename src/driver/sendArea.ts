/** The memory in which packets wait to be sent: each behind the other, until all have gone. */

import type { RangeSum } from '../dataplane/offload/index.ts';
import { HEADROOM, MOST_PACKET_BYTES, TAILROOM } from '../dataplane/ports.ts';
import type { Memory } from './ffi.ts';
import type { PacketArea } from './packetMemory.ts';

/** Room for a large packet and what it is cut into, a few times over. */
export const AREA_BYTES = 8 * (HEADROOM + MOST_PACKET_BYTES + TAILROOM);
const LINE_BYTES = 64;
/** Room for a large packet and what it is cut into. */
const HALF_BYTES = AREA_BYTES / 2;
/** The end of what was put last, and what waits, is no longer than one send, with the rooms around it. */
const MOST_WAITING_BYTES = HEADROOM + MOST_PACKET_BYTES + TAILROOM;

export class SendArea {
  readonly memory: Memory;
  readonly sum: RangeSum;
  #next = 0;
  #floor = 0;
  #end = AREA_BYTES;

  /** @param area of `AREA_BYTES` */
  constructor({ memory, sum }: PacketArea) {
    this.memory = memory;
    this.sum = sum;
  }

  /** Where a packet of at most `length` bytes may be put, with the rooms around it; -1 where there is no place left. */
  place(length: number): number {
    const at = this.#next + HEADROOM;
    return at + length + TAILROOM <= this.#end ? at : -1;
  }

  /** How many packets of so many bytes fit behind one another from `at` on. */
  fitting(at: number, bytes: number): number {
    return Math.floor((this.#end - TAILROOM - at) / bytes);
  }

  /** A packet stands there now. */
  take(at: number, length: number): void {
    this.#next = (at + length + TAILROOM + LINE_BYTES - 1) & -LINE_BYTES;
  }

  /** What was taken so far survives `rewind`. */
  hold(): void {
    this.#floor = this.#next;
  }

  release(): void {
    this.#floor = 0;
  }

  /** All that was sent from here has gone. */
  rewind(): void {
    this.#next = this.#floor;
    this.#end = AREA_BYTES;
  }

  /** All has gone but the end of what was put here last: what comes next is put where it is not. */
  turn(): void {
    const isBehindFirstHalf = this.#next - MOST_WAITING_BYTES >= HALF_BYTES;
    this.#next = isBehindFirstHalf ? 0 : Math.max(this.#next, HALF_BYTES);
    this.#end = isBehindFirstHalf ? HALF_BYTES : AREA_BYTES;
  }
}
