/** What segmentation and joining both read of IP, TCP and UDP headers. RFC 9293 §3.1, RFC 768, RFC 8200 §3. */

import { fold, IPV4_HEADER_BYTES, IPV6_HEADER_BYTES, IpProtocol, sum16 } from '../../net/index.ts';

/** `sum16` over one buffer that it belongs to; `WordSum` is one. */
export interface RangeSum {
  sum(at: number, length: number): number;
}

/** Offsets in a TCP header. */
export const Tcp = { sequence: 4, acknowledgment: 8, offset: 12, flags: 13, window: 14, checksum: 16 } as const;
export const TcpFlag = { fin: 1, psh: 8, ack: 16, cwr: 128 } as const;
export const TCP_LEAST_BYTES = 20;
/** Offsets in a UDP header. */
export const Udp = { length: 4, checksum: 6 } as const;

export const isIpv4 = (bytes: Uint8Array, at: number) => bytes[at]! >> 4 === 4;

/** Length of the TCP header as it says. */
export const tcpHeaderBytes = (bytes: Uint8Array, at: number) => (bytes[at + Tcp.offset]! >> 4) * 4;

/** Sum of the pseudo-header but the length: addresses and protocol. */
export function addressSum(bytes: Uint8Array, at: number, protocol: number): number {
  const v4 = isIpv4(bytes, at);
  return sum16(bytes, at + (v4 ? 12 : 8), v4 ? 8 : 32) + protocol;
}

/** Whether the transport checksum of a whole packet holds. `sum` is over the buffer that it stands in. */
export function checksumHolds(
  sum: RangeSum,
  bytes: Uint8Array,
  at: number,
  length: number,
  transportAt: number,
  protocol: number,
): boolean {
  const transport = at + length - transportAt;
  return fold(addressSum(bytes, at, protocol) + transport + sum.sum(transportAt, transport)) === 0xffff;
}

/** Writes the packet's length into its IP header, and IPv4's header checksum. */
export function putIpLength(bytes: Uint8Array, at: number, length: number): void {
  if (!isIpv4(bytes, at)) {
    put16(bytes, at + 4, length - IPV6_HEADER_BYTES);
    return;
  }
  put16(bytes, at + 2, length);
  put16(bytes, at + 10, 0);
  put16(bytes, at + 10, ~sum16(bytes, at, (bytes[at]! & 15) * 4) & 0xffff);
}

/** Where the transport header may stand at the earliest. */
export const leastIpHeader = (bytes: Uint8Array, at: number) =>
  isIpv4(bytes, at) ? IPV4_HEADER_BYTES : IPV6_HEADER_BYTES;

/** A UDP checksum that comes out as 0 is sent as its other form: 0 means that there is none. RFC 768. */
export const sentChecksum = (checksum: number, protocol: number) =>
  checksum === 0 && protocol === IpProtocol.udp ? 0xffff : checksum;

export const u16 = (bytes: Uint8Array, at: number) => (bytes[at]! << 8) | bytes[at + 1]!;

export const u32 = (bytes: Uint8Array, at: number) => ((u16(bytes, at) << 16) | u16(bytes, at + 2)) >>> 0;

export function put16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >> 8;
  bytes[at + 1] = value & 255;
}

export function put32(bytes: Uint8Array, at: number, value: number): void {
  put16(bytes, at, value >>> 16);
  put16(bytes, at + 2, value & 0xffff);
}
