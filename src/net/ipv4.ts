/** IPv4 headers read and changed in place: offsets into a flat buffer, no object per packet. RFC 791 §3.1. */

import { updateChecksum } from './checksum.ts';

export const IpProtocol = { icmp: 1, tcp: 6, udp: 17, esp: 50, icmpv6: 58 } as const;

export const IPV4_HEADER_BYTES = 20;
export const IPV6_HEADER_BYTES = 40;
export const UDP_HEADER_BYTES = 8;

/** Smallest MTU that IPv4 knows: every host forwards 68 bytes unfragmented. RFC 791 §3.2. */
export const IPV4_LEAST_MTU = 68;

/**
 * Length of the IPv4 packet at `at` by its own header, for cutting off what a link padded.
 * @param length bytes there are
 * @returns 0 where the header does not hold: another version, too short, or longer than what is there
 */
export function ipv4Length(bytes: Uint8Array, at: number, length: number): number {
  if (length < IPV4_HEADER_BYTES || bytes[at]! >> 4 !== 4) return 0;
  const header = ipv4HeaderBytes(bytes, at);
  const total = (bytes[at + 2]! << 8) | bytes[at + 3]!;
  return header >= IPV4_HEADER_BYTES && total >= header && total <= length ? total : 0;
}

export function ipv4HeaderBytes(bytes: Uint8Array, at: number): number {
  return (bytes[at]! & 15) << 2;
}

/** The source address as a signed 32-bit number: a small integer to the engine, so a cheap Map key. */
export function ipv4Source(bytes: Uint8Array, at: number): number {
  return (bytes[at + 12]! << 24) | (bytes[at + 13]! << 16) | (bytes[at + 14]! << 8) | bytes[at + 15]!;
}

/** The destination address as a signed 32-bit number. */
export function ipv4Destination(bytes: Uint8Array, at: number): number {
  return (bytes[at + 16]! << 24) | (bytes[at + 17]! << 16) | (bytes[at + 18]! << 8) | bytes[at + 19]!;
}

export function ipv4Protocol(bytes: Uint8Array, at: number): number {
  return bytes[at + 9]!;
}

export function ipv4DontFragment(bytes: Uint8Array, at: number): boolean {
  return (bytes[at + 6]! & 0x40) !== 0;
}

/** Fragment offset in units of 8 bytes. */
export function ipv4FragmentOffset(bytes: Uint8Array, at: number): number {
  return ((bytes[at + 6]! & 0x1f) << 8) | bytes[at + 7]!;
}

export function ipv4Ttl(bytes: Uint8Array, at: number): number {
  return bytes[at + 8]!;
}

/** Lowers TTL by one and corrects the header checksum (a wrong one stays wrong). TTL must not be 0. */
export function decrementTtl(bytes: Uint8Array, at: number): void {
  const old = (bytes[at + 8]! << 8) | bytes[at + 9]!;
  const sum = updateChecksum((bytes[at + 10]! << 8) | bytes[at + 11]!, old, old - 0x100);
  bytes[at + 8] = bytes[at + 8]! - 1;
  bytes[at + 10] = sum >> 8;
  bytes[at + 11] = sum & 255;
}
