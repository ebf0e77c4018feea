/** IPv6 headers read and changed in place: offsets into a flat buffer, no object per packet. RFC 8200 §3 and §4. */

import { IPV6_HEADER_BYTES, IpProtocol } from './ipv4.ts';

/** Every link carries IPv6 packets of this length whole. RFC 8200 §5. */
export const IPV6_LEAST_MTU = 1280;

/** Extension headers by their numbers. RFC 8200 §4.1, RFC 4302 §2. */
const Extension = { hopByHop: 0, routing: 43, fragment: 44, authentication: 51, destination: 60 } as const;
/** A chain of more extension headers is not followed. */
const MOST_EXTENSIONS = 8;

/**
 * Length of the IPv6 packet at `at` by its own header, for cutting off what a link padded.
 * @param length bytes there are
 * @returns 0 where the header does not hold: another version, too short, longer than what is there, or a jumbogram
 */
export function ipv6Length(bytes: Uint8Array, at: number, length: number): number {
  if (length < IPV6_HEADER_BYTES || bytes[at]! >> 4 !== 6) return 0;
  const payload = (bytes[at + 4]! << 8) | bytes[at + 5]!;
  if (payload === 0 && bytes[at + 6] === Extension.hopByHop) return 0;
  return payload + IPV6_HEADER_BYTES <= length ? payload + IPV6_HEADER_BYTES : 0;
}

export function ipv6HopLimit(bytes: Uint8Array, at: number): number {
  return bytes[at + 7]!;
}

/** Where the source address of the packet at `at` stands, and where the destination address does. */
export const IPV6_SOURCE = 8;
export const IPV6_DESTINATION = 24;

/** Whether the 16 bytes at `at` are a link-local unicast address, fe80::/10. RFC 4291 §2.5.6. */
export function isLinkLocal(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === 0xfe && (bytes[at + 1]! & 0xc0) === 0x80;
}

/** Whether they are ff00::/8. */
export function isMulticast(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === 0xff;
}

/** Whether they are `::`, or `::1`, which no packet on a link has. RFC 4291 §2.5.2 and §2.5.3. */
export function isUnspecifiedOrLoopback(bytes: Uint8Array, at: number): boolean {
  for (let i = 0; i < 15; i++) if (bytes[at + i] !== 0) return false;
  return bytes[at + 15]! <= 1;
}

/** Walks the extension headers of one packet after the other: `read` overwrites what it says. */
export class Ipv6Chain {
  /** Protocol of the first header that is no extension; -1 where the chain ends before one. */
  protocol = -1;
  /** Where that header begins, counted from the packet's first byte. */
  offset = 0;
  /** Not the first fragment: there is no header of the protocol in it. */
  isLaterFragment = false;
  /** Any fragment, the first one too. */
  isFragment = false;

  /** @param length of the packet, as `ipv6Length` gives it. @returns false for a chain that runs out or is too long */
  read(bytes: Uint8Array, at: number, length: number): boolean {
    this.isLaterFragment = false;
    this.isFragment = false;
    this.protocol = -1;
    let next = bytes[at + 6]!;
    let offset = IPV6_HEADER_BYTES;
    for (let i = 0; i <= MOST_EXTENSIONS; i++) {
      if (!isExtension(next)) {
        this.protocol = next;
        this.offset = offset;
        return offset <= length;
      }
      if (offset + 8 > length) return false;
      const kind = next;
      next = bytes[at + offset]!;
      if (kind === Extension.fragment) {
        this.isFragment = true;
        if ((((bytes[at + offset + 2]! << 8) | bytes[at + offset + 3]!) & 0xfff8) !== 0) {
          // What follows belongs to the middle of the packet.
          this.isLaterFragment = true;
          this.protocol = next;
          this.offset = offset + 8;
          return true;
        }
        offset += 8;
      } else {
        const units = bytes[at + offset + 1]!;
        offset += kind === Extension.authentication ? (units + 2) << 2 : (units + 1) << 3;
      }
    }
    return false;
  }
}

function isExtension(next: number): boolean {
  return (
    next === Extension.hopByHop ||
    next === Extension.routing ||
    next === Extension.fragment ||
    next === Extension.authentication ||
    next === Extension.destination
  );
}

/** Router and neighbor solicitations and advertisements. RFC 4861 §4. */
export const NdType = {
  routerSolicitation: 133,
  routerAdvertisement: 134,
  neighborSolicitation: 135,
  neighborAdvertisement: 136,
} as const;

/** A packet of neighbor discovery has this hop limit: no router has forwarded it. RFC 4861 §6.1. */
const ND_HOP_LIMIT = 255;

/** Whether the packet at `at` is a solicitation or advertisement of RFC 4861; its checksum is not looked at. */
export function isNeighborDiscovery(bytes: Uint8Array, at: number, length: number): boolean {
  if (bytes[at + 6] !== IpProtocol.icmpv6 || bytes[at + 7] !== ND_HOP_LIMIT || length < IPV6_HEADER_BYTES + 8)
    return false;
  const type = bytes[at + IPV6_HEADER_BYTES]!;
  return type >= NdType.routerSolicitation && type <= NdType.neighborAdvertisement;
}

/** Lowers the hop limit by one, which no checksum covers. It must not be 0. */
export function decrementHopLimit(bytes: Uint8Array, at: number): void {
  bytes[at + 7] = bytes[at + 7]! - 1;
}
