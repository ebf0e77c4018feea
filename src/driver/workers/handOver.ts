/** A worker's way to the others: packets that came to it by mistake go on through rings, and theirs come in. */

import type { Source } from '../../dataplane/ports.ts';
import { decrementHopLimit, decrementTtl, ipv4Ttl, ipv6HopLimit } from '../../net/index.ts';
import { libc, Memory } from '../ffi.ts';
import { Elsewhere } from './elsewhere.ts';
import { HandedKind, PacketRing } from './packetRing.ts';
import { workerOfSpi } from './steering.ts';

/** What the main thread gives each worker of several. Rings by the other worker's number; none to itself. */
export interface Sharing {
  readonly index: number;
  readonly incoming: readonly (SharedArrayBuffer | undefined)[];
  readonly outgoing: readonly (SharedArrayBuffer | undefined)[];
  /** The eventfd of each worker. */
  readonly wakeFds: readonly number[];
}

export interface TakeHanded {
  readonly esp: (inUdp: boolean, bytes: Uint8Array, at: number, length: number, source: Source) => void;
  /** With the header in front that the device gives. */
  readonly fromTun: (bytes: Uint8Array, at: number, length: number) => void;
  readonly fromUser: (bytes: Uint8Array, at: number, length: number) => void;
}

/** Packets taken from each ring in a round. */
const MOST_TAKEN = 256;

export class HandOver {
  readonly elsewhere = new Elsewhere();
  /** See the data plane's command `configure`. */
  clientToClient = false;
  /** Is told of each packet between users that this forbids. */
  onForbidden: (() => void) | undefined = undefined;
  readonly #sharing: Sharing;
  readonly #workers: number;
  readonly #incoming: readonly PacketRing[];
  readonly #outgoing: readonly (PacketRing | undefined)[];
  readonly #toWake: boolean[];
  readonly #one = new Memory(8);
  #wakesOwed = false;
  #droppedTold = 0;

  constructor(sharing: Sharing) {
    this.#sharing = sharing;
    this.#workers = sharing.wakeFds.length;
    this.#incoming = sharing.incoming.flatMap((memory) => (memory === undefined ? [] : [new PacketRing(memory)]));
    this.#outgoing = sharing.outgoing.map((memory) => (memory === undefined ? undefined : new PacketRing(memory)));
    this.#toWake = sharing.wakeFds.map(() => false);
    this.#one.setWord(0, 1);
  }

  /** @returns whether another worker gets this ESP packet, or would have: then it is done with here */
  esp(inUdp: boolean, bytes: Uint8Array, at: number, length: number, source: Source): boolean {
    if (length < 4) return false;
    const spi = (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
    if (spi === 0) return false;
    const steered = workerOfSpi(spi, this.#workers);
    const worker = steered === this.#sharing.index ? this.elsewhere.ofSpi(spi) : steered;
    if (worker < 0) return false;
    this.#push(worker, inUdp ? HandedKind.espInUdp : HandedKind.esp, bytes, at, length, source);
    return true;
  }

  /** The same for what the TUN device gave. @param headerBytes of what stands in front of the packet */
  fromTun(bytes: Uint8Array, at: number, length: number, headerBytes: number): boolean {
    const worker = this.elsewhere.ofInner(bytes, at, length);
    if (worker < 0) return false;
    this.#push(worker, HandedKind.fromTun, bytes, at - headerBytes, length + headerBytes);
    return true;
  }

  /**
   * The same for a packet of a user of ours to one of another worker, which the kernel need not see: its time to live
   * is lowered here. One that has none left is the kernel's to answer. RFC 1812 §5.3.1.
   */
  fromUser(bytes: Uint8Array, at: number, length: number): boolean {
    const worker = this.elsewhere.ofInner(bytes, at, length);
    if (worker < 0) return false;
    if (!this.clientToClient) {
      this.onForbidden?.();
      return true;
    }
    const isIpv4 = bytes[at]! >> 4 === 4;
    if ((isIpv4 ? ipv4Ttl(bytes, at) : ipv6HopLimit(bytes, at)) <= 1) return false;
    if (isIpv4) decrementTtl(bytes, at);
    else decrementHopLimit(bytes, at);
    this.#push(worker, HandedKind.fromUser, bytes, at, length);
    return true;
  }

  /** Hands in what others have handed over. @returns whether more may be waiting */
  take({ esp, fromTun, fromUser }: TakeHanded): boolean {
    let more = false;
    for (const ring of this.#incoming) {
      let taken = 0;
      while (taken < MOST_TAKEN && ring.next()) {
        taken++;
        const { kind, bytes, at, length, source } = ring;
        if (kind === HandedKind.fromTun) fromTun(bytes, at, length);
        else if (kind === HandedKind.fromUser) fromUser(bytes, at, length);
        else if (!this.#isElsewhere(kind, bytes, at, length, source)) {
          esp(kind === HandedKind.espInUdp, bytes, at, length, source);
        }
        ring.release();
      }
      more ||= taken === MOST_TAKEN;
    }
    return more;
  }

  /** Wakes the workers that were given something. */
  wake(): void {
    if (!this.#wakesOwed) return;
    this.#wakesOwed = false;
    for (let worker = 0; worker < this.#toWake.length; worker++) {
      if (!this.#toWake[worker]) continue;
      this.#toWake[worker] = false;
      libc().write(this.#sharing.wakeFds[worker]!, this.#one.base, 8);
    }
  }

  /** Packets that found no room since this was asked last. */
  takeDropped(): number {
    let dropped = 0;
    for (const ring of this.#outgoing) dropped += ring?.dropped ?? 0;
    const fresh = (dropped - this.#droppedTold) >>> 0;
    this.#droppedTold = dropped;
    return fresh;
  }

  /** A packet that was handed to the worker of its SPI, whose channel lives elsewhere still. */
  #isElsewhere(kind: number, bytes: Uint8Array, at: number, length: number, source: Source): boolean {
    const spi = (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
    const worker = this.elsewhere.ofSpi(spi);
    if (worker < 0) return false;
    this.#push(worker, kind, bytes, at, length, source);
    return true;
  }

  #push(worker: number, kind: number, bytes: Uint8Array, at: number, length: number, source?: Source): void {
    if (this.#outgoing[worker]?.push(kind, bytes, at, length, source) !== true) return;
    this.#toWake[worker] = true;
    this.#wakesOwed = true;
  }
}
