/**
 * The data plane's loop: poll, then drain the TUN device, the sockets and the control messages, all synchronously,
 * each up to a bound a round. It is the `DataPlanePorts` of the packet path that it feeds.
 */

import type { DataPlaneEvent } from '../dataplane/messages.ts';
import {
  type DataPlanePorts,
  MOST_PACKET_BYTES,
  newSource,
  type PacketInput,
  type Peer,
  SCRATCH_BYTES,
  type SocketKind,
} from '../dataplane/ports.ts';
import { type Clock, systemClock } from './clock.ts';
import { Errno, PollEvent } from './constants.ts';
import { libc, Memory } from './ffi.ts';
import { type BoundPorts, closePorts, type OpenPorts, openPorts, type PortOptions } from './openPorts.ts';
import { newPacketAreas } from './packetMemory.ts';
import type { RawEspSocket } from './rawSocket.ts';
import { BATCH_BYTES, ReceiveBatch } from './receiveBatch.ts';
import { Refusals } from './refusals.ts';
import { AREA_BYTES, SendArea } from './sendArea.ts';
import { remoteOf, Sender } from './sender.ts';
import { SystemError } from './systemError.ts';
import { TunReader } from './tunReader.ts';
import { TunWriter } from './tunWriter.ts';
import type { UdpSocket } from './udpSocket.ts';

/** Packets and bytes taken from the TUN device before the sockets have their turn. */
const TUN_BATCH = 64;
const TUN_BATCH_BYTES = 512 * 1024;
/** Calls of recvmmsg on one socket before the next one has its turn. */
const RECEIVE_BATCHES = 8;
/** The longest sleep without anything to do, milliseconds. */
const MOST_SLEEP = 10_000;
const POLLFD_BYTES = 8;
const SMALLEST_ESP = 8;
const BAD_OFFLOAD = 'the kernel gave a large packet whose description contradicts it';

export interface PacketLoopOptions extends PortOptions {
  /** Makes the packet path on these ports. `scratch` is for its `scratch`: what is sent from there is not copied. */
  readonly path: (ports: DataPlanePorts, bound: BoundPorts, scratch: Uint8Array) => PacketInput;
  /** An eventfd that the control side writes to; -1 for none. */
  readonly wakeFd: number;
  /** Takes the control side's messages. @returns false to end the loop */
  readonly control: (path: PacketInput) => boolean;
  /** Is given the events of a round, at its end. */
  readonly deliver: (events: readonly DataPlaneEvent[]) => void;
  readonly clock?: Pick<Clock, 'now'>;
}

