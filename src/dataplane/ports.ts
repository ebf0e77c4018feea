/**
 * What the packet path asks of the machine that it runs on: sockets and a TUN device, addressed by offsets into flat
 * buffers. One implementation makes FFI calls in a worker, one uses node:dgram, one is a simulated network.
 */

import type { Instant } from '../core/index.ts';
import type { DataPlaneCommand, DataPlaneEvent } from './messages.ts';

/** The UDP sockets by what they are for: 500, 4500 and 1701 where nothing else is configured. */
export type SocketKind = 'ike' | 'natT' | 'l2tp';

/**
 * One outer conversation, resolved once per channel so that no text is parsed per packet. Addresses are 4 bytes
 * (family 4) or 16 bytes (family 6) in network order; an all-zero local address leaves the choice to the kernel.
 */
export interface Peer {
  readonly family: 4 | 6;
  readonly local: Uint8Array;
  readonly localPort: number;
  readonly remote: Uint8Array;
  readonly remotePort: number;
  /** Type of service or traffic class of the outer header; 0 where absent. */
  readonly tos?: number;
  /** Whether packets are whole or lost on their way: DF, where the driver can. Absent: fragmented where too long. */
  readonly dontFragment?: boolean;
  /** Made for one packet: what the driver prepares for it is of no use for another. */
  readonly once?: boolean;
  /** The driver's own, e.g. where it keeps the prepared sockaddr. The path never reads it. */
  driver: unknown;
}

/**
 * Where a datagram came from. The driver keeps one and overwrites it for each datagram; the path copies what it keeps.
 * Family 4 uses the first four bytes of `remote` and `local`. IPv4-mapped IPv6 addresses are given as family 4.
 * An all-zero `local` means that the driver cannot tell.
 */
export interface Source {
  family: 4 | 6;
  /** 16 bytes. */
  readonly remote: Uint8Array;
  /** 0 for raw ESP. */
  remotePort: number;
  /** 16 bytes. */
  readonly local: Uint8Array;
  /** 0 for raw ESP. */
  localPort: number;
  /** Type of service or traffic class of the outer header; 0 where the driver cannot tell. */
  tos: number;
}

/**
 * All functions are synchronous and never throw for what the network does: a full queue is a lost packet.
 *
 * Who may keep the bytes: what is handed out lies either in the buffer that the driver gave to `fromUdp`, `fromEsp` or
 * `fromTun` (the path is done with it and the driver may send it later, in a batch), or in the path's `scratch`
 * (overwritten by the next packet: send or copy it before returning).
 */
export interface DataPlanePorts {
  /** Sends one datagram from the socket of that kind, from `peer.local` to `peer.remote` and `peer.remotePort`. */
  sendUdp(socket: SocketKind, peer: Peer, bytes: Uint8Array, at: number, length: number): void;
  /**
   * Sends datagrams of `each` bytes, the last maybe shorter, that stand one behind the other: `length` bytes in all.
   * Absent where a driver sends each by itself.
   */
  sendTrain?(socket: SocketKind, peer: Peer, bytes: Uint8Array, at: number, length: number, each: number): void;
  /** Sends one ESP packet as IP protocol 50, from `peer.local` to `peer.remote`; the kernel puts the IP header on. */
  sendEsp(peer: Peer, bytes: Uint8Array, at: number, length: number): void;
  /** Gives one IP packet to the kernel. */
  writeTun(bytes: Uint8Array, at: number, length: number): void;
  /** For the control plane. The record and its bytes are copies and may be kept. */
  event(event: DataPlaneEvent): void;
}

/**
 * Bytes that must be free in front of a packet given to `fromTun`, for ESP, IV, UDP, L2TP and PPP headers
 * (8 + 16 + 8 + 12 + 4), rounded up. With less the path copies the packet into its scratch.
 */
export const HEADROOM = 64;

/** Bytes that must be free behind a packet given to `fromTun`, for ESP padding, trailer and integrity check value. */
export const TAILROOM = 64;

/** Largest packet that the path takes, and size of one scratch area without its rooms. */
export const MOST_PACKET_BYTES = 65_536;

/** Bytes of scratch that the path needs; see `PacketPathOptions.scratch`. */
export const SCRATCH_BYTES = 2 * (HEADROOM + MOST_PACKET_BYTES + TAILROOM);

/** A source record for a driver to fill in. */
export function newSource(): Source {
  return { family: 4, remote: new Uint8Array(16), remotePort: 0, local: new Uint8Array(16), localPort: 0, tos: 0 };
}

/** Packets on their way to one peer, each laid out by the driver and added; then the train is sent. */
export interface PacketTrain {
  /** Bytes that are put in front of each packet, the last `before` of which stand in front of the large packet already. */
  readonly prefixBytes: number;
  readonly before: number;
  /** Length of what a packet of `most` bytes becomes: where the next one may begin. */
  readonly sealedBytes: number;
  /**
   * Takes the packet of `length` bytes that stands `prefixBytes` behind `at`, with its `before` bytes in front.
   * @returns bytes of what it becomes, from `at` on
   */
  add(bytes: Uint8Array, at: number, length: number): number;
  /** Sends what was added and stands one behind the other from `at` on. More may be added then, elsewhere. */
  send(bytes: Uint8Array, at: number, length: number): void;
}

/** What a driver sees of the packet path (`PacketPath` implements it). All calls are synchronous. */
export interface PacketInput {
  /**
   * One datagram from a UDP socket, without headers. `bytes[at, at + length)` is overwritten in place, nothing
   * outside of it.
   */
  fromUdp(socket: SocketKind, bytes: Uint8Array, at: number, length: number, source: Source): void;
  /** As `fromUdp` for each of several datagrams that came as one, of `each` bytes but for the last. */
  trainFromUdp(socket: SocketKind, bytes: Uint8Array, at: number, length: number, each: number, source: Source): void;
  /** One packet of IP protocol 50, from the SPI on (an IPv4 raw socket also gives the IP header: leave it out). */
  fromEsp(bytes: Uint8Array, at: number, length: number, source: Source): void;
  /** One IP packet from the TUN device, with `HEADROOM` in front and `TAILROOM` behind that may be overwritten. */
  fromTun(bytes: Uint8Array, at: number, length: number): void;
  /**
   * For packets that differ in nothing but what stands behind their IP and transport headers, as a large packet of the TUN
   * device stands for them: what is decided for one holds for all, and they are sealed and sent together.
   * @param at of the large packet, with `HEADROOM` in front that may be overwritten
   * @param most bytes of the longest of them, which all are but the last
   * @param total bytes of all of them
   * @returns undefined where each must be given to `fromTun`
   */
  trainFromTun(bytes: Uint8Array, at: number, most: number, count: number, total: number): PacketTrain | undefined;
  /** @throws RangeError for a record that no control plane may send (unparsable address, slot out of range) */
  command(command: DataPlaneCommand): void;
  /** Tells the time and flushes what is rate-limited. Call when `deadline` is reached; more often is harmless. */
  tick(now: Instant): void;
  /** What time the packets of a round came: for what counts less than seconds. Cheap; call before each round. */
  setTime(now: Instant): void;
  /** When `tick` must next be called; undefined while nothing waits. */
  readonly deadline: Instant | undefined;
}
