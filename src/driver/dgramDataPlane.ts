/**
 * The data plane over node:dgram, in this thread and without FFI: for tests and for places without koffi. It has no TUN
 * device and no native ESP; inner packets go to and come from functions.
 */

import { createSocket, type Socket, type SocketOptions } from 'node:dgram';
import { isIP } from 'node:net';
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
import { formatAddress, parseAddress } from '../net/index.ts';
import { ciphersFor } from './ciphers.ts';
import { systemClock } from './clock.ts';
import type { PortOptions } from './openPorts.ts';
import { portHolder } from './portHolder.ts';
import {
  type DataPlaneListener,
  type InnerDataPlane,
  type InnerPacketListener,
  type InnerStartResult,
  newCounters,
  newPacketPath,
  type PathSettings,
  performCommand,
  type StartFailure,
} from './startedDataPlane.ts';
import { isSystemError } from './systemError.ts';

export interface DgramDataPlaneOptions
  extends Omit<PortOptions, 'rawEsp' | 'tun'>,
    PathSettings,
    DataPlaneListener,
    InnerPacketListener {
  /**
   * At least one: node:dgram does not tell to which local address a datagram came, so each socket has its own.
   * IPv4 and IPv6.
   */
  readonly listen: readonly string[];
}

export async function startDgramDataPlane(options: DgramDataPlaneOptions): Promise<InnerStartResult> {
  const plane = new Dgram(options);
  const failure = await plane.open();
  if (failure === undefined) return { ok: true, dataPlane: plane };
  await plane.close();
  return { ok: false, failure };
}

interface Bound {
  readonly kind: SocketKind;
  readonly address: Uint8Array;
  readonly port: number;
  readonly socket: Socket;
}

/** How a peer is sent to, kept with it. */
interface Way {
  readonly plane: object;
  readonly kind: SocketKind;
  readonly socket: Socket;
  readonly remote: string;
}

class Dgram implements InnerDataPlane, DataPlanePorts {
  readonly counters: Float64Array;
  readonly ports: { [Kind in SocketKind]?: number } = {};
  readonly tun = undefined;
  readonly slowCiphers: string | undefined;
  readonly workers = 1;
  readonly notShared = undefined;
  readonly #options: DgramDataPlaneOptions;
  readonly #sockets: Bound[] = [];
  readonly #source = newSource();
  readonly #room = new Uint8Array(HEADROOM + MOST_PACKET_BYTES + TAILROOM);
  #path: PacketPath | undefined;
  #events: DataPlaneEvent[] = [];
  #timer: NodeJS.Timeout | undefined;
  #sending = 0;
  #allSent: (() => void) | undefined;
  #closed: Promise<void> | undefined;

  constructor(options: DgramDataPlaneOptions) {
    this.#options = options;
    this.counters = newCounters(options.slots);
    this.slowCiphers = ciphersFor(options.ciphers ?? 'fastest').slowBecause;
  }

  async open(): Promise<StartFailure | undefined> {
    const { listen, ports } = this.#options;
    for (const kind of ['ike', 'natT', 'l2tp'] as const) {
      const wanted = ports[kind];
      if (wanted === undefined) continue;
      for (const text of listen) {
        const address = parseAddress(text);
        if (address === undefined) return { code: 'bad-listen-address', reason: `"${text}" is no IP address` };
        const failure = await this.#openSocket(kind, address, this.ports[kind] ?? wanted);
        if (failure !== undefined) return failure;
      }
    }
    this.#path = newPacketPath(this, this.ports, this.#options, this.counters);
    for (const bound of this.#sockets) {
      bound.socket.on('message', (bytes, remote) => this.#receive(bound, bytes, remote));
    }
    return undefined;
  }

  post(command: DataPlaneCommand): void {
    if (this.#closed !== undefined) return;
    this.#work((path) => performCommand(path, command, this.#options.onRefused));
  }

  fromTun(packet: Uint8Array): void {
    this.#room.set(packet, HEADROOM);
    this.#work((path) => path.fromTun(this.#room, HEADROOM, packet.length));
  }

  async close(): Promise<void> {
    this.#closed ??= this.#close();
    await this.#closed;
  }

  sendUdp(kind: SocketKind, peer: Peer, bytes: Uint8Array, at: number, length: number): void {
    let way = peer.driver as Way | undefined;
    if (way?.kind !== kind || way.plane !== this) {
      way = this.#wayTo(kind, peer);
      if (way === undefined) return;
      peer.driver = way;
    }
    this.#sending++;
    // A refused datagram is a lost one, which the protocols above repair.
    way.socket.send(bytes.slice(at, at + length), peer.remotePort, way.remote, this.#sent);
  }

  sendEsp(): void {}

  writeTun(bytes: Uint8Array, at: number, length: number): void {
    this.#options.toTun?.(bytes.slice(at, at + length));
  }

  event(event: DataPlaneEvent): void {
    if (this.#events.push(event) === 1) queueMicrotask(() => this.#deliver());
  }

  readonly #sent = (): void => {
    this.#sending--;
    if (this.#sending === 0) this.#allSent?.();
  };

  #wayTo(kind: SocketKind, peer: Peer): Way | undefined {
    const local = peer.local.subarray(0, peer.family === 4 ? 4 : 16);
    const anyLocal = local.every((byte) => byte === 0);
    const bound = this.#sockets.find(({ kind: candidate, address }) => {
      if (candidate !== kind || address.length !== local.length) return false;
      return anyLocal || address.every((byte, i) => byte === local[i]);
    });
    if (bound === undefined) return undefined;
    return { plane: this, kind, socket: bound.socket, remote: formatAddress(peer.remote.subarray(0, local.length)) };
  }

  async #openSocket(kind: SocketKind, address: Uint8Array, port: number): Promise<StartFailure | undefined> {
    try {
      await this.#bind(kind, address, port);
    } catch (error) {
      const another = this.ports[kind] === undefined && this.#options.whenPortTaken === 'useAnother';
      if (another && isSystemError(error, 'EADDRINUSE', 'EACCES')) return this.#openSocket(kind, address, 0);
      return failureOf(error, address, port);
    }
    return undefined;
  }

