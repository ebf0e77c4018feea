/** Slow, plain twins of what src/net does in place: whole packets as objects, everything summed anew. */

import { Reader, Writer } from '../../src/wire/index.ts';

export function slowChecksum(bytes: Uint8Array): number {
  const padded = bytes.length % 2 === 0 ? bytes : Uint8Array.from([...bytes, 0]);
  const from = new Reader(padded);
  let sum = 0;
  while (from.left > 0) {
    sum += from.u16();
    if (sum > 0xffff) sum -= 0xffff;
  }
  return 0xffff - sum;
}

export interface Ipv4Packet {
  readonly tos?: number;
  readonly id?: number;
  /** Reserved, DF and MF as in the header: 0 to 7. */
  readonly flags?: number;
  /** Units of 8 bytes. */
  readonly offset?: number;
  readonly ttl?: number;
  readonly protocol?: number;
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly options?: Uint8Array;
  readonly payload: Uint8Array;
}

export function ipv4Packet(packet: Ipv4Packet): Uint8Array {
  const { options = new Uint8Array(0), payload } = packet;
  const header = new Writer();
  header.u8(0x40 | ((20 + options.length) / 4)).u8(packet.tos ?? 0);
  header.u16(20 + options.length + payload.length).u16(packet.id ?? 1);
  header.u16(((packet.flags ?? 0) << 13) | (packet.offset ?? 0));
  header
    .u8(packet.ttl ?? 64)
    .u8(packet.protocol ?? 17)
    .u16(0);
  header.bytes(packet.source).bytes(packet.destination).bytes(options);
  header.patchU16(10, slowChecksum(header.finish()));
  return header.bytes(payload).finish();
}

export function readIpv4(bytes: Uint8Array): Required<Ipv4Packet> {
  const from = new Reader(bytes);
  const header = (from.u8() & 15) * 4;
  const tos = from.u8();
  const total = from.u16();
  const id = from.u16();
  const fragment = from.u16();
  const ttl = from.u8();
  const protocol = from.u8();
  from.skip(2);
  const source = from.bytes(4);
  const destination = from.bytes(4);
  const options = from.bytes(header - 20);
  const payload = from.bytes(total - header);
  return {
    tos,
    id,
    flags: fragment >> 13,
    offset: fragment & 0x1fff,
    ttl,
    protocol,
    source,
    destination,
    options,
    payload,
  };
}

/** A TCP segment with a right checksum over `pseudo` (addresses) and itself. */
export function tcpSegment(options: Uint8Array, flags: number, payload: Uint8Array, pseudo: Uint8Array): Uint8Array {
  const segment = new Writer();
  segment.u16(40000).u16(443).u32(1).u32(0);
  segment
    .u8(((20 + options.length) / 4) << 4)
    .u8(flags)
    .u16(65535)
    .u16(0)
    .u16(0);
  segment.bytes(options).bytes(payload);
  const length = segment.length;
  const covered = new Writer().bytes(pseudo).u16(6).u16(length).bytes(segment.finish()).finish();
  segment.patchU16(16, slowChecksum(covered));
  return segment.finish();
}

/** Whether the checksum of the UDP, TCP or ICMPv6 `segment` is right for the addresses. */
export function segmentIsRight(segment: Uint8Array, pseudo: Uint8Array, protocol = 6): boolean {
  const covered = new Writer().bytes(pseudo).u16(protocol).u16(segment.length).bytes(segment).finish();
  return slowChecksum(covered) === 0;
}

/** What a receiver makes of IPv4 fragments in any order: the whole payload, or undefined where some is missing. */
export function reassemble(fragments: readonly Uint8Array[]): Uint8Array | undefined {
  const read = fragments.map(readIpv4).sort((a, b) => a.offset - b.offset);
  const whole = new Writer();
  for (const [i, { offset, flags, payload }] of read.entries()) {
    if (offset * 8 !== whole.length) return undefined;
    if (((flags & 1) === 0) !== (i === read.length - 1)) return undefined;
    whole.bytes(payload);
  }
  return whole.finish();
}

export interface Ipv6Packet {
  readonly trafficClass?: number;
  readonly hopLimit?: number;
  /** Of the first header in `payload`. */
  readonly nextHeader?: number;
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  /** Extension headers and all. */
  readonly payload: Uint8Array;
}

export function ipv6Packet(packet: Ipv6Packet): Uint8Array {
  const { trafficClass = 0, hopLimit = 64, nextHeader = 17, source, destination, payload } = packet;
  return new Writer()
    .u32(0x60000000 | (trafficClass << 20))
    .u16(payload.length)
    .u8(nextHeader)
    .u8(hopLimit)
    .bytes(source)
    .bytes(destination)
    .bytes(payload)
    .finish();
}

export function readIpv6(bytes: Uint8Array): Required<Ipv6Packet> {
  const from = new Reader(bytes);
  const first = from.u32();
  const length = from.u16();
  const nextHeader = from.u8();
  const hopLimit = from.u8();
  const source = from.bytes(16);
  const destination = from.bytes(16);
  return { trafficClass: (first >>> 20) & 255, hopLimit, nextHeader, source, destination, payload: from.bytes(length) };
}

/** Protocol and place of the first header that is no extension, by RFC 8200's drawings; undefined where there is none. */
export function upperOf(packet: Uint8Array): { protocol: number; offset: number; later: boolean } | undefined {
  const chain = new Set([0, 43, 44, 51, 60]);
  let { nextHeader: next } = readIpv6(packet.slice(0, 40).fill(0, 4, 6));
  let offset = 40;
  for (let count = 0; chain.has(next); count++) {
    if (count > 8 || packet.length < offset + 8) return undefined;
    const from = new Reader(packet.subarray(offset));
    const kind = next;
    next = from.u8();
    const length = from.u8();
    if (kind === 44 && from.u16() >> 3 !== 0) return { protocol: next, offset: offset + 8, later: true };
    offset += kind === 44 ? 8 : kind === 51 ? (length + 2) * 4 : (length + 1) * 8;
  }
  return offset <= packet.length ? { protocol: next, offset, later: false } : undefined;
}
