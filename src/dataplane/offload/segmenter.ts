/**
 * Cuts a large packet, as the kernel gives it where a network card would cut, into those that it stands for.
 * TCP: sequence numbers count on, FIN and PSH go with the last, CWR (RFC 3168 §6.1.2) with the first. UDP: datagrams.
 */

import { IPV6_HEADER_BYTES, IpProtocol, UDP_HEADER_BYTES, WordSum } from '../../net/index.ts';
import {
  addressSum,
  fold,
  isIpv4,
  leastIpHeader,
  type RangeSum,
  sentChecksum,
  TCP_LEAST_BYTES,
  Tcp,
  TcpFlag,
  tcpHeaderBytes,
  Udp,
  wordSum,
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
  const sent = sentChecksum(checksum, isUdp ? IpProtocol.udp : IpProtocol.tcp);
  bytes[at + field] = sent >> 8;
  bytes[at + field + 1] = sent & 255;
  return true;
}

/** The TCP header's word with its length and the flags. */
const FLAGS_WORD = Tcp.offset;

/** One is reused for all packets of a buffer: `begin`, then `write` for each number below the count. */
export class Segmenter {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #sum: RangeSum;
  #at = 0;
  #length = 0;
  #isIpv4 = false;
  #isUdp = false;
  #transport = 0;
  #headers = 0;
  #segment = 0;
  #before = 0;
  #count = 0;
  #id = 0;
  #sequence = 0;
  #flagsWord = 0;
  /** Sums of what all packets have alike: of the IPv4 header, and of the transport header with the pseudo-header. */
  #ipSum = 0;
  #transportSum = 0;

  /** @param sum over `bytes` */
  constructor(bytes: Uint8Array, sum: RangeSum = new WordSum(bytes)) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#sum = sum;
  }

  /**
   * Takes the large packet of `length` bytes at `at`, which stays as it is.
   * @returns how many packets it stands for; 0 where the header and the packet contradict each other
   */
  begin(at: number, length: number, header: VnetHeader): number {
    const bytes = this.#bytes;
    const v4 = isIpv4(bytes, at);
    const gso = header.gso & ~VnetGso.ecn;
    const isUdp = gso === VnetGso.udp;
    const isTcp = gso === (v4 ? VnetGso.tcp4 : VnetGso.tcp6);
    const transport = header.checksumStart;
    const least = isUdp ? UDP_HEADER_BYTES : TCP_LEAST_BYTES;
    this.#count = 0;
    this.#before = 0;
    if (!(isUdp || isTcp) || header.segmentBytes === 0) return 0;
    if (length < leastIpHeader(bytes, at) || transport < leastIpHeader(bytes, at) || transport + least > length)
      return 0;
    if (v4 && transport !== (bytes[at]! & 15) * 4) return 0;
    const transportHeader = isUdp ? UDP_HEADER_BYTES : tcpHeaderBytes(bytes, at + transport);
    if (transportHeader < least || transport + transportHeader >= length) return 0;
    this.#at = at;
    this.#length = length;
    this.#isIpv4 = v4;
    this.#isUdp = isUdp;
    this.#transport = transport;
    this.#headers = transport + transportHeader;
    this.#segment = header.segmentBytes;
    this.#sumHeaders();
    this.#count = Math.ceil((length - this.#headers) / this.#segment);
    return this.#count;
  }

  /** Bytes of all packets together that `write` makes. */
  get allBytes(): number {
    return this.#length + (this.#count - 1) * this.#headers;
  }

  /** Whether the packets open a connection. */
  get isSyn(): boolean {
    return !this.#isUdp && (this.#bytes[this.#at + this.#transport + Tcp.flags]! & TcpFlag.syn) !== 0;
  }

  /** From now on `write` also copies so many bytes that stand in front of the large packet. */
  copyBefore(bytes: number): void {
    this.#before = bytes;
  }

  /** Largest packet that `write` makes, bytes. */
  get mostBytes(): number {
    return Math.min(this.#length, this.#headers + this.#segment);
  }

  /**
   * Writes packet number `i`, with right checksums, to `outAt`.
   * @returns its length
   */
  write(i: number, outAt: number): number {
    const view = this.#view;
    const from = this.#headers + i * this.#segment;
    const payload = Math.min(this.#segment, this.#length - from);
    const length = this.#headers + payload;
    const before = this.#before;
    this.#copy(this.#at - before, before + this.#headers, outAt - before);
    const payloadSum = this.#copy(this.#at + from, payload, outAt + this.#headers);
    if (this.#isIpv4) {
      const id = (this.#id + i) & 0xffff;
      view.setUint16(outAt + 2, length);
      view.setUint16(outAt + 4, id);
      view.setUint16(outAt + 10, ~fold(this.#ipSum + length + id));
    } else view.setUint16(outAt + 4, length - IPV6_HEADER_BYTES);
    const transportAt = outAt + this.#transport;
    const transport = length - this.#transport;
    const sum = this.#transportSum + transport + payloadSum;
    if (this.#isUdp) {
      view.setUint16(transportAt + Udp.length, transport);
      const checksum = ~fold(sum + transport) & 0xffff;
      view.setUint16(transportAt + Udp.checksum, sentChecksum(checksum, IpProtocol.udp));
    } else {
      view.setUint16(transportAt + Tcp.checksum, ~fold(sum + this.#putTcp(i, transportAt)));
    }
    return length;
  }

  /** Writes what differs. @returns its sum */
  #putTcp(i: number, at: number): number {
    const view = this.#view;
    const sequence = (this.#sequence + i * this.#segment) >>> 0;
    let flagsWord = this.#flagsWord;
    if (i > 0) flagsWord &= ~TcpFlag.cwr;
    if (i < this.#count - 1) flagsWord &= ~(TcpFlag.fin | TcpFlag.psh);
    view.setUint32(at + Tcp.sequence, sequence);
    view.setUint16(at + FLAGS_WORD, flagsWord);
    return (sequence >>> 16) + (sequence & 0xffff) + flagsWord;
  }

  #sumHeaders(): void {
    const view = this.#view;
    const at = this.#at;
    const transportAt = at + this.#transport;
    if (this.#isIpv4) {
      this.#id = view.getUint16(at + 4);
      const varying = view.getUint16(at + 2) + this.#id + view.getUint16(at + 10);
      this.#ipSum = wordSum(view, at, transportAt) - varying;
    }
    const header = wordSum(view, transportAt, at + this.#headers);
    const addresses = addressSum(view, at, this.#isUdp ? IpProtocol.udp : IpProtocol.tcp);
    if (this.#isUdp) {
      const varying = view.getUint16(transportAt + Udp.length) + view.getUint16(transportAt + Udp.checksum);
      this.#transportSum = addresses + header - varying;
      return;
    }
    this.#sequence = view.getUint32(transportAt + Tcp.sequence);
    this.#flagsWord = view.getUint16(transportAt + FLAGS_WORD);
    const varying = wordSum(view, transportAt + Tcp.sequence, transportAt + Tcp.sequence + 4) + this.#flagsWord;
    this.#transportSum = addresses + header - varying - view.getUint16(transportAt + Tcp.checksum);
  }

  /** @returns the sum of what was copied */
  #copy(at: number, length: number, to: number): number {
    const sum = this.#sum;
    if (sum.copy !== undefined) return sum.copy(at, length, to);
    this.#bytes.copyWithin(to, at, at + length);
    return sum.sum(to, length);
  }
}
