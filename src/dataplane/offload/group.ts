/** Packets of one flow on their way to become one large packet, and which packet merely continues them. RFC 9293 §3.1. */

import { IPV4_HEADER_BYTES } from '../../net/index.ts';
import { TCP_LEAST_BYTES, Tcp } from './transport.ts';

/** Packets in one large packet. The kernel takes at most so many UDP datagrams. */
export const MOST_JOINED = 64;
export const MOST_IP_BYTES = 65_535;
/** In the word of flags and fragment offset. */
export const DONT_FRAGMENT = 0x4000;

/** One large packet that grows. */
export interface Group {
  open: boolean;
  at: number;
  headLength: number;
  transport: number;
  headers: number;
  protocol: number;
  /** Payload of all packets but the last. */
  segment: number;
  length: number;
  count: number;
  /** Nothing can be added: the last packet was short, or said to push. */
  full: boolean;
  pushed: boolean;
  /** The first packet's checksum was looked at. */
  verified: boolean;
  nextSequence: number;
  /** Of the pseudo-header without the length: the same for all. */
  addressSum: number;
  /** Of the first packet's headers, for `isPlainNext`: version to length, time to live and protocol, offset to window. */
  firstWord: number;
  ttlWord: number;
  flagsWord: number;
  readonly pieces: Int32Array;
}

/**
 * Remembers what `isPlainNext` compares with. @returns false where the packets are not such as it knows: DF, no fragments
 * @param group of TCP over IPv4 without options
 */
export function expectPlainNext(group: Group, view: DataView): boolean {
  const { at } = group;
  group.firstWord = view.getUint32(at);
  group.ttlWord = view.getUint16(at + 8);
  group.flagsWord = view.getUint32(at + IPV4_HEADER_BYTES + Tcp.offset);
  return view.getUint16(at + 6) === DONT_FRAGMENT;
}

/**
 * The short way for most of what comes: whether a packet is like the group's first but for number, payload and checksums,
 * which are not looked at, and there is room for it.
 */
export function isPlainNext(group: Group, view: DataView, at: number, length: number): boolean {
  const first = group.at;
  const { headers, segment } = group;
  if (group.full || length !== headers + segment || group.count >= MOST_JOINED) return false;
  if (group.length + segment > MOST_IP_BYTES || view.getUint32(at) !== group.firstWord) return false;
  if (view.getUint16(at + 6) !== DONT_FRAGMENT || view.getUint16(at + 8) !== group.ttlWord) return false;
  const tcp = at + IPV4_HEADER_BYTES;
  const firstTcp = first + IPV4_HEADER_BYTES;
  if (view.getUint32(at + 12) !== view.getUint32(first + 12)) return false;
  if (view.getUint32(at + 16) !== view.getUint32(first + 16)) return false;
  if (view.getUint32(tcp) !== view.getUint32(firstTcp)) return false;
  if (view.getUint32(tcp + Tcp.sequence) !== group.nextSequence) return false;
  if (view.getUint32(tcp + Tcp.acknowledgment) !== view.getUint32(firstTcp + Tcp.acknowledgment)) return false;
  if (view.getUint32(tcp + Tcp.offset) !== group.flagsWord) return false;
  if (view.getUint16(tcp + Tcp.urgent) !== view.getUint16(firstTcp + Tcp.urgent)) return false;
  const options = headers - IPV4_HEADER_BYTES;
  for (let i = TCP_LEAST_BYTES; i < options; i += 4) {
    if (view.getUint32(tcp + i) !== view.getUint32(firstTcp + i)) return false;
  }
  return true;
}

export function newGroup(): Group {
  return {
    open: false,
    at: 0,
    headLength: 0,
    transport: 0,
    headers: 0,
    protocol: 0,
    segment: 0,
    length: 0,
    count: 0,
    full: false,
    pushed: false,
    verified: false,
    nextSequence: 0,
    addressSum: 0,
    firstWord: 0,
    ttlWord: 0,
    flagsWord: 0,
    pieces: new Int32Array(2 * MOST_JOINED),
  };
}
