/**
 * `struct virtio_net_hdr`: what stands in front of each packet of a TUN device with offloads, in the machine's byte
 * order. linux/virtio_net.h; VIRTIO 1.2 §5.1.6.
 */

export const VNET_HEADER_BYTES = 10;

export const VnetFlag = { needsChecksum: 1 } as const;

/** Which packets a large one stands for. `ecn` is added to one of the others where the first carries CWR. */
export const VnetGso = { none: 0, tcp4: 1, tcp6: 4, udp: 5, ecn: 0x80 } as const;

/** One record is reused for all packets. Offsets are from the start of the packet. */
export interface VnetHeader {
  /** The transport checksum holds the pseudo-header's sum alone; the rest, from `checksumStart` on, is to be added. */
  needsChecksum: boolean;
  /** Of `VnetGso`. */
  gso: number;
  /** IP and transport headers, as a hint. */
  headerBytes: number;
  /** Payload of each packet that this one stands for; the last may have less. */
  segmentBytes: number;
  checksumStart: number;
  /** From `checksumStart`. */
  checksumOffset: number;
}

export function newVnetHeader(): VnetHeader {
  return { needsChecksum: false, gso: 0, headerBytes: 0, segmentBytes: 0, checksumStart: 0, checksumOffset: 0 };
}

export function readVnetHeader(header: VnetHeader, bytes: Uint8Array, at: number): void {
  header.needsChecksum = (bytes[at]! & VnetFlag.needsChecksum) !== 0;
  header.gso = bytes[at + 1]!;
  header.headerBytes = u16(bytes, at + 2);
  header.segmentBytes = u16(bytes, at + 4);
  header.checksumStart = u16(bytes, at + 6);
  header.checksumOffset = u16(bytes, at + 8);
}

export function writeVnetHeader(header: VnetHeader, bytes: Uint8Array, at: number): void {
  bytes[at] = header.needsChecksum ? VnetFlag.needsChecksum : 0;
  bytes[at + 1] = header.gso;
  put16(bytes, at + 2, header.headerBytes);
  put16(bytes, at + 4, header.segmentBytes);
  put16(bytes, at + 6, header.checksumStart);
  put16(bytes, at + 8, header.checksumOffset);
}

const u16 = (bytes: Uint8Array, at: number) => bytes[at]! | (bytes[at + 1]! << 8);

function put16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value & 255;
  bytes[at + 1] = value >> 8;
}
