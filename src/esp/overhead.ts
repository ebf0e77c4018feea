/** Exact arithmetic of what ESP adds, so that nothing is fragmented and nothing wasted. RFC 4303 §2, RFC 3948 §2.1. */

import { ESP_TRAILER_BYTES, type EspGeometry } from './transforms.ts';

/** Padding bytes that bring `payloadLength` and the trailer to the suite's alignment: 0 to alignment - 1. */
export function paddingLength(geometry: EspGeometry, payloadLength: number): number {
  const past = (payloadLength + ESP_TRAILER_BYTES) % geometry.alignment;
  return past === 0 ? 0 : geometry.alignment - past;
}

/** Length of the ESP packet, from SPI to ICV, that carries `payloadLength` bytes. */
export function espLength(geometry: EspGeometry, payloadLength: number): number {
  const ciphertext = payloadLength + paddingLength(geometry, payloadLength) + ESP_TRAILER_BYTES;
  return geometry.prefixBytes + ciphertext + geometry.icvBytes;
}

/** The largest payload whose ESP packet has at most `room` bytes; 0 where none fits. */
export function largestEspPayload(geometry: EspGeometry, room: number): number {
  const left = room - geometry.prefixBytes - geometry.icvBytes;
  const ciphertext = Math.floor(left / geometry.alignment) * geometry.alignment;
  return Math.max(0, ciphertext - ESP_TRAILER_BYTES);
}

/** What stands around the ESP packet on its way. */
export interface OuterPath {
  /** Largest IP packet that passes unfragmented, bytes with its header. */
  readonly pathMtu: number;
  readonly ipVersion: 4 | 6;
  readonly udpEncapsulation: boolean;
}

/**
 * The largest ESP payload that passes the path unfragmented: in transport mode the inner UDP datagram with its
 * 8-byte header, in tunnel mode the inner IP packet.
 */
export function largestPayload(geometry: EspGeometry, path: OuterPath): number {
  const ip = path.ipVersion === 4 ? IPV4_HEADER_BYTES : IPV6_HEADER_BYTES;
  const udp = path.udpEncapsulation ? UDP_HEADER_BYTES : 0;
  return largestEspPayload(geometry, path.pathMtu - ip - udp);
}

const IPV4_HEADER_BYTES = 20;
const IPV6_HEADER_BYTES = 40;
const UDP_HEADER_BYTES = 8;
