/** Type of service through a tunnel: what the outer header shows, and what comes back from it. RFC 6040, RFC 4301 §5.1.2. */

import { updateChecksum } from '../net/index.ts';

/** RFC 3168 §5. */
export const Ecn = { notEct: 0, ect1: 1, ect0: 2, ce: 3 } as const;
const ECN_MASK = 3;

/** Type of service of an IPv4 packet, traffic class of an IPv6 packet: DSCP and ECN. */
export function trafficClass(bytes: Uint8Array, at: number): number {
  const first = bytes[at]!;
  return first >> 4 === 4 ? bytes[at + 1]! : ((first & 15) << 4) | (bytes[at + 1]! >> 4);
}

/**
 * Puts the outer header's congestion mark into the packet. RFC 6040 §4.2.
 * @param outer type of service of the packet that it came in
 * @returns false where the packet must be dropped: congestion was met by one that cannot say so
 */
export function decapsulateEcn(bytes: Uint8Array, at: number, outer: number): boolean {
  const outerEcn = outer & ECN_MASK;
  if (outerEcn === Ecn.notEct || outerEcn === Ecn.ect0) return true;
  const inner = trafficClass(bytes, at);
  const innerEcn = inner & ECN_MASK;
  if (innerEcn === Ecn.notEct) return outerEcn !== Ecn.ce;
  if (innerEcn === Ecn.ce || innerEcn === outerEcn) return true;
  setTrafficClass(bytes, at, (inner & ~ECN_MASK) | outerEcn);
  return true;
}

function setTrafficClass(bytes: Uint8Array, at: number, value: number): void {
  if (bytes[at]! >> 4 === 6) {
    bytes[at] = 0x60 | (value >> 4);
    bytes[at + 1] = ((value & 15) << 4) | (bytes[at + 1]! & 15);
    return;
  }
  const old = (bytes[at]! << 8) | bytes[at + 1]!;
  bytes[at + 1] = value;
  const sum = updateChecksum((bytes[at + 10]! << 8) | bytes[at + 11]!, old, (old & 0xff00) | value);
  bytes[at + 10] = sum >> 8;
  bytes[at + 11] = sum & 255;
}
