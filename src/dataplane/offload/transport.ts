/** What segmentation and joining both read of IP, TCP and UDP headers. RFC 9293 §3.1, RFC 768, RFC 8200 §3. */

import { IPV4_HEADER_BYTES, IPV6_HEADER_BYTES, IpProtocol } from '../../net/index.ts';

/** `sum16` over one buffer that it belongs to; `WordSum` is one. */
export interface RangeSum {
  sum(at: number, length: number): number;
  /** Copies inside of the buffer, to where nothing of the source stands, and gives the sum of what was copied. */
  copy?(at: number, length: number, to: number): number;
}

/** Offsets in a TCP header. */
export const Tcp = {
  sequence: 4,
  acknowledgment: 8,
  offset: 12,
  flags: 13,
  window: 14,
  checksum: 16,
  urgent: 18,
} as const;
export const TcpFlag = { fin: 1, syn: 2, psh: 8, ack: 16, cwr: 128 } as const;
export const TCP_LEAST_BYTES = 20;
/** Offsets in a UDP header. */
export const Udp = { length: 4, checksum: 6 } as const;

export const isIpv4 = (bytes: Uint8Array, at: number) => bytes[at]! >> 4 === 4;

/** Length of the TCP header as it says. */
export const tcpHeaderBytes = (bytes: Uint8Array, at: number) => (bytes[at + Tcp.offset]! >> 4) * 4;

/** Sum of the pseudo-header but the length: addresses and protocol. */
export function addressSum(view: DataView, at: number, protocol: number): number {
  const end = at + (view.getUint8(at) >> 4 === 4 ? IPV4_HEADER_BYTES : IPV6_HEADER_BYTES);
  return wordSum(view, end === at + IPV4_HEADER_BYTES ? at + 12 : at + 8, end) + protocol;
}

/** Sum of the 16-bit words from `at` up to `end`, a multiple of 4 bytes: of headers, as a call costs more than they. */
export function wordSum(view: DataView, at: number, end: number): number {
  let sum = 0;
  for (let i = at; i < end; i += 4) {
    const words = view.getUint32(i);
    sum += (words >>> 16) + (words & 0xffff);
  }
  return sum;
}

/** Folds a sum of fewer than 65,536 words to 16 bits. */
export function fold(sum: number): number {
  const once = (sum & 0xffff) + (sum >>> 16);
  return (once & 0xffff) + (once >>> 16);
}

/** Where the transport header may stand at the earliest. */
export const leastIpHeader = (bytes: Uint8Array, at: number) =>
  isIpv4(bytes, at) ? IPV4_HEADER_BYTES : IPV6_HEADER_BYTES;

/** A UDP checksum that comes out as 0 is sent as its other form: 0 means that there is none. RFC 768. */
export const sentChecksum = (checksum: number, protocol: number) =>
  checksum === 0 && protocol === IpProtocol.udp ? 0xffff : checksum;
