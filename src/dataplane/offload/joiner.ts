/**
 * Joins consecutive packets of one TCP or UDP flow into a large one, the inverse of the segmenter: what the kernel
 * would make of the large packet are the very packets that were joined. Whatever is not certain is left as it came.
 */

import { IPV4_HEADER_BYTES, IPV6_HEADER_BYTES, IpProtocol, UDP_HEADER_BYTES, WordSum } from '../../net/index.ts';
import {
  DONT_FRAGMENT,
  expectPlainNext,
  type Group,
  isPlainNext,
  MOST_IP_BYTES,
  MOST_JOINED,
  newGroup,
} from './group.ts';
import {
  addressSum,
  fold,
  isIpv4,
  type RangeSum,
  TCP_LEAST_BYTES,
  Tcp,
  TcpFlag,
  tcpHeaderBytes,
  Udp,
  wordSum,
} from './transport.ts';
import { newVnetHeader, VnetGso, type VnetHeader } from './vnetHeader.ts';

/** A packet for the kernel, in pieces of one buffer. The record is reused: use it before returning. */
export interface JoinedPacket {
  readonly header: VnetHeader;
  /** Where each piece begins and how long it is, in turn; `pieceCount` pairs are valid. */
  readonly pieces: Int32Array;
  pieceCount: number;
}

/** Flows that are joined at one time; with more, the oldest is given out. */
export const MOST_FLOWS = 8;

