/**
 * Data planes in this thread over the driver's own sockets, for a program that does little else, such as a load
 * generator: it waits in poll(2), a few milliseconds at most, between the turns of the event loop, and receives and
 * sends many datagrams with one call. No TUN device and no native ESP; inner packets go to and come from functions.
 */

import type { Instant } from '../core/index.ts';
import type { DataPlaneCommand, DataPlaneEvent } from '../dataplane/messages.ts';
import type { PacketPath } from '../dataplane/path.ts';
import {
  type DataPlanePorts,
  HEADROOM,
  MOST_PACKET_BYTES,
  newSource,
  type Peer,
  type SocketKind,
  TAILROOM,
} from '../dataplane/ports.ts';
import { ciphersFor } from './ciphers.ts';
import { systemClock } from './clock.ts';
import { ErrorQueue } from './errorQueue.ts';
import { closePorts, type OpenPorts, openPorts, type PortOptions, StartError } from './openPorts.ts';
import { newPacketAreas } from './packetMemory.ts';
import { PollSet } from './pollSet.ts';
import { BATCH_BYTES, ReceiveBatch } from './receiveBatch.ts';
import { AREA_BYTES, SendArea } from './sendArea.ts';
import { Sender } from './sender.ts';
import {
  type DataPlaneListener,
  type InnerDataPlane,
  type InnerPacketListener,
  type InnerStartResult,
  newCounters,
  newPacketPath,
  type PathSettings,
  performCommand,
} from './startedDataPlane.ts';
import type { UdpSocket } from './udpSocket.ts';

export interface PolledDataPlaneOptions
  extends Omit<PortOptions, 'rawEsp' | 'tun' | 'offloads'>,
    PathSettings,
    DataPlaneListener,
    InnerPacketListener {}

/** How long timers, promises and signals of the process may have to wait, milliseconds. */
const LONGEST_WAIT = 4;
/** Calls of recvmmsg on one socket before the next one has its turn. */
const RECEIVE_BATCHES = 8;
/** No file. */
const NOTHING: readonly number[] = [-1];

/** Any number of data planes, each with ports of its own, that are waited for together. */
export class PolledDataPlanes {
  readonly #areas = newPacketAreas([BATCH_BYTES, AREA_BYTES]);
  readonly #batch = new ReceiveBatch(this.#areas[0].memory);
  readonly #area = new SendArea(this.#areas[1]);
  readonly #errors = new ErrorQueue();
  readonly #planes = new Set<Plane>();
  #sockets: readonly { readonly plane: Plane; readonly kind: SocketKind; readonly socket: UdpSocket }[] = [];
  #readable = new PollSet(NOTHING);
  #turning = false;

