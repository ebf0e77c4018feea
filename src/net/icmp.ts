/**
 * ICMP errors that a router sends over IPv4: fragmentation needed, time exceeded, prohibited. The caller limits the
 * rate. RFC 792, RFC 1191 §4, RFC 1812 §4.3.2 and §5.2.7.1.
 */

import { checksum } from './checksum.ts';
import { IPV4_HEADER_BYTES, IpProtocol, ipv4FragmentOffset, ipv4HeaderBytes } from './ipv4.ts';

const IcmpType = { destinationUnreachable: 3, timeExceeded: 11 } as const;
const FRAGMENTATION_NEEDED = 4;
const COMMUNICATION_PROHIBITED = 13;
const ICMP_HEADER_BYTES = 8;
const ERROR_TTL = 64;

/** Precedence 6, as RFC 1812 §4.3.2.5 wants for ICMP errors. */
const INTERNETWORK_CONTROL = 0xc0;

/** An ICMP error quotes as much as fits this. RFC 1812 §4.3.2.3. */
export const MOST_ICMP_ERROR_BYTES = 576;

/** ICMP types whose messages are answers to trouble themselves, RFC 1122 §3.2.2: never answered by an error. */
const isIcmpError = (type: number) => type === 3 || type === 4 || type === 5 || type === 11 || type === 12;

/**
 * Whether RFC 1812 §4.3.2.7 lets a router answer the IPv4 packet with an ICMP error: not an ICMP error itself, not a
 * later fragment, not from or to a group, a broadcast, a loopback or no address.
 */
export function mayAnswerWithIcmp(bytes: Uint8Array, at: number, length: number): boolean {
  if (ipv4FragmentOffset(bytes, at) !== 0) return false;
  if (!isHost(bytes[at + 12]!) || bytes[at + 16]! >= 224) return false;
  const header = ipv4HeaderBytes(bytes, at);
  return bytes[at + 9] !== IpProtocol.icmp || (length > header && !isIcmpError(bytes[at + header]!));
}

/**
 * Writes a whole IPv4 packet "fragmentation needed and DF set" about the packet at `at`.
 * @param to where it is written; needs MOST_ICMP_ERROR_BYTES at `toAt`; must not overlap the packet
 * @param source signed or unsigned 32-bit address that the error comes from
 * @param mtu of the next hop, bytes
 * @returns bytes written
 */
export function writeFragmentationNeeded(
  to: Uint8Array,
  toAt: number,
  bytes: Uint8Array,
  at: number,
  length: number,
  source: number,
  mtu: number,
): number {
  return writeError(to, toAt, bytes, at, length, source, IcmpType.destinationUnreachable, FRAGMENTATION_NEEDED, mtu);
}

/** Writes a whole IPv4 packet "time to live exceeded in transit". Parameters as `writeFragmentationNeeded`. */
export function writeTimeExceeded(
  to: Uint8Array,
  toAt: number,
  bytes: Uint8Array,
  at: number,
  length: number,
  source: number,
): number {
  return writeError(to, toAt, bytes, at, length, source, IcmpType.timeExceeded, 0, 0);
}

/**
 * Writes a whole IPv4 packet "communication administratively prohibited", RFC 1812 §5.2.7.1. Parameters as
 * `writeFragmentationNeeded`.
 */
export function writeProhibited(
  to: Uint8Array,
  toAt: number,
  bytes: Uint8Array,
  at: number,
  length: number,
  source: number,
): number {
  return writeError(to, toAt, bytes, at, length, source, IcmpType.destinationUnreachable, COMMUNICATION_PROHIBITED, 0);
}

function writeError(
  to: Uint8Array,
  toAt: number,
  bytes: Uint8Array,
  at: number,
  length: number,
  source: number,
  type: number,
  code: number,
  mtu: number,
): number {
  const quoted = Math.min(length, MOST_ICMP_ERROR_BYTES - IPV4_HEADER_BYTES - ICMP_HEADER_BYTES);
  const total = IPV4_HEADER_BYTES + ICMP_HEADER_BYTES + quoted;
  to.fill(0, toAt, toAt + IPV4_HEADER_BYTES + ICMP_HEADER_BYTES);
  to[toAt] = 0x45;
  to[toAt + 1] = INTERNETWORK_CONTROL;
  put16(to, toAt + 2, total);
  to[toAt + 8] = ERROR_TTL;
  to[toAt + 9] = IpProtocol.icmp;
  put16(to, toAt + 12, source >>> 16);
  put16(to, toAt + 14, source & 0xffff);
  copy(to, toAt + 16, bytes, at + 12, 4);
  put16(to, toAt + 10, checksum(to, toAt, IPV4_HEADER_BYTES));
  const icmp = toAt + IPV4_HEADER_BYTES;
  to[icmp] = type;
  to[icmp + 1] = code;
  put16(to, icmp + 6, mtu);
  copy(to, icmp + ICMP_HEADER_BYTES, bytes, at, quoted);
  put16(to, icmp + 2, checksum(to, icmp, ICMP_HEADER_BYTES + quoted));
  return total;
}

/** By the first byte: not 0/8, loopback, group or reserved. */
const isHost = (first: number) => first !== 0 && first !== 127 && first < 224;

function put16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >> 8;
  bytes[at + 1] = value & 255;
}

function copy(to: Uint8Array, toAt: number, from: Uint8Array, at: number, length: number): void {
  for (let i = 0; i < length; i++) to[toAt + i] = from[at + i]!;
}