export class Joiner {
  readonly #bytes: Uint8Array;
  /** Headers are read by words: with bytes, comparing them took as long as summing the payload. */
  readonly #view: DataView;
  readonly #sum: RangeSum;
  readonly #joinsUdp: boolean;
  readonly #emit: (packet: JoinedPacket) => void;
  readonly #groups: readonly Group[] = Array.from({ length: MOST_FLOWS }, newGroup);
  /** Open groups, oldest first. */
  readonly #order: Group[] = [];
  readonly #header = newVnetHeader();
  readonly #single: JoinedPacket = { header: newVnetHeader(), pieces: new Int32Array(2), pieceCount: 1 };
  readonly #joined: { header: VnetHeader; pieces: Int32Array; pieceCount: number } = {
    header: this.#header,
    pieces: new Int32Array(0),
    pieceCount: 0,
  };
  /** The group that a packet was added to last, where those that merely continue it are told by a few words. */
  #last: Group | undefined;
  /** Of the packet that `#read` looked at last. */
  #transport = 0;
  #headers = 0;
  #protocol = 0;

  /**
   * @param bytes the buffer that all packets stand in; headers of joined ones are changed there
   * @param emit is given what is ready, packets of one flow in their order
   * @param joinsUdp whether the kernel takes large UDP packets
   * @param sum over `bytes`
   */
  constructor(
    bytes: Uint8Array,
    emit: (packet: JoinedPacket) => void,
    joinsUdp: boolean,
    sum: RangeSum = new WordSum(bytes),
  ) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#sum = sum;
    this.#emit = emit;
    this.#joinsUdp = joinsUdp;
  }

  /** Takes one IP packet, which must stay where it is until `flush`. */
  add(at: number, length: number): void {
    const last = this.#last;
    if (last !== undefined && this.#continuesPlainly(last, at, length)) return;
    if (!this.#read(at, length)) {
      this.#emitSingle(at, length);
      return;
    }
    const group = this.#groupOf(at);
    const candidate = this.#isCandidate(at, length);
    if (group !== undefined) {
      if (candidate && this.#extend(group, at, length)) return;
      this.#give(group);
    }
    if (candidate) this.#start(at, length);
    else this.#emitSingle(at, length);
  }

  /** @returns false for what is left to the long way */
  #continuesPlainly(group: Group, at: number, length: number): boolean {
    if (!isPlainNext(group, this.#view, at, length)) return false;
    this.#transport = IPV4_HEADER_BYTES;
    if (!this.#isIntact(group, at, length)) return false;
    const { count, segment } = group;
    group.pieces[2 * count] = at + group.headers;
    group.pieces[2 * count + 1] = segment;
    group.count = count + 1;
    group.length += segment;
    group.nextSequence = (group.nextSequence + segment) >>> 0;
    return true;
  }

  /** Gives out everything. */
  flush(): void {
    while (this.#order.length > 0) this.#give(this.#order[0]!);
  }

  /** Reads where headers end. False for what has no ports: fragments, other protocols, IP options, broken headers. */
  #read(at: number, length: number): boolean {
    if (length < IPV4_HEADER_BYTES) return false;
    const view = this.#view;
    const first = view.getUint32(at);
    if (first >>> 28 === 4) {
      const fragment = view.getUint16(at + 6) & 0x3fff;
      if (first >>> 24 !== 0x45 || (first & 0xffff) !== length || fragment !== 0) return false;
      this.#protocol = view.getUint8(at + 9);
      this.#transport = IPV4_HEADER_BYTES;
    } else {
      if (length < IPV6_HEADER_BYTES || first >>> 28 !== 6) return false;
      if (view.getUint16(at + 4) !== length - IPV6_HEADER_BYTES) return false;
      this.#protocol = view.getUint8(at + 6);
      this.#transport = IPV6_HEADER_BYTES;
    }
    if (this.#protocol === IpProtocol.tcp) {
      if (this.#transport + TCP_LEAST_BYTES > length) return false;
      const header = tcpHeaderBytes(this.#bytes, at + this.#transport);
      this.#headers = this.#transport + header;
      return header >= TCP_LEAST_BYTES && this.#headers <= length;
    }
    this.#headers = this.#transport + UDP_HEADER_BYTES;
    return this.#protocol === IpProtocol.udp && this.#headers <= length;
  }

  /** Whether it may be joined with others: has payload, says nothing but ACK and PSH, has a checksum. */
  #isCandidate(at: number, length: number): boolean {
    const view = this.#view;
    const transport = at + this.#transport;
    if (length <= this.#headers) return false;
    if (this.#protocol === IpProtocol.tcp) {
      return (view.getUint8(transport + Tcp.flags) & ~TcpFlag.psh) === TcpFlag.ack;
    }
    const whole = view.getUint16(transport + Udp.length) === length - this.#transport;
    return this.#joinsUdp && whole && view.getUint16(transport + Udp.checksum) !== 0;
  }

  /** The open group with the same addresses, protocol and ports. */
  #groupOf(at: number): Group | undefined {
    const order = this.#order;
    for (let i = 0; i < order.length; i++) {
      const group = order[i]!;
      if (group.protocol === this.#protocol && group.transport === this.#transport && this.#sameFlow(group.at, at)) {
        return group;
      }
    }
    return undefined;
  }

  #sameFlow(one: number, other: number): boolean {
    const view = this.#view;
    // Both addresses stand in front of the ports, which begin the transport header.
    const end = this.#transport + 4;
    for (let i = this.#transport === IPV4_HEADER_BYTES ? 12 : 8; i < end; i += 4) {
      if (view.getUint32(one + i) !== view.getUint32(other + i)) return false;
    }
    return true;
  }

  #extend(group: Group, at: number, length: number): boolean {
    const payload = length - this.#headers;
    if (group.full || group.headers !== this.#headers || payload > group.segment) return false;
    if (group.count >= MOST_JOINED || group.length + payload > MOST_IP_BYTES) return false;
    if (!this.#sameIpHeader(group, at)) return false;
    const isTcp = group.protocol === IpProtocol.tcp;
    const transportAt = at + this.#transport;
    if (isTcp && !this.#continuesTcp(group, transportAt)) return false;
    if (!group.verified) {
      group.addressSum = addressSum(this.#view, group.at, group.protocol);
      if (!this.#isIntact(group, group.at, group.headLength)) return false;
      group.verified = true;
    }
    if (!this.#isIntact(group, at, length)) return false;
    group.pieces[2 * group.count] = at + this.#headers;
    group.pieces[2 * group.count + 1] = payload;
    group.count++;
    group.length += payload;
    if (isTcp) {
      group.nextSequence = (group.nextSequence + payload) >>> 0;
      group.pushed = (this.#bytes[transportAt + Tcp.flags]! & TcpFlag.psh) !== 0;
    }
    group.full = payload < group.segment || group.pushed;
    if (isTcp && this.#transport === IPV4_HEADER_BYTES && expectPlainNext(group, this.#view)) this.#last = group;
    return true;
  }

  /** Type of service, time to live, DF; the identification counts on where it matters. RFC 6864 §4. */
  #sameIpHeader({ at: first, count }: Group, at: number): boolean {
    const view = this.#view;
    if (this.#transport === IPV6_HEADER_BYTES) {
      // Version, class, label; next header is the same already; hop limit.
      return view.getUint32(first) === view.getUint32(at) && view.getUint8(first + 7) === view.getUint8(at + 7);
    }
    const flags = view.getUint8(at + 6);
    if (view.getUint16(first) !== view.getUint16(at) || view.getUint16(first + 8) !== view.getUint16(at + 8))
      return false;
    if (view.getUint8(first + 6) !== flags) return false;
    if (((flags << 8) & DONT_FRAGMENT) !== 0) return true;
    return ((view.getUint16(first + 4) + count) & 0xffff) === view.getUint16(at + 4);
  }

  /** The next sequence number; acknowledgment, window and options are the first packet's. */
  #continuesTcp(group: Group, transportAt: number): boolean {
    const view = this.#view;
    if (view.getUint32(transportAt + Tcp.sequence) !== group.nextSequence) return false;
    const first = group.at + this.#transport;
    if (view.getUint32(first + Tcp.acknowledgment) !== view.getUint32(transportAt + Tcp.acknowledgment)) return false;
    if (view.getUint8(first + Tcp.offset) !== view.getUint8(transportAt + Tcp.offset)) return false;
    if (view.getUint16(first + Tcp.window) !== view.getUint16(transportAt + Tcp.window)) return false;
    if (view.getUint16(first + Tcp.urgent) !== view.getUint16(transportAt + Tcp.urgent)) return false;
    const options = this.#headers - this.#transport;
    for (let i = TCP_LEAST_BYTES; i < options; i += 4) {
      if (view.getUint32(first + i) !== view.getUint32(transportAt + i)) return false;
    }
    return true;
  }

  /** A joined packet gets a right checksum, so one that came with a wrong one must not be joined. */
  #isIntact(group: Group, at: number, length: number): boolean {
    const transport = this.#transport;
    if (transport === IPV4_HEADER_BYTES && fold(wordSum(this.#view, at, at + transport)) !== 0xffff) return false;
    const sum = group.addressSum + length - transport + this.#sum.sum(at + transport, length - transport);
    return fold(sum) === 0xffff;
  }

  #start(at: number, length: number): void {
    if (this.#order.length === MOST_FLOWS) this.#give(this.#order[0]!);
    const group = this.#unused();
    const isTcp = this.#protocol === IpProtocol.tcp;
    group.open = true;
    group.at = at;
    group.headLength = length;
    group.transport = this.#transport;
    group.headers = this.#headers;
    group.protocol = this.#protocol;
    group.segment = length - this.#headers;
    group.length = length;
    group.count = 1;
    group.pushed = isTcp && (this.#bytes[at + this.#transport + Tcp.flags]! & TcpFlag.psh) !== 0;
    group.full = group.pushed;
    group.verified = false;
    group.nextSequence = isTcp ? (this.#view.getUint32(at + this.#transport + Tcp.sequence) + group.segment) >>> 0 : 0;
    group.pieces[0] = at;
    group.pieces[1] = length;
    this.#order.push(group);
  }

  #unused(): Group {
    const groups = this.#groups;
    let i = 0;
    while (groups[i]!.open) i++;
    return groups[i]!;
  }

  #give(group: Group): void {
    const order = this.#order;
    for (let i = order.indexOf(group); i < order.length - 1; i++) order[i] = order[i + 1]!;
    order.length--;
    group.open = false;
    if (group === this.#last) this.#last = undefined;
    if (group.count === 1) {
      this.#emitSingle(group.at, group.headLength);
      return;
    }
    this.#writeHeaders(group);
    this.#joined.pieces = group.pieces;
    this.#joined.pieceCount = group.count;
    this.#emit(this.#joined);
  }

  /** Makes the first packet's headers those of the large one, with a checksum for the kernel to complete. */
  #writeHeaders({ at, length, transport, headers, protocol, segment, pushed, addressSum: addresses }: Group): void {
    const bytes = this.#bytes;
    const view = this.#view;
    const transportAt = at + transport;
    const isTcp = protocol === IpProtocol.tcp;
    const transportLength = length - transport;
    if (transport === IPV4_HEADER_BYTES) {
      view.setUint16(at + 2, length);
      view.setUint16(at + 10, 0);
      view.setUint16(at + 10, ~fold(wordSum(view, at, transportAt)));
    } else view.setUint16(at + 4, length - IPV6_HEADER_BYTES);
    if (!isTcp) view.setUint16(transportAt + Udp.length, transportLength);
    else if (pushed) bytes[transportAt + Tcp.flags] = bytes[transportAt + Tcp.flags]! | TcpFlag.psh;
    const checksumOffset = isTcp ? Tcp.checksum : Udp.checksum;
    view.setUint16(transportAt + checksumOffset, fold(addresses + transportLength));
    const header = this.#header;
    header.needsChecksum = true;
    header.gso = isTcp ? (isIpv4(bytes, at) ? VnetGso.tcp4 : VnetGso.tcp6) : VnetGso.udp;
    header.headerBytes = headers;
    header.segmentBytes = segment;
    header.checksumStart = transport;
    header.checksumOffset = checksumOffset;
  }

  #emitSingle(at: number, length: number): void {
    this.#single.pieces[0] = at;
    this.#single.pieces[1] = length;
    this.#emit(this.#single);
  }
}
