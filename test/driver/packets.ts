/** IPv4 packets with a UDP datagram, made and read by the book. RFC 791 §3.1, RFC 768. */

import { Reader, Writer } from '../../src/wire/index.ts';

export interface UdpPacket {
  readonly source: string;
  readonly sourcePort: number;
  readonly destination: string;
  readonly destinationPort: number;
  readonly payload: Uint8Array;
}

/** The UDP checksum is left out (zero), which IPv4 allows. */
export function udpPacket({ source, sourcePort, destination, destinationPort, payload }: UdpPacket): Uint8Array {
  const to = new Writer();
  to.u8(0x45)
    .u8(0)
    .u16(28 + payload.length);
  to.u16(1).u16(0).u8(64).u8(17).u16(0);
  to.bytes(Uint8Array.from(source.split('.'), Number)).bytes(Uint8Array.from(destination.split('.'), Number));
  to.patchU16(10, checksum(to.finish()));
  to.u16(sourcePort)
    .u16(destinationPort)
    .u16(8 + payload.length)
    .u16(0)
    .bytes(payload);
  return to.finish();
}

/** @returns undefined for what is not UDP over IPv4 */
export function readUdpPacket(packet: Uint8Array): UdpPacket | undefined {
  if (packet[0] !== 0x45 || packet[9] !== 17) return undefined;
  const from = new Reader(packet);
  from.skip(12);
  const source = from.bytes(4).join('.');
  const destination = from.bytes(4).join('.');
  const sourcePort = from.u16();
  const destinationPort = from.u16();
  const length = from.u16();
  from.skip(2);
  return { source, sourcePort, destination, destinationPort, payload: from.bytes(length - 8).slice() };
}

function checksum(header: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < header.length; at += 2) sum += (header[at]! << 8) | header[at + 1]!;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
