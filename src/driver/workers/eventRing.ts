/**
 * Events of a worker on their way to the main thread, in memory that both have: a message between threads, with copies
 * of all objects in it, costs several times as much. A message goes only where the main thread has not been told yet.
 */

import { deserialize, serialize } from 'node:v8';
import type { Endpoint } from '../../core/index.ts';
import type { DataPlaneEvent } from '../../dataplane/messages.ts';
import { PacketRing } from './packetRing.ts';

const TOLD_BYTES = 4;
/** Enough for what comes while the main thread is busy for a tenth of a second. */
export const EVENT_RING_BYTES = 1024 * 1024;

/** The two that come all the time are laid out by hand: channel, ports and addresses, then the bytes. */
const Kind = { ike: 0, l2tp: 1, other: 2 } as const;
const CHANNEL = 0;
const REMOTE_PORT = 8;
const LOCAL_PORT = 10;
const REMOTE_LENGTH = 12;
const LOCAL_LENGTH = 13;
const HEAD_BYTES = 14;
const MOST_ADDRESS = 64;
/** Longer events go as messages. */
const MOST_BYTES = 16 * 1024;

export interface EventRingMemory {
  readonly ring: SharedArrayBuffer;
  readonly told: SharedArrayBuffer;
}

export function eventRingMemory(size = EVENT_RING_BYTES): EventRingMemory {
  return { ring: PacketRing.memory(size), told: new SharedArrayBuffer(TOLD_BYTES) };
}

/** The worker's end. */
export class EventWriter {
  readonly #ring: PacketRing;
  readonly #told: Int32Array;
  readonly #room = new Uint8Array(HEAD_BYTES + 2 * MOST_ADDRESS + MOST_BYTES);
  readonly #view = new DataView(this.#room.buffer);

  constructor({ ring, told }: EventRingMemory) {
    this.#ring = new PacketRing(ring);
    this.#told = new Int32Array(told);
  }

  /** @returns false where there is no room for it: it is to go another way */
  push(event: DataPlaneEvent): boolean {
    if (event.type === 'ike' || event.type === 'l2tp') {
      const length = this.#layOut(event);
      if (length > 0) return this.#ring.push(event.type === 'ike' ? Kind.ike : Kind.l2tp, this.#room, 0, length);
    }
    const bytes = serialize(event);
    return bytes.length <= MOST_BYTES && this.#ring.push(Kind.other, bytes, 0, bytes.length);
  }

  /** Whether the main thread must be told that there is something. */
  mustTell(): boolean {
    return Atomics.exchange(this.#told, 0, 1) === 0;
  }

  /** @returns 0 where it is too long */
  #layOut(event: Extract<DataPlaneEvent, { type: 'ike' | 'l2tp' }>): number {
    const { local, remote, bytes } = event;
    if (bytes.length > MOST_BYTES || Math.max(local.address.length, remote.address.length) > MOST_ADDRESS) return 0;
    const view = this.#view;
    view.setFloat64(CHANNEL, event.type === 'l2tp' ? (event.channel ?? Number.NaN) : Number.NaN);
    view.setUint16(REMOTE_PORT, remote.port);
    view.setUint16(LOCAL_PORT, local.port);
    view.setUint8(REMOTE_LENGTH, remote.address.length);
    view.setUint8(LOCAL_LENGTH, local.address.length);
    const at = this.#text(this.#text(HEAD_BYTES, remote.address), local.address);
    this.#room.set(bytes, at);
    return at + bytes.length;
  }

  #text(at: number, text: string): number {
    for (let i = 0; i < text.length; i++) this.#room[at + i] = text.charCodeAt(i);
    return at + text.length;
  }
}

/** The main thread's end. */
export class EventReader {
  readonly #ring: PacketRing;
  readonly #told: Int32Array;
  readonly #view: DataView;

  constructor({ ring, told }: EventRingMemory) {
    this.#ring = new PacketRing(ring);
    this.#told = new Int32Array(told);
    const { buffer, byteOffset, byteLength } = this.#ring.bytes;
    this.#view = new DataView(buffer, byteOffset, byteLength);
  }

  /** All that has come, in order. The worker tells of what comes after this. */
  take(): DataPlaneEvent[] {
    // In this order: what is pushed meanwhile is either found here or told of again.
    Atomics.store(this.#told, 0, 0);
    const events: DataPlaneEvent[] = [];
    const ring = this.#ring;
    while (ring.next()) {
      events.push(this.#read());
      ring.release();
    }
    return events;
  }

  #read(): DataPlaneEvent {
    const { kind, at, length, bytes } = this.#ring;
    if (kind === Kind.other) return deserialize(bytes.slice(at, at + length)) as DataPlaneEvent;
    const view = this.#view;
    const remoteAt = at + HEAD_BYTES;
    const localAt = remoteAt + view.getUint8(at + REMOTE_LENGTH);
    const bytesAt = localAt + view.getUint8(at + LOCAL_LENGTH);
    const remote: Endpoint = { address: text(bytes, remoteAt, localAt), port: view.getUint16(at + REMOTE_PORT) };
    const local: Endpoint = { address: text(bytes, localAt, bytesAt), port: view.getUint16(at + LOCAL_PORT) };
    const copy = new Uint8Array(at + length - bytesAt);
    copy.set(bytes.subarray(bytesAt, at + length));
    if (kind === Kind.ike) return { type: 'ike', local, remote, bytes: copy };
    const channel = view.getFloat64(at + CHANNEL);
    return { type: 'l2tp', channel: Number.isNaN(channel) ? undefined : channel, local, remote, bytes: copy };
  }
}

function text(bytes: Uint8Array, from: number, to: number): string {
  let string = '';
  for (let i = from; i < to; i++) string += String.fromCharCode(bytes[i]!);
  return string;
}