export class PacketLoop implements DataPlanePorts {
  readonly ports: BoundPorts;
  /** The TUN device's name. */
  readonly tun: string | undefined;
  readonly #open: OpenPorts;
  readonly #options: PacketLoopOptions;
  readonly #path: PacketInput;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #areas = newPacketAreas([BATCH_BYTES, AREA_BYTES, SCRATCH_BYTES]);
  readonly #batch = new ReceiveBatch(this.#areas[0].memory);
  readonly #area = new SendArea(this.#areas[1]);
  readonly #scratch = this.#areas[2].memory;
  readonly #wakeCount = new Memory(8);
  readonly #sender: Sender;
  readonly #tunReader: TunReader | undefined;
  readonly #tunWriter: TunWriter | undefined;
  readonly #pollFds: Memory;
  readonly #drains: readonly (() => void)[];
  readonly #source = newSource();
  readonly #refusals = new Refusals();
  #events: DataPlaneEvent[] = [];
  #failed: Error | undefined;
  #ended = false;
  readonly #control = (): void => {
    if (this.#options.wakeFd >= 0) libc().read(this.#options.wakeFd, this.#wakeCount.base, 8);
    if (!this.#options.control(this.#path)) this.#ended = true;
  };

  /** @throws StartError, with everything closed again */
  constructor(options: PacketLoopOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#open = openPorts(options, this.#batch.memory.base + this.#batch.at(0), MOST_PACKET_BYTES);
    this.ports = this.#open.ports;
    this.tun = this.#open.tun?.name;
    this.#path = options.path(this, this.ports, this.#scratch.bytes);
    const { tun, udp, esp } = this.#open;
    const offloads = options.offloads ?? true;
    if (offloads) for (const { kind, socket } of udp) if (kind !== 'ike') socket.joinReceived();
    this.#sender = new Sender({
      open: this.#open,
      area: this.#area,
      offloads,
      refused: (peer, errno) => this.#refuse('send', peer, errno),
      noSocket: (peer, reason) => this.#refusals.add('no-socket', reason, remoteOf(peer), this.#clock.now()),
    });
    if (tun !== undefined) {
      this.#tunWriter = new TunWriter(tun, this.#areas[0], () => this.#refuse('tun'));
      this.#tunReader = new TunReader({
        tun,
        area: this.#area,
        take: (at, length) => this.#path.fromTun(this.#area.memory.bytes, at, length),
        flush: () => this.#sender.flush(),
        refuse: () => this.#refusals.add('bad-offload', BAD_OFFLOAD, undefined, this.#clock.now()),
      });
    }
    const readable: (readonly [fd: number, drain: () => void])[] = [
      ...(tun === undefined ? [] : [[tun.fd, () => this.#drainTun()] as const]),
      ...udp.map(({ kind, socket }) => [socket.fd, () => this.#drainUdp(kind, socket)] as const),
      ...esp.map((socket) => [socket.fd, () => this.#drainEsp(socket)] as const),
    ];
    this.#drains = readable.map(([, drain]) => drain);
    this.#pollFds = new Memory((readable.length + 1) * POLLFD_BYTES);
    for (const [i, fd] of [...readable.map(([fd]) => fd), options.wakeFd].entries()) {
      this.#pollFds.view.setInt32(i * POLLFD_BYTES, fd, true);
      this.#pollFds.view.setInt16(i * POLLFD_BYTES + 4, PollEvent.in, true);
    }
  }

  /** Runs until the control side says to end. @throws Error where the TUN device is lost */
  run(): void {
    while (this.round());
  }

  /**
   * Waits for something to do, at most until the path's deadline or `mostWait` milliseconds, and does it.
   * @returns false when the control side said to end
   */
  round(mostWait = MOST_SLEEP): boolean {
    this.#poll(mostWait);
    this.#path.setTime(this.#clock.now());
    const { view } = this.#pollFds;
    const drains = this.#drains;
    for (let i = 0; i < drains.length; i++) {
      if (view.getInt16(i * POLLFD_BYTES + 6, true) !== 0) this.#guard(drains[i]!);
    }
    const isWoken = view.getInt16(drains.length * POLLFD_BYTES + 6, true) !== 0;
    if (isWoken || this.#options.wakeFd < 0) this.#guard(this.#control);
    this.#tick();
    if (this.#failed !== undefined) throw this.#failed;
    return !this.#ended;
  }

  /** Hands out the last events and closes everything. */
  close(): void {
    this.#deliver();
    closePorts(this.#open);
  }

  sendUdp(kind: SocketKind, peer: Peer, bytes: Uint8Array, at: number, length: number): void {
    this.#sender.send(kind, peer, bytes, at, length);
  }

  sendEsp(peer: Peer, bytes: Uint8Array, at: number, length: number): void {
    this.#sender.send('esp', peer, bytes, at, length);
  }

  writeTun(bytes: Uint8Array, at: number, length: number): void {
    const writer = this.#tunWriter;
    if (writer === undefined) return;
    if (bytes === this.#batch.memory.bytes) writer.add(at, length);
    else if (bytes === this.#scratch.bytes) {
      // What waits to be joined came before.
      writer.flush();
      writer.writeNow(this.#scratch.base + at, length);
    } else if (bytes === this.#area.memory.bytes) writer.writeNow(this.#area.memory.base + at, length);
    else throw new RangeError('a packet for the TUN device stands in a buffer that is not the loop’s');
  }

  event(event: DataPlaneEvent): void {
    this.#events.push(event);
  }

  #poll(mostWait: number): void {
    const deadline = this.#deadline();
    const wait = deadline === undefined ? mostWait : Math.min(mostWait, Math.max(0, deadline - this.#clock.now()));
    const ready = libc().poll(this.#pollFds.base, this.#drains.length + 1, Math.ceil(wait));
    // Interrupted or timed out: the kernel leaves or clears what is in revents, so clear it.
    if (ready <= 0) for (let i = 0; i <= this.#drains.length; i++) this.#pollFds.view.setInt16(i * POLLFD_BYTES + 6, 0);
  }

  #deadline(): number | undefined {
    const path = this.#path.deadline;
    const own = this.#refusals.deadline;
    if (path === undefined || own === undefined) return path ?? own;
    return Math.min(path, own);
  }

  #drainTun(): void {
    const reader = this.#tunReader!;
    let bytes = 0;
    for (let i = 0; i < TUN_BATCH && bytes < TUN_BATCH_BYTES; i++) {
      const read = reader.read();
      if (read < 0) {
        const errno = libc().errno();
        // Anything but "no more" and "interrupted" means that someone has deleted the device: poll would spin.
        if (errno !== Errno.EAGAIN && errno !== Errno.EINTR && errno !== Errno.EIO) {
          this.#failed = new SystemError(`read from the device ${this.tun}`, errno);
        }
        return;
      }
      bytes += read;
    }
  }

  #drainUdp(kind: SocketKind, socket: UdpSocket): void {
    const batch = this.#batch;
    const source = this.#source;
    const { bytes } = batch.memory;
    source.localPort = socket.port;
    for (let round = 0; round < RECEIVE_BATCHES; round++) {
      const count = batch.receive(socket.fd);
      for (let i = 0; i < count; i++) {
        if (batch.isCut(i)) continue;
        batch.readInto(i, source, socket.family);
        const segment = batch.segmentBytes(i);
        const end = batch.at(i) + batch.length(i);
        // An empty datagram says nothing, and would not let the loop go on.
        for (let at = batch.at(i); at < end; at += segment) {
          this.#path.fromUdp(kind, bytes, at, Math.min(segment, end - at), source);
        }
      }
      this.#flush();
      if (!batch.mayHaveMore) return;
    }
  }

  #drainEsp(socket: RawEspSocket): void {
    const batch = this.#batch;
    const source = this.#source;
    const { bytes } = batch.memory;
    source.localPort = 0;
    for (let round = 0; round < RECEIVE_BATCHES; round++) {
      const count = batch.receive(socket.fd);
      for (let i = 0; i < count; i++) {
        const at = batch.at(i);
        const length = batch.length(i);
        const header = socket.family === 4 ? (bytes[at]! & 0x0f) * 4 : 0;
        if (batch.isCut(i) || length < header + SMALLEST_ESP) continue;
        batch.readInto(i, source, socket.family);
        source.remotePort = 0;
        this.#path.fromEsp(bytes, at + header, length - header, source);
      }
      this.#flush();
      if (!batch.mayHaveMore) return;
    }
  }

  /** All that waits goes out. */
  #flush(): void {
    this.#tunWriter?.flush();
    this.#sender.flush();
  }

  #tick(): void {
    const now = this.#clock.now();
    const deadline = this.#path.deadline;
    if (deadline !== undefined && deadline <= now) this.#guard(() => this.#path.tick(now));
    this.#events.push(...this.#refusals.due(now));
    this.#deliver();
  }

  #deliver(): void {
    if (this.#events.length === 0) return;
    const events = this.#events;
    this.#events = [];
    this.#options.deliver(events);
  }

  /** A packet that shows a fault of ours costs that packet and a word in the log, not the gateway. */
  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#refusals.add('internal-error', `a fault in the packet path: ${reason}`, undefined, this.#clock.now());
    }
    this.#area.release();
    this.#flush();
  }

  #refuse(what: 'send' | 'tun', peer?: Peer, errno = libc().errno()): void {
    const full = errno === Errno.EAGAIN || errno === Errno.ENOBUFS;
    const code = full ? `${what}-queue-full` : `${what}-refused`;
    const { message } = new SystemError(what === 'tun' ? 'write to the TUN device' : 'send', errno);
    this.#refusals.add(code, message, peer && remoteOf(peer), this.#clock.now());
  }
}
