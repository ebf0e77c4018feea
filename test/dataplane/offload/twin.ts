/** Packets by the book, and the slow twin of the segmenter: one packet after the other with a `Writer`. */

import { VnetGso, type VnetHeader } from '../../../src/dataplane/offload/index.ts';
import { concat, Reader, Writer } from '../../../src/wire/index.ts';

export interface Shape {
  readonly version: 4 | 6;
  readonly protocol: 'tcp' | 'udp';
  readonly port: number;
  readonly tos: number;
  readonly ttl: number;
  readonly dontFragment: boolean;
  readonly id: number;
  readonly sequence: number;
  readonly acknowledgment: number;
  readonly flags: number;
  readonly window: number;
  /** Multiple of 4 bytes. */
  readonly options: Uint8Array;
  readonly payload: Uint8Array;
}

export const plainShape: Shape = {
  version: 4,
  protocol: 'tcp',
  port: 1000,
  tos: 0,
  ttl: 64,
  dontFragment: true,
  id: 1,
  sequence: 1,
  acknowledgment: 7,
  flags: 0x10,
  window: 500,
  options: new Uint8Array(),
  payload: new Uint8Array(100),
};

/** A whole packet with right checksums. */
export function packetOf(shape: Shape): Uint8Array {
  const udp = shape.protocol === 'udp';
  const transport = new Writer().u16(shape.port).u16(80);
  if (udp) {
    transport.u16(8 + shape.payload.length).u16(0);
  } else {
    const words = 5 + shape.options.length / 4;
    transport
      .u32(shape.sequence)
      .u32(shape.acknowledgment)
      .u8(words << 4)
      .u8(shape.flags)
      .u16(shape.window);
    transport.u16(0).u16(0).bytes(shape.options);
  }
  const number = udp ? 17 : 6;
  return withChecksum(ip(shape, number, transport.bytes(shape.payload).finish()), udp ? 6 : 16, number);
}

/** Puts the pseudo-header's sum where the checksum stands, as the kernel does for a device that computes it. */
export function withPartialChecksum(packet: Uint8Array, field: 6 | 16): Uint8Array {
  const { transportAt, protocol, pseudo } = pseudoHeader(packet);
  if (protocol !== (field === 6 ? 17 : 6)) throw new Error('another protocol');
  return patched(packet, transportAt + field, sum(pseudo));
}

/** The header of a large packet, which is cut into packets with `segmentBytes` of payload. */
export function headerOf({ version, protocol, options, flags }: Shape, segmentBytes: number): VnetHeader {
  const udp = protocol === 'udp';
  const checksumStart = version === 4 ? 20 : 40;
  const tcp = version === 4 ? VnetGso.tcp4 : VnetGso.tcp6;
  return {
    needsChecksum: true,
    gso: udp ? VnetGso.udp : tcp | (flags & 128 ? VnetGso.ecn : 0),
    headerBytes: checksumStart + (udp ? 8 : 20 + options.length),
    segmentBytes,
    checksumStart,
    checksumOffset: udp ? 6 : 16,
  };
}

/** The packets that a large one stands for. */
export function slowSegment(large: Uint8Array, header: VnetHeader): Uint8Array[] {
  const v4 = large[0]! >> 4 === 4;
  const udp = header.checksumOffset === 6;
  const from = new Reader(large);
  const ipHeader = from.bytes(header.checksumStart);
  const transportHeader = from.bytes(udp ? 8 : (large[header.checksumStart + 12]! >> 4) * 4);
  const payload = from.rest();
  const payloads = Array.from({ length: Math.ceil(payload.length / header.segmentBytes) }, (_, i) =>
    payload.slice(i * header.segmentBytes, (i + 1) * header.segmentBytes),
  );
  let sent = 0;
  return payloads.map((payload, i) => {
    let ipPart: Uint8Array = ipHeader.slice();
    let transport: Uint8Array = transportHeader.slice();
    const view = new DataView(transport.buffer);
    if (udp) {
      transport = patched(transport, 4, 8 + payload.length);
    } else {
      view.setUint32(4, (view.getUint32(4) + sent) >>> 0);
      const last = i === payloads.length - 1;
      const flags = new Set([0, 1, 2, 3, 4, 5, 6, 7].filter((bit) => transport[13]! & (1 << bit)));
      if (!last) for (const bit of [0, 3]) flags.delete(bit);
      if (i > 0) flags.delete(7);
      transport[13] = [...flags].reduce((all, bit) => all + (1 << bit), 0);
    }
    sent += payload.length;
    const behind = transport.length + payload.length;
    if (v4) {
      const id = new DataView(ipPart.buffer).getUint16(4);
      ipPart = patched(patched(ipPart, 2, ipPart.length + behind), 4, (id + i) & 0xffff);
      ipPart = patched(ipPart, 10, 0);
      ipPart = patched(ipPart, 10, ~sum(ipPart) & 0xffff);
    } else {
      ipPart = patched(ipPart, 4, ipPart.length - 40 + behind);
    }
    return withChecksum(concat(ipPart, transport, payload), udp ? 6 : 16, udp ? 17 : 6, header.checksumStart);
  });
}

