/**
 * Cuts a large packet, as the kernel gives it where a network card would cut, into those that it stands for.
 * TCP: sequence numbers count on, FIN and PSH go with the last, CWR (RFC 3168 §6.1.2) with the first. UDP: datagrams.
 */

import { fold, IpProtocol, UDP_HEADER_BYTES } from '../../net/index.ts';
import {
  addressSum,
  isIpv4,
  leastIpHeader,
  put16,
  put32,
  putIpLength,
  type RangeSum,
  sentChecksum,
  TCP_LEAST_BYTES,
  Tcp,
  TcpFlag,
  tcpHeaderBytes,
  Udp,
  u16,
  u32,
} from './transport.ts';
import { VnetGso, type VnetHeader } from './vnetHeader.ts';

/**
 * Completes the transport checksum that the kernel has left to the device.
 * @param sum over the buffer that is `bytes`
 * @returns false where the header points outside of the packet
 */
export function completeChecksum(
  sum: RangeSum,
  bytes: Uint8Array,
  at: number,
  length: number,
  { checksumStart, checksumOffset }: VnetHeader,
): boolean {
  const field = checksumStart + checksumOffset;
  if (field + 2 > length) return false;
  // What stands in the field is the pseudo-header's sum, so it is summed with the rest.
  const checksum = ~sum.sum(at + checksumStart, length - checksumStart) & 0xffff;
  const isUdp = checksumOffset === Udp.checksum;
  put16(bytes, at + field, sentChecksum(checksum, isUdp ? IpProtocol.udp : IpProtocol.tcp));
  return true;
}

/** One is reused for all packets: `begin`, then `write` for each number below the count. */
export class Segmenter {
  #bytes: Uint8Array = new Uint8Array();
  #at = 0;
  #length = 0;
  #protocol = 0;
  #transport = 0;
  #headers = 0;
  #segment = 0;
  #count = 0;
  #addressSum = 0;

  /**
   * Takes the large packet of `length` bytes at `at`, which stays as it is.
   * @returns how many packets it stands for; 0 where the header and the packet contradict each other
   */
  begin(bytes: Uint8Array, at: number, length: number, header: VnetHeader): number {
    const gso = header.gso & ~VnetGso.ecn;
    const isUdp = gso === VnetGso.udp;
    const isTcp = gso === (isIpv4(bytes, at) ? VnetGso.tcp4 : VnetGso.tcp6);
    const transport = header.checksumStart;
    const least = isUdp ? UDP_HEADER_BYTES : TCP_LEAST_BYTES;
    this.#count = 0;
    if (!(isUdp || isTcp) || header.segmentBytes === 0) return 0;
    if (length < leastIpHeader(bytes, at) || transport < leastIpHeader(bytes, at) || transport + least > length)
      return 0;
    if (isIpv4(bytes, at) && transport !== (bytes[at]! & 15) * 4) return 0;
    const transportHeader = isUdp ? UDP_HEADER_BYTES : tcpHeaderBytes(bytes, at + transport);
    if (transportHeader < least || transport + transportHeader >= length) return 0;
    this.#bytes = bytes;
    this.#at = at;
    this.#length = length;
    this.#protocol = isUdp ? IpProtocol.udp : IpProtocol.tcp;
    this.#transport = transport;
    this.#headers = transport + transportHeader;
    this.#segment = header.segmentBytes;
    this.#addressSum = addressSum(bytes, at, this.#protocol);
    this.#count = Math.ceil((length - this.#headers) / this.#segment);
    return this.#count;
  }

  /** Largest packet that `write` makes, bytes. */
  get mostBytes(): number {
    return Math.min(this.#length, this.#headers + this.#segment);
  }

  /**
   * Writes packet number `i`, with right checksums, to `sum`'s buffer `out`.
   * @returns its length
   */
  write(i: number, sum: RangeSum, out: Uint8Array, outAt: number): number {
    const from = this.#headers + i * this.#segment;
    const payload = Math.min(this.#segment, this.#length - from);
    const length = this.#headers + payload;
    copy(this.#bytes, this.#at, this.#headers, out, outAt);
    copy(this.#bytes, this.#at + from, payload, out, outAt + this.#headers);
    if (isIpv4(out, outAt)) put16(out, outAt + 4, (u16(out, outAt + 4) + i) & 0xffff);
    putIpLength(out, outAt, length);
    const transportAt = outAt + this.#transport;
    const isUdp = this.#protocol === IpProtocol.udp;
    if (isUdp) put16(out, transportAt + Udp.length, length - this.#transport);
    else this.#putTcp(i, out, transportAt);
    const field = transportAt + (isUdp ? Udp.checksum : Tcp.checksum);
    put16(out, field, 0);
    const transport = length - this.#transport;
    const checksum = ~fold(this.#addressSum + transport + sum.sum(transportAt, transport)) & 0xffff;
    put16(out, field, sentChecksum(checksum, this.#protocol));
    return length;
  }

  #putTcp(i: number, out: Uint8Array, at: number): void {
    put32(out, at + Tcp.sequence, u32(out, at + Tcp.sequence) + i * this.#segment);
    let flags = out[at + Tcp.flags]!;
    if (i > 0) flags &= ~TcpFlag.cwr;
    if (i < this.#count - 1) flags &= ~(TcpFlag.fin | TcpFlag.psh);
    out[at + Tcp.flags] = flags;
  }
}

function copy(from: Uint8Array, at: number, length: number, to: Uint8Array, toAt: number): void {
  if (from === to) to.copyWithin(toAt, at, at + length);
  else to.set(from.subarray(at, at + length), toAt);
}