  #bind(kind: SocketKind, address: Uint8Array, port: number): Promise<void> {
    const socket = createSocket(
      address.length === 4 ? { type: 'udp4', lookup } : { type: 'udp6', ipv6Only: true, lookup },
    );
    return new Promise((resolve, reject) => {
      socket.once('error', (error) => {
        socket.close();
        reject(error);
      });
      socket.bind({ address: formatAddress(address), port, exclusive: true }, () => {
        socket.removeAllListeners('error');
        socket.on('error', () => {});
        const bound = { kind, address, port: socket.address().port, socket };
        this.#sockets.push(bound);
        this.ports[kind] = bound.port;
        resolve();
      });
    });
  }

  #receive({ kind, address, port }: Bound, bytes: Uint8Array, remote: { address: string; port: number }): void {
    const from = parseAddress(remote.address.split('%')[0]!);
    if (from === undefined || this.#closed !== undefined) return;
    const source = this.#source;
    source.family = from.length === 4 ? 4 : 6;
    source.remote.set(from);
    source.remotePort = remote.port;
    source.local.set(address);
    source.localPort = port;
    this.#room.set(bytes, HEADROOM);
    this.#work((path) => {
      path.setTime(systemClock.now());
      path.fromUdp(kind, this.#room, HEADROOM, bytes.length, source);
    });
  }

  #work(work: (path: PacketPath) => void): void {
    if (this.#path === undefined) return;
    work(this.#path);
    this.#rearm(this.#path);
  }

  #rearm(path: PacketPath): void {
    const { deadline } = path;
    if (deadline === undefined || this.#timer !== undefined || this.#closed !== undefined) return;
    const wait = Math.max(0, Math.ceil(deadline - systemClock.now()));
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#work(() => path.tick(systemClock.now()));
    }, wait);
    this.#timer.unref();
  }

  #deliver(): void {
    const events = this.#events;
    this.#events = [];
    if (events.length > 0) this.#options.onEvents(events);
  }

  async #close(): Promise<void> {
    clearTimeout(this.#timer);
    if (this.#sending > 0) {
      await new Promise<void>((resolve) => {
        this.#allSent = resolve;
      });
    }
    await Promise.all(this.#sockets.map(({ socket }) => new Promise<void>((resolve) => socket.close(resolve))));
    this.#deliver();
    this.#path?.close();
  }
}

function failureOf(error: unknown, address: Uint8Array, port: number): StartFailure {
  if (isSystemError(error, 'EADDRINUSE')) {
    return { code: 'port-in-use', reason: `UDP port ${port} is in use by ${portHolder(port)}` };
  }
  if (isSystemError(error, 'EADDRNOTAVAIL')) {
    return { code: 'no-such-address', reason: `${formatAddress(address)} is not an address of this host` };
  }
  return { code: 'start-failed', reason: error instanceof Error ? error.message : String(error) };
}

/** Addresses need no resolver, nor a turn of the event loop for each datagram. */
const lookup: NonNullable<SocketOptions['lookup']> = (address, _, answer) => answer(null, address, isIP(address));
