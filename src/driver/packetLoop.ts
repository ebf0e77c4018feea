/**
 * The data plane's loop: poll, then drain the TUN device, the sockets and the control messages, all synchronously,
 * each up to a bound a round. It is the `DataPlanePorts` of the packet path that it feeds.
 */

import type { DataPlaneEvent } from '../dataplane/messages.ts';
import {
  type DataPlanePorts,
  MOST_PACKET_BYTES,
  type PacketInput,
  type Peer,
  SCRATCH_BYTES,
  type SocketKind,
} from '../dataplane/ports.ts';
import { type Clock, systemClock } from './clock.ts';
import { Errno } from './constants.ts';
import { ErrorQueue } from './errorQueue.ts';
import { EventOutbox } from './eventOutbox.ts';
import { libc, Memory } from './ffi.ts';
import { type BoundPorts, closePorts, type OpenPorts, openPorts, type PortOptions, type PortSet } from './openPorts.ts';
import { newPacketAreas } from './packetMemory.ts';
import { PollSet } from './pollSet.ts';
import { BATCH_BYTES, ReceiveBatch } from './receiveBatch.ts';
import { Receiver } from './receiver.ts';
import { Reason, Refusals } from './refusals.ts';
import { AREA_BYTES, SendArea } from './sendArea.ts';
import { remoteOf, Sender } from './sender.ts';
import { adoptPorts, tryShareOut } from './sharedPorts.ts';
import { SystemError } from './systemError.ts';
import { TunReader } from './tunReader.ts';
import { TunWriter } from './tunWriter.ts';
import { HandOver, type Sharing, type TakeHanded } from './workers/handOver.ts';

/** Packets and bytes taken from the TUN device before the sockets have their turn. */
const TUN_BATCH = 64;
const TUN_BATCH_BYTES = 512 * 1024;
/** The longest sleep without anything to do, milliseconds. */
const MOST_SLEEP = 10_000;

export interface PacketLoopOptions extends PortOptions {
  /** Makes the packet path on these ports. `scratch` is for its `scratch`: what is sent from there is not copied. */
  readonly path: (ports: DataPlanePorts, bound: BoundPorts, scratch: Uint8Array) => PacketInput;
  /** An eventfd that the control side writes to; -1 for none. */
  readonly wakeFd: number;
  /** Takes the control side's messages. @returns false to end the loop */
  readonly control: (path: PacketInput) => boolean;
  /** One of several workers: how it reaches the others. The first opens ports for all, the others adopt theirs. */
  readonly sharing?: Sharing;
  readonly adopted?: PortSet;
  /** Is given the events of a round, at its end. */
  readonly deliver: (events: readonly DataPlaneEvent[]) => void;
  readonly clock?: Pick<Clock, 'now'>;
}

export class PacketLoop implements DataPlanePorts {
  readonly ports: BoundPorts;
  /** The TUN device's name. */
  readonly tun: string | undefined;
  /** Ports for the other workers, where this is the first of several and the kernel can divide packets among them. */
  readonly shares: readonly PortSet[];
  /** Why it cannot, a sentence. */
  readonly notShared: string | undefined;
  readonly handOver: HandOver | undefined;
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
  readonly #readable: PollSet;
  readonly #drains: readonly (() => void)[];
  readonly #errors = new ErrorQueue();
  readonly #refusals = new Refusals();
  readonly #outbox: EventOutbox;
  #failed: Error | undefined;
  #ended = false;
  readonly #control = (): void => {
    if (this.#options.wakeFd >= 0) libc().read(this.#options.wakeFd, this.#wakeCount.base, 8);
    if (!this.#options.control(this.#path)) this.#ended = true;
  };

  readonly #tunElsewhere = (at: number, length: number, headerBytes: number): boolean =>
    this.handOver!.fromTun(this.#area.memory.bytes, at, length, headerBytes);
  #moreHanded = false;
  readonly #takeHanded = (): void => {
    this.#moreHanded = this.handOver!.take(this.#handed);
  };
  readonly #handed: TakeHanded = {
    esp: (inUdp, bytes, from, length, source) => {
      const { bytes: area } = this.#area.memory;
      const at = this.#placeHanded(bytes, from, length);
      if (inUdp) this.#path.fromUdp('natT', area, at, length, source);
      else this.#path.fromEsp(area, at, length, source);
    },
    fromTun: (bytes, from, length) => this.#tunReader?.handed(bytes, from, length),
    fromUser: (bytes, from, length) => {
      this.#path.fromTun(this.#area.memory.bytes, this.#placeHanded(bytes, from, length), length);
    },
  };

