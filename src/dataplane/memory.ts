/**
 * The data plane in memory: the real packet path between a simulated network and a simulated TUN device, for tests of
 * the whole stack on a virtual clock.
 */

import type { Endpoint, Environment, Instant } from '../core/index.ts';
import type { Crypto } from '../crypto/index.ts';
import { type NewPacketCipher, packetCiphers } from '../esp/index.ts';
import { formatAddress, parseAddress } from '../net/index.ts';
import {
  COUNTERS_PER_SESSION,
  type DataPlane,
  type DataPlaneCommand,
  type DataPlaneEvent,
  type SessionSlot,
} from './messages.ts';
import { PacketPath } from './path.ts';
import { type DataPlanePorts, HEADROOM, newSource, type Peer, type SocketKind, TAILROOM } from './ports.ts';

/** What goes over the simulated wire, seen from this end. The ports of raw ESP are 0. */
export interface MemoryDatagram {
  readonly protocol: 'udp' | 'esp';
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly bytes: Uint8Array;
  /** Type of service or traffic class of the outer header; absent: 0. */
  readonly tos?: number;
  /** Whole or lost (DF); absent: fragmented where it is too long. */
  readonly dontFragment?: boolean;
}

export interface MemoryDataPlaneOptions {
  readonly crypto: Crypto;
  readonly environment: Environment;
  /** How many sessions there are counters for; 64 unless told. */
  readonly slots?: SessionSlot;
  /** Port numbers of the sockets; 500, 4500 and 1701 unless told. */
  readonly portNumbers?: Readonly<Record<SocketKind, number>>;
  readonly newCipher?: NewPacketCipher;
  readonly clientToClient?: boolean;
  readonly localAddress?: string;
  /** What time it is when something comes; without it, the time of the last `tick`. */
  readonly now?: () => Instant;
  /** Puts a datagram on the wire; the record may be kept. May call `receive` of any plane. */
  send(datagram: MemoryDatagram): void;
  /** Takes an IP packet as the kernel would from the TUN device. */
  packet(bytes: Uint8Array): void;
  event(event: DataPlaneEvent): void;
}

const DEFAULT_SLOTS = 64;
const STANDARD_PORTS: Readonly<Record<SocketKind, number>> = { ike: 500, natT: 4500, l2tp: 1701 };

export class MemoryDataPlane implements DataPlane {
  readonly counters: Float64Array;
  readonly #options: MemoryDataPlaneOptions;
  readonly #portNumbers: Readonly<Record<SocketKind, number>>;
  readonly #path: PacketPath;
  readonly #source = newSource();
  /** Work that arrived while other work was being done: as between threads, nothing is entered twice. */
  readonly #jobs: (() => void)[] = [];
  #busy = false;
  #closed = false;

  constructor(options: MemoryDataPlaneOptions) {
    const { crypto, environment, clientToClient = false, localAddress } = options;
    this.#options = options;
    this.#portNumbers = options.portNumbers ?? STANDARD_PORTS;
    this.counters = new Float64Array((options.slots ?? DEFAULT_SLOTS) * COUNTERS_PER_SESSION);
    this.#path = new PacketPath(this.#ports(), {
      counters: this.counters,
      newCipher: options.newCipher ?? packetCiphers(crypto),
      environment,
      natTPort: this.#portNumbers.natT,
      clientToClient,
      ...(localAddress !== undefined && { localAddress }),
    });
  }

  post(command: DataPlaneCommand): void {
    this.#run(() => this.#path.command(command));
  }

  /** A datagram from the wire for one of this end's ports; others are ignored, as are addresses that do not read. */
  receive(datagram: MemoryDatagram): void {
    const { protocol, local, remote } = datagram;
    const bytes = datagram.bytes.slice();
    const socket = this.#socketOf(local.port);
    this.#run(() => {
      if (!this.#fillSource(local, remote)) return;
      this.#source.tos = datagram.tos ?? 0;
      if (protocol === 'esp') this.#path.fromEsp(bytes, 0, bytes.length, this.#source);
      else if (socket !== undefined) this.#path.fromUdp(socket, bytes, 0, bytes.length, this.#source);
    });
  }

  /** An IP packet that the kernel routes into the TUN device. */
  fromTun(packet: Uint8Array): void {
    const bytes = new Uint8Array(HEADROOM + packet.length + TAILROOM);
    bytes.set(packet, HEADROOM);
    this.#run(() => this.#path.fromTun(bytes, HEADROOM, packet.length));
  }

  tick(now: Instant): void {
    this.#run(() => this.#path.tick(now));
  }

  get deadline(): Instant | undefined {
    return this.#path.deadline;
  }

  async close(): Promise<void> {
    this.#run(() => this.#path.close());
    this.#closed = true;
  }

  #ports(): DataPlanePorts {
    const { send, packet, event } = this.#options;
    const emit = (protocol: 'udp' | 'esp', peer: Peer, bytes: Uint8Array) => {
      const isUdp = protocol === 'udp';
      const local = { address: formatAddress(peer.local), port: isUdp ? peer.localPort : 0 };
      const remote = { address: formatAddress(peer.remote), port: isUdp ? peer.remotePort : 0 };
      this.#run(() => send({ protocol, local, remote, bytes, ...outerHeader(peer) }));
    };
    return {
      sendUdp: (_, peer, bytes, at, length) => emit('udp', peer, bytes.slice(at, at + length)),
      sendEsp: (peer, bytes, at, length) => emit('esp', peer, bytes.slice(at, at + length)),
      writeTun: (bytes, at, length) => {
        const copy = bytes.slice(at, at + length);
        this.#run(() => packet(copy));
      },
      event: (record) => this.#run(() => event(record)),
    };
  }

  #socketOf(port: number): SocketKind | undefined {
    const { ike, natT, l2tp } = this.#portNumbers;
    return port === natT ? 'natT' : port === ike ? 'ike' : port === l2tp ? 'l2tp' : undefined;
  }

  #fillSource(local: Endpoint, remote: Endpoint): boolean {
    const from = parseAddress(remote.address);
    const to = parseAddress(local.address);
    if (from === undefined || to === undefined || from.length !== to.length) return false;
    this.#source.family = from.length === 4 ? 4 : 6;
    this.#source.remote.set(from);
    this.#source.remotePort = remote.port;
    this.#source.local.set(to);
    this.#source.localPort = local.port;
    return true;
  }

  #run(job: () => void): void {
    if (this.#closed) return;
    const { now } = this.#options;
    if (now !== undefined) this.#path.setTime(now());
    this.#jobs.push(job);
    if (this.#busy) return;
    this.#busy = true;
    try {
      for (let next = this.#jobs.shift(); next !== undefined; next = this.#jobs.shift()) next();
    } finally {
      this.#busy = false;
    }
  }
}

function outerHeader({ tos, dontFragment }: Peer): Pick<MemoryDatagram, 'tos' | 'dontFragment'> {
  return { ...(tos ? { tos } : {}), ...(dontFragment === true ? { dontFragment } : {}) };
}
