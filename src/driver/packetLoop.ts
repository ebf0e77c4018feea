/**
 * The data plane's loop: poll, then drain the TUN device, the sockets and the control messages, all synchronously,
 * each up to a bound a round. It is the `DataPlanePorts` of the packet path that it feeds.
 */

import type { DataPlaneEvent } from '../dataplane/messages.ts';
import {
  type DataPlanePorts,
  HEADROOM,
  MOST_PACKET_BYTES,
  newSource,
  type PacketInput,
  type Peer,
  SCRATCH_BYTES,
  type SocketKind,
  TAILROOM,
} from '../dataplane/ports.ts';
import { formatAddress } from '../net/index.ts';
import { type Clock, systemClock } from './clock.ts';
import { Errno, PollEvent } from './constants.ts';
import { type Address, libc, Memory } from './ffi.ts';
import type { SendHeader } from './messageHeader.ts';
import { type BoundPorts, closePorts, type OpenPorts, openPorts, type PortOptions } from './openPorts.ts';
import type { RawEspSocket } from './rawSocket.ts';
import { Refusals } from './refusals.ts';
import { SystemError } from './systemError.ts';
import type { UdpSocket } from './udpSocket.ts';

/** Packets taken from one source before the next one has its turn. */
const BATCH = 64;
/** The longest sleep without anything to do, milliseconds. */
const MOST_SLEEP = 10_000;
const POLLFD_BYTES = 8;
const SMALLEST_ESP = 8;

