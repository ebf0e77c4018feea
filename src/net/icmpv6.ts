/**
 * ICMPv6 errors that a router sends: packet too big, time exceeded, unreachable. The caller limits the rate.
 * RFC 4443 §2.4 and §3.
 */

import { fold, sum16 } from './checksum.ts';
import { IPV6_HEADER_BYTES, IpProtocol } from './ipv4.ts';
import { IPV6_DESTINATION, IPV6_SOURCE, Ipv6Chain, isMulticast, isUnspecifiedOrLoopback } from './ipv6.ts';

const ICMP_HEADER_BYTES = 8;
const ERROR_HOP_LIMIT = 64;
/** RFC 4443 §3.2: an error quotes as much as fits the least IPv6 MTU. */
export const MOST_ICMPV6_ERROR_BYTES = 1280;

/** Type and code of each error. RFC 4443 §3. */
export const Icmpv6Error = {
  prohibited: { type: 1, code: 1 },
  addressUnreachable: { type: 1, code: 3 },
  packetTooBig: { type: 2, code: 0 },
  hopLimitExceeded: { type: 3, code: 0 },
} as const;
export type Icmpv6ErrorName = keyof typeof Icmpv6Error;

/** Types below are errors, which no error answers; nor is a redirect answered. RFC 4443 §2.1 and §2.4 (e). */
const FIRST_INFORMATION = 128;
const REDIRECT = 137;

const chain = new Ipv6Chain();

/**
 * Whether RFC 4443 §2.4 (e) lets the IPv6 packet be answered with an error: none itself, not to a group (unless it is
 * too big), not from a group or from no address.
 */
export function mayAnswerWithIcmpv6(bytes: Uint8Array, at: number, length: number, tooBig = false): boolean {
  if (isMulticast(bytes, at + IPV6_SOURCE) || isUnspecifiedOrLoopback(bytes, at + IPV6_SOURCE)) return false;
  if (!tooBig && isMulticast(bytes, at + IPV6_DESTINATION)) return false;
  if (!chain.read(bytes, at, length)) return true;
  if (chain.protocol !== IpProtocol.icmpv6) return true;
  if (chain.isLaterFragment || chain.offset >= length) return false;
  const type = bytes[at + chain.offset]!;
  return type >= FIRST_INFORMATION && type !== REDIRECT;
}

/**
 * Writes a whole IPv6 packet with an ICMPv6 error about the IPv6 packet at `at`.
 * @param to needs MOST_ICMPV6_ERROR_BYTES at `toAt`; must not overlap the packet
 * @param source 16 bytes that the error comes from
 * @param mtu of the next hop, for `packetTooBig`; else 0
 * @returns bytes written
 */
export function writeIcmpv6Error(
  to: Uint8Array,
  toAt: number,
  bytes: Uint8Array,
  at: number,
  length: number,
  source: Uint8Array,
  error: Icmpv6ErrorName,
  mtu: number,
): number {
  const { type, code } = Icmpv6Error[error];
  const quoted = Math.min(length, MOST_ICMPV6_ERROR_BYTES - IPV6_HEADER_BYTES - ICMP_HEADER_BYTES);
  const payload = ICMP_HEADER_BYTES + quoted;
  to.fill(0, toAt, toAt + IPV6_HEADER_BYTES + ICMP_HEADER_BYTES);
  to[toAt] = 0x60;
  put16(to, toAt + 4, payload);
  to[toAt + 6] = IpProtocol.icmpv6;
  to[toAt + 7] = ERROR_HOP_LIMIT;
  copy(to, toAt + IPV6_SOURCE, source, 0, 16);
  copy(to, toAt + IPV6_DESTINATION, bytes, at + IPV6_SOURCE, 16);
  const icmp = toAt + IPV6_HEADER_BYTES;
  to[icmp] = type;
  to[icmp + 1] = code;
  put16(to, icmp + 4, mtu >>> 16);
  put16(to, icmp + 6, mtu & 0xffff);
  copy(to, icmp + ICMP_HEADER_BYTES, bytes, at, quoted);
  put16(to, icmp + 2, icmpv6Checksum(to, toAt, payload));
  return IPV6_HEADER_BYTES + payload;
}

/** As `writeIcmpv6Error` for "packet too big". */
export function writePacketTooBig(
  to: Uint8Array,
  toAt: number,
  bytes: Uint8Array,
  at: number,
  length: number,
  source: Uint8Array,
  mtu: number,
): number {
  return writeIcmpv6Error(to, toAt, bytes, at, length, source, 'packetTooBig', mtu);
}

/**
 * The checksum of an ICMPv6 message of `length` bytes that stands right behind the IPv6 header at `at`; 0 where a right
 * one is in it already. RFC 4443 §2.3.
 */
export function icmpv6Checksum(bytes: Uint8Array, at: number, length: number): number {
  const pseudo = sum16(bytes, at + IPV6_SOURCE, 32) + length + IpProtocol.icmpv6;
  return ~fold(pseudo + sum16(bytes, at + IPV6_HEADER_BYTES, length)) & 0xffff;
}

function put16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >> 8;
  bytes[at + 1] = value & 255;
}

function copy(to: Uint8Array, toAt: number, from: Uint8Array, at: number, length: number): void {
  for (let i = 0; i < length; i++) to[toAt + i] = from[at + i]!;
}