/** Port and protocol: what tells flows apart here. */
export function flowOf(packet: Uint8Array): string {
  const { transportAt, protocol } = pseudoHeader(packet);
  return `${packet[0]! >> 4} ${protocol} ${packet[transportAt]! * 256 + packet[transportAt + 1]!}`;
}

/** Without what segmentation may change: the identification of a packet that is never fragmented (RFC 6864 §4.1). */
export function withoutFreeId(packet: Uint8Array): Uint8Array {
  if (packet[0]! >> 4 !== 4 || (packet[6]! & 0x40) === 0) return packet;
  return patched(patched(packet, 4, 0), 10, 0);
}

function ip({ version, tos, ttl, dontFragment, id }: Shape, protocol: number, content: Uint8Array): Uint8Array {
  if (version === 6) {
    const addresses = Uint8Array.from({ length: 32 }, (_, i) => i);
    const first = (6 << 28) | (tos << 20) | 5;
    return new Writer()
      .u32(first >>> 0)
      .u16(content.length)
      .u8(protocol)
      .u8(ttl)
      .bytes(addresses)
      .bytes(content)
      .finish();
  }
  const header = new Writer()
    .u8(0x45)
    .u8(tos)
    .u16(20 + content.length)
    .u16(id)
    .u16(dontFragment ? 0x4000 : 0);
  header
    .u8(ttl)
    .u8(protocol)
    .u16(0)
    .bytes(Uint8Array.of(10, 1, 2, 3, 10, 4, 5, 6));
  const bytes = header.finish();
  return concat(patched(bytes, 10, ~sum(bytes) & 0xffff), content);
}

function withChecksum(packet: Uint8Array, field: number, protocol: number, transportAt?: number): Uint8Array {
  const at = transportAt ?? pseudoHeader(packet).transportAt;
  const blank = patched(packet, at + field, 0);
  const { pseudo } = pseudoHeader(blank, at, protocol);
  const checksum = ~sum(concat(pseudo, blank.subarray(at))) & 0xffff;
  return patched(blank, at + field, checksum === 0 && protocol === 17 ? 0xffff : checksum);
}

function pseudoHeader(packet: Uint8Array, at?: number, number?: number) {
  const v4 = packet[0]! >> 4 === 4;
  const transportAt = at ?? (v4 ? (packet[0]! & 15) * 4 : 40);
  const protocol = number ?? packet[v4 ? 9 : 6]!;
  const addresses = v4 ? packet.subarray(12, 20) : packet.subarray(8, 40);
  const pseudo = new Writer()
    .bytes(addresses)
    .u16(0)
    .u16(protocol)
    .u32(packet.length - transportAt)
    .finish();
  return { transportAt, protocol, pseudo };
}

function sum(bytes: Uint8Array): number {
  let total = 0;
  for (let i = 0; i < bytes.length; i += 2) total += bytes[i]! * 256 + (bytes[i + 1] ?? 0);
  while (total > 0xffff) total = (total % 65536) + Math.floor(total / 65536);
  return total;
}

function patched(bytes: Uint8Array, at: number, value: number): Uint8Array {
  const copy = bytes.slice();
  new DataView(copy.buffer).setUint16(at, value);
  return copy;
}
