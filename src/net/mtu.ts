/**
 * What a packet of a tunnel costs on the outer path, exactly, and so the largest inner packet and TCP segment.
 * RFC 4303 §2, RFC 3948 §2, RFC 2661 §3.1, RFC 1661 §2.
 */

import { type EspSuite, espGeometry, espLength, largestEspPayload } from '../esp/index.ts';
import { IPV4_HEADER_BYTES, IPV6_HEADER_BYTES, UDP_HEADER_BYTES } from './ipv4.ts';

export interface TunnelShape {
  /** IP version of the outer path. */
  readonly outerFamily: 4 | 6;
  /** Largest outer IP packet, bytes. */
  readonly pathMtu: number;
  /** Absent for L2TP without IPsec. */
  readonly esp?: { readonly suite: EspSuite; readonly udpEncapsulation: boolean };
  /** L2TP data messages carry a length field / Ns and Nr. */
  readonly lengthBit: boolean;
  readonly sequencing: boolean;
  /** PPP frames carry FF 03 / one-byte protocol numbers. */
  readonly addressControl: boolean;
  readonly compressProtocol: boolean;
  /** Most bytes of information that the peer takes in a PPP frame: its MRU. Absent: no bound. */
  readonly peerMru?: number;
}

export interface TunnelMtu {
  /** Largest inner IP packet, bytes; 0 where not even an IPv4 header fits. */
  readonly mtu: number;
  /** Largest TCP segment over IPv4; over IPv6 it is 20 less. Bytes, not negative. */
  readonly mss: number;
  /** Outer bytes around the largest inner packet, ESP padding included. */
  readonly overhead: number;
}

const TCP_HEADER_BYTES = 20;

/** Bytes of an L2TP data header without offset field. RFC 2661 §3.1. */
export function l2tpHeaderBytes(lengthBit: boolean, sequencing: boolean): number {
  return 6 + (lengthBit ? 2 : 0) + (sequencing ? 4 : 0);
}

/** Bytes in front of the information field of a PPP frame with a protocol below 256. RFC 1661 §6.5 and §6.6. */
export function pppHeaderBytes(addressControl: boolean, compressProtocol: boolean): number {
  return (addressControl ? 2 : 0) + (compressProtocol ? 1 : 2);
}

/** The outer IP packet that carries an inner packet of `inner` bytes. */
export function outerPacketBytes(shape: TunnelShape, inner: number): number {
  const payload = inner + innerHeaderBytes(shape);
  return outerHeaderBytes(shape) + (shape.esp ? espLength(espGeometry(shape.esp.suite), payload) : payload);
}

/** The largest inner packet and segment that travel `shape` unfragmented. */
export function planMtu(shape: TunnelShape): TunnelMtu {
  const room = shape.pathMtu - outerHeaderBytes(shape);
  const payload = shape.esp ? largestEspPayload(espGeometry(shape.esp.suite), room) : room;
  const fits = Math.min(payload - innerHeaderBytes(shape), shape.peerMru ?? Number.POSITIVE_INFINITY);
  const mtu = fits < IPV4_HEADER_BYTES ? 0 : fits;
  return {
    mtu,
    mss: Math.max(0, mtu - IPV4_HEADER_BYTES - TCP_HEADER_BYTES),
    overhead: outerPacketBytes(shape, mtu) - mtu,
  };
}

/** The same for IP packets that stand in ESP themselves: tunnel mode. RFC 4303 §3.1.2. */
export function planTunnelMtu(shape: Pick<TunnelShape, 'outerFamily' | 'pathMtu' | 'esp'>): TunnelMtu {
  const { esp } = shape;
  const outer = outerHeaderBytes(shape);
  const room = shape.pathMtu - outer;
  const fits = esp ? largestEspPayload(espGeometry(esp.suite), room) : room;
  const mtu = fits < IPV4_HEADER_BYTES ? 0 : fits;
  const packet = outer + (esp ? espLength(espGeometry(esp.suite), mtu) : mtu);
  return { mtu, mss: Math.max(0, mtu - IPV4_HEADER_BYTES - TCP_HEADER_BYTES), overhead: packet - mtu };
}

/** What fits into ESP, or without it into IP, on a path: the UDP header of L2TP and all behind it. */
export function outerPayloadBytes(shape: Pick<TunnelShape, 'outerFamily' | 'pathMtu' | 'esp'>): number {
  const room = shape.pathMtu - outerHeaderBytes(shape);
  return shape.esp ? largestEspPayload(espGeometry(shape.esp.suite), room) : room;
}

/** IP, and the UDP header that encapsulates ESP. */
function outerHeaderBytes(shape: Pick<TunnelShape, 'outerFamily' | 'esp'>): number {
  const ip = shape.outerFamily === 4 ? IPV4_HEADER_BYTES : IPV6_HEADER_BYTES;
  return ip + (shape.esp?.udpEncapsulation ? UDP_HEADER_BYTES : 0);
}

/** The UDP header of L2TP, L2TP and PPP. */
function innerHeaderBytes(shape: TunnelShape): number {
  const { lengthBit, sequencing, addressControl, compressProtocol } = shape;
  return UDP_HEADER_BYTES + l2tpHeaderBytes(lengthBit, sequencing) + pppHeaderBytes(addressControl, compressProtocol);
}