/** What `Peer.driver` holds. */
interface Prepared {
  readonly loop: PacketLoop;
  readonly kind: SocketKind | 'esp';
  readonly socket: UdpSocket | RawEspSocket;
  readonly header: SendHeader;
}

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
  readonly #room = new Memory(HEADROOM + MOST_PACKET_BYTES + TAILROOM);
  readonly #scratch = new Memory(SCRATCH_BYTES);
  readonly #copy = new Memory(MOST_PACKET_BYTES);
  readonly #pollFds: Memory;
  readonly #drains: readonly (() => void)[];
  readonly #source = newSource();
  readonly #refusals = new Refusals();
  #events: DataPlaneEvent[] = [];
  #failed: Error | undefined;

  /** @throws StartError, with everything closed again */
  constructor(options: PacketLoopOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    const roomBytes = MOST_PACKET_BYTES;
    this.#open = openPorts(options, this.#room.base + HEADROOM, roomBytes);
    this.ports = this.#open.ports;
    this.tun = this.#open.tun?.name;
    this.#path = options.path(this, this.ports, this.#scratch.bytes);
    const { tun, udp, esp } = this.#open;
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
    const { view } = this.#pollFds;
    for (const [i, drain] of this.#drains.entries()) {
      if (view.getInt16(i * POLLFD_BYTES + 6, true) !== 0) this.#guard(drain);
    }
    if (view.getInt16(this.#drains.length * POLLFD_BYTES + 6, true) !== 0) this.#drainWake();
    let goOn = true;
    this.#guard(() => {
      goOn = this.#options.control(this.#path);
    });
    this.#tick();
    if (this.#failed !== undefined) throw this.#failed;
    return goOn;
  }

  /** Hands out the last events and closes everything. */
  close(): void {
    this.#deliver();
    closePorts(this.#open);
  }

  sendUdp(kind: SocketKind, peer: Peer, bytes: Uint8Array, at: number, length: number): void {
    const prepared = this.#prepared(kind, peer);
    if (prepared === undefined) return;
    const sent = prepared.socket.send(prepared.header, this.#addressOf(bytes, at, length), length);
    if (sent < 0) this.#refuse('send', peer);
  }

  sendEsp(peer: Peer, bytes: Uint8Array, at: number, length: number): void {
    const prepared = this.#prepared('esp', peer);
    if (prepared === undefined) return;
    const sent = prepared.socket.send(prepared.header, this.#addressOf(bytes, at, length), length);
    if (sent < 0) this.#refuse('send', peer);
  }

  writeTun(bytes: Uint8Array, at: number, length: number): void {
    const { tun } = this.#open;
    if (tun !== undefined && tun.write(this.#addressOf(bytes, at, length), length) < 0) this.#refuse('tun');
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
    const tun = this.#open.tun!;
    for (let i = 0; i < BATCH; i++) {
      const length = tun.read(this.#room.base + HEADROOM, MOST_PACKET_BYTES);
      if (length < 0) {
        const errno = libc().errno();
        // Anything but "no more" and "interrupted" means that someone has deleted the device: poll would spin.
        if (errno !== Errno.EAGAIN && errno !== Errno.EINTR && errno !== Errno.EIO) {
          this.#failed = new SystemError(`read from the device ${tun.name}`, errno);
        }
        return;
      }
      this.#path.fromTun(this.#room.bytes, HEADROOM, length);
    }
  }

  #drainUdp(kind: SocketKind, socket: UdpSocket): void {
    for (let i = 0; i < BATCH; i++) {
      const length = socket.receive(this.#source);
      if (length < 0) return;
      this.#path.fromUdp(kind, this.#room.bytes, HEADROOM, length, this.#source);
    }
  }

  #drainEsp(socket: RawEspSocket): void {
    const { bytes } = this.#room;
    for (let i = 0; i < BATCH; i++) {
      const length = socket.receive(this.#source);
      if (length < 0) return;
      const header = socket.family === 4 ? (bytes[HEADROOM]! & 0x0f) * 4 : 0;
      if (length < header + SMALLEST_ESP) continue;
      this.#path.fromEsp(bytes, HEADROOM + header, length - header, this.#source);
    }
  }

  #drainWake(): void {
    libc().read(this.#options.wakeFd, this.#copy.base, 8);
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
  }

  #addressOf(bytes: Uint8Array, at: number, length: number): Address {
    if (bytes === this.#room.bytes) return this.#room.base + at;
    if (bytes === this.#scratch.bytes) return this.#scratch.base + at;
    this.#copy.bytes.set(bytes.subarray(at, at + Math.min(length, MOST_PACKET_BYTES)));
    return this.#copy.base;
  }

  #prepared(kind: SocketKind | 'esp', peer: Peer): Prepared | undefined {
    const known = peer.driver as Prepared | undefined;
    if (known?.kind === kind && known.loop === this) return known;
    const socket = this.#socketFor(kind, peer);
    if (socket === undefined) {
      const what = kind === 'esp' ? 'raw ESP socket' : `${kind} socket`;
      const reason = `there is no ${what} for IPv${peer.family}${kind === 'esp' ? '' : ` on port ${peer.localPort}`}`;
      this.#refusals.add('no-socket', reason, remoteOf(peer), this.#clock.now());
      return undefined;
    }
    const prepared = { loop: this, kind, socket, header: socket.headerFor(peer) };
    peer.driver = prepared;
    return prepared;
  }

  /** The socket bound to the peer's local address, else the one bound to any. */
  #socketFor(kind: SocketKind | 'esp', peer: Peer): UdpSocket | RawEspSocket | undefined {
    const sockets: readonly (UdpSocket | RawEspSocket)[] =
      kind === 'esp'
        ? this.#open.esp
        : this.#open.udp.filter((candidate) => candidate.kind === kind).map(({ socket }) => socket);
    const ofFamily = sockets.filter(({ family }) => family === peer.family);
    const anyLocal = peer.local.every((byte) => byte === 0);
    return ofFamily.find(({ address }) => {
      return anyLocal || address.every((byte, i) => byte === peer.local[i]) || address.every((byte) => byte === 0);
    });
  }

  #refuse(what: 'send' | 'tun', peer?: Peer): void {
    const errno = libc().errno();
    const full = errno === Errno.EAGAIN || errno === Errno.ENOBUFS;
    const code = full ? `${what}-queue-full` : `${what}-refused`;
    const { message } = new SystemError(what === 'tun' ? 'write to the TUN device' : 'send', errno);
    this.#refusals.add(code, message, peer && remoteOf(peer), this.#clock.now());
  }
}

function remoteOf(peer: Peer): { readonly address: string; readonly port: number } {
  return { address: formatAddress(peer.remote.subarray(0, peer.family === 4 ? 4 : 16)), port: peer.remotePort };
}
