/**
 * A bounded queue of packets from one thread to another, in memory that both have: one writes, one reads, and neither
 * waits for the other. What finds no room is counted and dropped, as by any full queue.
 */

import { newSource, type Source } from '../../dataplane/ports.ts';

/**
 * What a packet in a ring is: ESP that came in UDP or as IP protocol 50, what the TUN device gave with its header, or
 * a packet from one user to another.
 */
export const HandedKind = { espInUdp: 0, esp: 1, fromTun: 2, fromUser: 3 } as const;

/** Positions count bytes for ever, modulo 2^32; they are apart by more than a cache line. */
const WRITTEN = 0;
const READ = 32;
const DROPPED = 48;
const STATE_BYTES = 256;

/** In front of each packet: its length, kind, address family and ports, then both addresses. */
const KIND = 4;
const FAMILY = 5;
const REMOTE_PORT = 6;
const LOCAL_PORT = 8;
const REMOTE = 16;
const LOCAL = 32;
const RECORD_BYTES = 48;
const ALIGNMENT = 16;
/** In place of a length: nothing stands from here to the end. */
const SKIP = -1;

export class PacketRing {
  /** Of the packet that `next` found: it stands there until `release`. */
  readonly bytes: Uint8Array;
  kind = 0;
  at = 0;
  length = 0;
  /** Without meaning for inner packets. */
  readonly source: Source = newSource();
  readonly #state: Int32Array;
  readonly #view: DataView;
  readonly #size: number;
  #end = 0;

  /** Memory for a ring of `size` bytes, a power of two. */
  static memory(size: number): SharedArrayBuffer {
    return new SharedArrayBuffer(STATE_BYTES + size);
  }

  /** @param memory as `memory` made it; one thread may push to it and one may read */
  constructor(memory: SharedArrayBuffer) {
    this.#size = memory.byteLength - STATE_BYTES;
    if (this.#size < RECORD_BYTES || (this.#size & (this.#size - 1)) !== 0) throw new RangeError('not a power of two');
    this.#state = new Int32Array(memory, 0, STATE_BYTES / 4);
    this.bytes = new Uint8Array(memory, STATE_BYTES);
    this.#view = new DataView(memory, STATE_BYTES);
  }

  /** Packets that found no room so far. */
  get dropped(): number {
    return Atomics.load(this.#state, DROPPED);
  }

  /** Copies a packet in. @returns false, counted, where there is no room */
  push(kind: number, bytes: Uint8Array, at: number, length: number, source?: Source): boolean {
    const state = this.#state;
    const written = Atomics.load(state, WRITTEN);
    const free = this.#size - ((written - Atomics.load(state, READ)) >>> 0);
    const needed = spaceOf(length);
    let start = (written >>> 0) & (this.#size - 1);
    const toEnd = this.#size - start;
    const skipped = toEnd < needed ? toEnd : 0;
    if (skipped + needed > free) {
      Atomics.add(state, DROPPED, 1);
      return false;
    }
    const view = this.#view;
    if (skipped > 0) {
      view.setInt32(start, SKIP, true);
      start = 0;
    }
    view.setInt32(start, length, true);
    view.setUint8(start + KIND, kind);
    if (source !== undefined) this.#writeSource(start, source);
    this.bytes.set(bytes.subarray(at, at + length), start + RECORD_BYTES);
    Atomics.store(state, WRITTEN, (written + skipped + needed) | 0);
    return true;
  }

  /** Finds the oldest packet. @returns false where there is none */
  next(): boolean {
    const state = this.#state;
    const written = Atomics.load(state, WRITTEN);
    let read = Atomics.load(state, READ);
    if (read === written) return false;
    let start = (read >>> 0) & (this.#size - 1);
    if (this.#view.getInt32(start, true) === SKIP) {
      read = (read + this.#size - start) | 0;
      start = 0;
    }
    this.length = this.#view.getInt32(start, true);
    this.kind = this.#view.getUint8(start + KIND);
    this.at = start + RECORD_BYTES;
    if (this.kind === HandedKind.espInUdp || this.kind === HandedKind.esp) this.#readSource(start);
    this.#end = (read + spaceOf(this.length)) | 0;
    return true;
  }

  /** The packet that `next` found has been taken; its place may be written to. */
  release(): void {
    Atomics.store(this.#state, READ, this.#end);
  }

  #writeSource(start: number, { family, remote, remotePort, local, localPort }: Source): void {
    const view = this.#view;
    view.setUint8(start + FAMILY, family);
    view.setUint16(start + REMOTE_PORT, remotePort);
    view.setUint16(start + LOCAL_PORT, localPort);
    this.bytes.set(remote, start + REMOTE);
    this.bytes.set(local, start + LOCAL);
  }

  #readSource(start: number): void {
    const { source, bytes } = this;
    const view = this.#view;
    source.family = view.getUint8(start + FAMILY) === 6 ? 6 : 4;
    source.remotePort = view.getUint16(start + REMOTE_PORT);
    source.localPort = view.getUint16(start + LOCAL_PORT);
    source.remote.set(bytes.subarray(start + REMOTE, start + LOCAL));
    source.local.set(bytes.subarray(start + LOCAL, start + RECORD_BYTES));
  }
}

const spaceOf = (length: number) => (RECORD_BYTES + length + ALIGNMENT - 1) & -ALIGNMENT;