  /** @throws StartError, with everything closed again */
  constructor(options: PacketLoopOptions) {
    this.#options = options;
    this.#outbox = new EventOutbox(options.deliver);
    this.#clock = options.clock ?? systemClock;
    const { adopted, sharing } = options;
    const workers = sharing?.wakeFds.length ?? 1;
    const room = this.#batch.memory.base + this.#batch.at(0);
    this.#open =
      adopted === undefined
        ? openPorts(options, room, MOST_PACKET_BYTES, workers)
        : adoptPorts(adopted, room, MOST_PACKET_BYTES);
    const shared =
      adopted === undefined && workers > 1 ? tryShareOut(this.#open, workers, room, MOST_PACKET_BYTES) : { shares: [] };
    this.shares = shared.shares;
    this.notShared = 'reason' in shared ? shared.reason : undefined;
    if (sharing !== undefined && (adopted !== undefined || this.shares.length > 0)) {
      this.handOver = new HandOver(sharing);
      this.handOver.onForbidden = () =>
        this.#refusals.add('client-to-client', Reason.forbidden, undefined, this.#clock.now());
    }
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
        train: (at, most, count, total) => this.#path.trainFromTun(this.#area.memory.bytes, at, most, count, total),
        ...(this.handOver === undefined ? {} : { elsewhere: this.#tunElsewhere }),
        flush: () => this.#sender.flush(),
        flushWhole: () => this.#sender.flushWhole(),
        refuse: () => this.#refusals.add('bad-offload', Reason.badOffload, undefined, this.#clock.now()),
      });
    }
    const { handOver } = this;
    const receiver = new Receiver({ batch: this.#batch, path: this.#path, handOver, flush: () => this.#flush() });
    const readable: (readonly [fd: number, drain: () => void])[] = [
      ...(tun === undefined ? [] : [[tun.fd, () => this.#drainTun()] as const]),
      ...udp.map(({ kind, socket }) => [socket.fd, () => receiver.drainUdp(kind, socket)] as const),
      ...esp.map((socket) => [socket.fd, () => receiver.drainEsp(socket)] as const),
    ];
    this.#drains = readable.map(([, drain]) => drain);
    this.#readable = new PollSet([...readable.map(([fd]) => fd), options.wakeFd]);
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
    const drains = this.#drains;
    const readable = this.#readable;
    readable.wait(this.#moreHanded ? 0 : this.#waitFor(mostWait));
    this.#path.setTime(this.#clock.now());
    for (let i = 0; i < drains.length; i++) if (readable.isReadable(i)) this.#guard(drains[i]!);
    if (readable.anyError) this.#takeErrors();
    if (readable.isReadable(drains.length) || this.#options.wakeFd < 0) this.#guard(this.#control);
    if (this.handOver !== undefined) this.#guard(this.#takeHanded);
    this.#tick();
    if (this.#failed !== undefined) throw this.#failed;
    return !this.#ended;
  }

  /** Hands out the last events and closes everything. */
  close(): void {
    this.#outbox.deliverAll();
    closePorts(this.#open);
  }

  sendUdp(kind: SocketKind, peer: Peer, bytes: Uint8Array, at: number, length: number): void {
    this.#sender.send(kind, peer, bytes, at, length);
  }

  sendTrain(kind: SocketKind, peer: Peer, bytes: Uint8Array, at: number, length: number, each: number): void {
    this.#sender.sendTrain(kind, peer, bytes, at, length, each);
  }

  sendEsp(peer: Peer, bytes: Uint8Array, at: number, length: number): void {
    this.#sender.send('esp', peer, bytes, at, length);
  }

  writeTun(bytes: Uint8Array, at: number, length: number): void {
    const writer = this.#tunWriter;
    if (writer === undefined || this.handOver?.fromUser(bytes, at, length) === true) return;
    if (bytes === this.#batch.memory.bytes) writer.add(at, length);
    else if (bytes === this.#scratch.bytes) {
      writer.flush(); // What waits to be joined came before.
      writer.writeNow(this.#scratch.base + at, length);
    } else if (bytes === this.#area.memory.bytes) writer.writeNow(this.#area.memory.base + at, length);
    else throw new RangeError('a packet for the TUN device stands in a buffer that is not the loop’s');
  }

  event(event: DataPlaneEvent): void {
    this.#outbox.add(event);
  }

  #waitFor(most: number): number {
    const never = Number.POSITIVE_INFINITY;
    const own = Math.min(this.#refusals.deadline ?? never, this.#outbox.deadline ?? never);
    const deadline = Math.min(this.#path.deadline ?? never, own);
    return deadline === never ? most : Math.min(most, Math.max(0, deadline - this.#clock.now()));
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

  /** What the network says of sizes goes up; poll would not sleep while it waits. */
  #takeErrors(): void {
    for (const socket of [...this.#open.udp.map(({ socket }) => socket), ...this.#open.esp]) {
      for (const event of this.#errors.drain(socket, this.#clock.now())) this.#outbox.add(event);
    }
  }

  /** All that waits goes out. */
  #flush(): void {
    this.#tunWriter?.flush();
    this.#sender.flush();
    this.handOver?.wake();
  }

  /** A copy of what another worker was given, with the rooms around it. @returns where it stands in the area */
  #placeHanded(bytes: Uint8Array, from: number, length: number): number {
    const area = this.#area;
    let at = area.place(length);
    if (at < 0) {
      this.#flush();
      at = area.place(length);
    }
    area.memory.bytes.set(bytes.subarray(from, from + length), at);
    area.take(at, length);
    return at;
  }

  #tick(): void {
    const now = this.#clock.now();
    const deadline = this.#path.deadline;
    if (deadline !== undefined && deadline <= now) this.#guard(() => this.#path.tick(now));
    const lost = this.handOver?.takeDropped() ?? 0;
    for (let i = 0; i < lost; i++) this.#refusals.add('worker-queue-full', Reason.queueFull, undefined, now);
    for (const event of this.#refusals.due(now)) this.#outbox.add(event);
    this.#outbox.deliverDue(now);
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
