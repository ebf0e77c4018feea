/**
 * What a packet of a tunnel costs on the outer path, exactly, and so the largest inner packet and TCP segment.
 * RFC 4303 §2, RFC 3948 §2, RFC 2661 §3.1, RFC 1661 §2.
 */

import type { EspEncryption, EspIntegrity, EspSuite } from '../esp/suite.ts';
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

const ESP_HEADER_BYTES = 8;
/** Pad length and next header. */
const ESP_TRAILER_BYTES = 2;
const TCP_HEADER_BYTES = 20;

/** Bytes of IV in each packet; what the payload with its trailer is padded to a multiple of; bytes of tag. */
const ciphers: Readonly<Record<EspEncryption, { iv: number; align: number; tag: number }>> = {
  // RFC 3602 §3
  'aes-cbc': { iv: 16, align: 16, tag: 0 },
  // RFC 4106 §3 and §5; RFC 4303 §2.4 aligns to 4
  'aes-gcm-16': { iv: 8, align: 4, tag: 16 },
  // RFC 2451 §2.4
  '3des-cbc': { iv: 8, align: 8, tag: 0 },
};

/** Bytes of the integrity check value. RFC 2403, RFC 2404, RFC 4868 §2.6. */
const checkValueBytes: Readonly<Record<EspIntegrity, number>> = {
  'hmac-md5-96': 12,
  'hmac-sha1-96': 12,
  'hmac-sha2-256-128': 16,
  'hmac-sha2-384-192': 24,
  'hmac-sha2-512-256': 32,
};

/** Bytes of an L2TP data header without offset field. RFC 2661 §3.1. */
export function l2tpHeaderBytes(lengthBit: boolean, sequencing: boolean): number {
  return 6 + (lengthBit ? 2 : 0) + (sequencing ? 4 : 0);
}

/** Bytes in front of the information field of a PPP frame with a protocol below 256. RFC 1661 §6.5 and §6.6. */
export function pppHeaderBytes(addressControl: boolean, compressProtocol: boolean): number {
  return (addressControl ? 2 : 0) + (compressProtocol ? 1 : 2);
}

/** Bytes of an ESP packet, from the SPI to the check value, around `payload` bytes. RFC 4303 §2. */
export function espBytes(suite: EspSuite, payload: number): number {
  const { iv, align, fixed } = espShape(suite);
  return fixed + iv + Math.ceil((payload + ESP_TRAILER_BYTES) / align) * align;
}

/** Most bytes of payload in an ESP packet of at most `room` bytes; negative where none fits. */
export function espPayloadBytes(suite: EspSuite, room: number): number {
  const { iv, align, fixed } = espShape(suite);
  return Math.floor((room - fixed - iv) / align) * align - ESP_TRAILER_BYTES;
}

/** The outer IP packet that carries an inner packet of `inner` bytes. */
export function outerPacketBytes(shape: TunnelShape, inner: number): number {
  const payload = inner + innerHeaderBytes(shape);
  return outerHeaderBytes(shape) + (shape.esp ? espBytes(shape.esp.suite, payload) : payload);
}

/** The largest inner packet and segment that travel `shape` unfragmented. */
export function planMtu(shape: TunnelShape): TunnelMtu {
  const room = shape.pathMtu - outerHeaderBytes(shape);
  const payload = shape.esp ? espPayloadBytes(shape.esp.suite, room) : room;
  const fits = Math.min(payload - innerHeaderBytes(shape), shape.peerMru ?? Number.POSITIVE_INFINITY);
  const mtu = fits < IPV4_HEADER_BYTES ? 0 : fits;
  return {
    mtu,
    mss: Math.max(0, mtu - IPV4_HEADER_BYTES - TCP_HEADER_BYTES),
    overhead: outerPacketBytes(shape, mtu) - mtu,
  };
}

/** IP, and the UDP header that encapsulates ESP. */
function outerHeaderBytes(shape: TunnelShape): number {
  const ip = shape.outerFamily === 4 ? IPV4_HEADER_BYTES : IPV6_HEADER_BYTES;
  return ip + (shape.esp?.udpEncapsulation ? UDP_HEADER_BYTES : 0);
}

/** The UDP header of L2TP, L2TP and PPP. */
function innerHeaderBytes(shape: TunnelShape): number {
  const { lengthBit, sequencing, addressControl, compressProtocol } = shape;
  return UDP_HEADER_BYTES + l2tpHeaderBytes(lengthBit, sequencing) + pppHeaderBytes(addressControl, compressProtocol);
}

function espShape(suite: EspSuite): { iv: number; align: number; fixed: number } {
  const { iv, align, tag } = ciphers[suite.encryption];
  const check = suite.integrity === undefined ? 0 : checkValueBytes[suite.integrity];
  return { iv, align, fixed: ESP_HEADER_BYTES + tag + check };
}