  /** Opens the ports of one more. Needs FFI: see `available()`. */
  start(options: PolledDataPlaneOptions): InnerStartResult {
    try {
      const room = this.#batch.memory.base + this.#batch.at(0);
      const open = openPorts({ ...options, rawEsp: false }, room, MOST_PACKET_BYTES);
      const plane: Plane = new Plane(options, open, this.#batch, this.#area, () => this.#changed(plane, false));
      this.#changed(plane, true);
      return { ok: true, dataPlane: plane };
    } catch (error) {
      if (error instanceof StartError) return { ok: false, failure: error.failure };
      throw error;
    }
  }

  #changed(plane: Plane, isThere: boolean): void {
    if (isThere) this.#planes.add(plane);
    else this.#planes.delete(plane);
    this.#sockets = [...this.#planes].flatMap((plane) => plane.sockets.map((socket) => ({ plane, ...socket })));
    this.#readable = new PollSet(this.#planes.size === 0 ? NOTHING : this.#sockets.map(({ socket }) => socket.fd));
    if (!isThere || this.#turning) return;
    this.#turning = true;
    setImmediate(this.#turn);
  }

  readonly #turn = (): void => {
    this.#turning = this.#planes.size > 0;
    if (!this.#turning) return;
    this.#readable.wait(this.#mostWait());
    // What is told may close a plane, and with it change both.
    const sockets = this.#sockets;
    const readable = this.#readable;
    const now = systemClock.now();
    for (let i = 0; i < sockets.length; i++) {
      const { plane, kind, socket } = sockets[i]!;
      if (readable.isReadable(i)) plane.drain(kind, socket, now);
    }
    if (readable.anyError) {
      for (const { plane, socket } of sockets) {
        for (const event of this.#errors.drain(socket, now)) plane.event(event);
      }
    }
    for (const plane of this.#planes) if (plane.hasWork(now)) plane.finish(now);
    setImmediate(this.#turn);
  };

  #mostWait(): number {
    const now = systemClock.now();
    for (const plane of this.#planes) if (plane.hasWork(now)) return 0;
    return LONGEST_WAIT;
  }
}

class Plane implements InnerDataPlane, DataPlanePorts {
  readonly counters: Float64Array;
  readonly ports: OpenPorts['ports'];
  readonly sockets: OpenPorts['udp'];
  readonly tun = undefined;
  readonly slowCiphers: string | undefined;
  readonly workers = 1;
  readonly notShared = undefined;
  readonly #options: PolledDataPlaneOptions;
  readonly #open: OpenPorts;
  readonly #batch: ReceiveBatch;
  readonly #path: PacketPath;
  readonly #sender: Sender;
  readonly #source = newSource();
  readonly #gone: () => void;
  #inner: Uint8Array | undefined;
  #commands: DataPlaneCommand[] = [];
  #packets: Uint8Array[] = [];
  #events: DataPlaneEvent[] = [];
  #closed = false;

  constructor(options: PolledDataPlaneOptions, open: OpenPorts, batch: ReceiveBatch, area: SendArea, gone: () => void) {
    this.#options = options;
    this.#open = open;
    this.#batch = batch;
    this.#gone = gone;
    this.ports = open.ports;
    this.sockets = open.udp;
    this.counters = newCounters(options.slots);
    this.slowCiphers = ciphersFor(options.ciphers ?? 'fastest').slowBecause;
    // A refused datagram is a lost one, which the protocols above repair.
    this.#sender = new Sender({ open, area, offloads: false, refused: () => {}, noSocket: () => {} });
    this.#path = newPacketPath(this, open.ports, options, this.counters);
  }

  /** Done in the turn that follows, with what else was posted. */
  post(command: DataPlaneCommand): void {
    if (!this.#closed) this.#commands.push(command);
  }

  fromTun(packet: Uint8Array): void {
    if (!this.#closed) this.#packets.push(packet.slice());
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#perform();
    this.#deliver();
    this.#gone();
    closePorts(this.#open);
    this.#path.close();
  }

  /** Whether there is something to do without waiting. */
  hasWork(now: Instant): boolean {
    if (this.#commands.length > 0 || this.#events.length > 0 || this.#packets.length > 0) return true;
    const { deadline } = this.#path;
    return deadline !== undefined && deadline <= now;
  }

  drain(kind: SocketKind, socket: UdpSocket, now: Instant): void {
    if (this.#closed) return;
    this.#path.setTime(now);
    const batch = this.#batch;
    const source = this.#source;
    const { bytes } = batch.memory;
    source.localPort = socket.port;
    for (let round = 0; round < RECEIVE_BATCHES; round++) {
      const count = batch.receive(socket.fd);
      for (let i = 0; i < count; i++) {
        if (batch.isCut(i)) continue;
        batch.readInto(i, source, socket.family);
        this.#path.fromUdp(kind, bytes, batch.at(i), batch.length(i), source);
      }
      // The area is all planes' together: what waits in it goes before another's turn.
      this.#sender.flush();
      if (!batch.mayHaveMore) return;
    }
  }

  /** Tells what happened and does what was posted, also in answer to that. */
  finish(now: Instant): void {
    if (this.#closed) return;
    this.#path.setTime(now);
    this.#deliver();
    this.#perform();
    const { deadline } = this.#path;
    if (deadline !== undefined && deadline <= now) this.#path.tick(now);
    this.#sender.flush();
  }

  sendUdp(kind: SocketKind, peer: Peer, bytes: Uint8Array, at: number, length: number): void {
    this.#sender.send(kind, peer, bytes, at, length);
  }

  sendEsp(): void {}

  writeTun(bytes: Uint8Array, at: number, length: number): void {
    this.#options.toTun?.(bytes.slice(at, at + length));
  }

  event(event: DataPlaneEvent): void {
    this.#events.push(event);
  }

  #perform(): void {
    const commands = this.#commands;
    const packets = this.#packets;
    if (commands.length === 0 && packets.length === 0) return;
    this.#commands = [];
    this.#packets = [];
    for (const command of commands) performCommand(this.#path, command, this.#options.onRefused);
    for (const packet of packets) {
      this.#inner ??= new Uint8Array(HEADROOM + MOST_PACKET_BYTES + TAILROOM);
      this.#inner.set(packet, HEADROOM);
      this.#path.fromTun(this.#inner, HEADROOM, packet.length);
    }
    this.#sender.flush();
  }

  #deliver(): void {
    const events = this.#events;
    if (events.length === 0) return;
    this.#events = [];
    this.#options.onEvents(events);
  }
}
