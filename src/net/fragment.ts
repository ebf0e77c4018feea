/** IPv4 fragmentation as a router does it. RFC 791 §2.3 and §3.2. */

import { checksum } from './checksum.ts';
import { IPV4_HEADER_BYTES, ipv4HeaderBytes } from './ipv4.ts';

const MORE_FRAGMENTS = 0x20;
const COPIED = 0x80;
const END_OF_OPTIONS = 0;
const NO_OPERATION = 1;

/** How many fragments of at most `mtu` bytes the IPv4 packet of `length` bytes gives. `mtu` is 68 or more. */
export function fragmentCount(bytes: Uint8Array, at: number, length: number, mtu: number): number {
  if (length <= mtu) return 1;
  const header = ipv4HeaderBytes(bytes, at);
  return Math.ceil((length - header) / chunkBytes(header, mtu));
}

/**
 * Writes fragment `index` (from 0) of the IPv4 packet at `at`.
 * @param to needs `mtu` bytes at `toAt` and must not overlap the packet
 * @returns bytes written
 */
export function writeFragment(
  to: Uint8Array,
  toAt: number,
  bytes: Uint8Array,
  at: number,
  length: number,
  mtu: number,
  index: number,
): number {
  const header = ipv4HeaderBytes(bytes, at);
  const chunk = chunkBytes(header, mtu);
  const from = index * chunk;
  const data = Math.min(chunk, length - header - from);
  const isLast = from + data === length - header;
  for (let i = 0; i < IPV4_HEADER_BYTES; i++) to[toAt + i] = bytes[at + i]!;
  const newHeader = IPV4_HEADER_BYTES + copyOptions(to, toAt + IPV4_HEADER_BYTES, bytes, at, header, index > 0);
  const total = newHeader + data;
  const flags = bytes[at + 6]!;
  const offset = (((flags & 0x1f) << 8) | bytes[at + 7]!) + (from >> 3);
  to[toAt] = 0x40 | (newHeader >> 2);
  put16(to, toAt + 2, total);
  put16(to, toAt + 6, (((flags & 0xe0) | (isLast ? 0 : MORE_FRAGMENTS)) << 8) | offset);
  put16(to, toAt + 10, 0);
  put16(to, toAt + 10, checksum(to, toAt, newHeader));
  const dataAt = at + header + from;
  to.set(bytes.subarray(dataAt, dataAt + data), toAt + newHeader);
  return total;
}

/** Fragments but the last carry a multiple of 8 bytes. Reckoned with the whole header, which the first one has. */
function chunkBytes(header: number, mtu: number): number {
  return (mtu - header) & ~7;
}

/** Options as they are in the first fragment; in later ones those with the copied flag, padded to 4 bytes. */
function copyOptions(
  to: Uint8Array,
  toAt: number,
  bytes: Uint8Array,
  at: number,
  header: number,
  onlyCopied: boolean,
): number {
  let written = 0;
  for (let i = IPV4_HEADER_BYTES; i < header; ) {
    const kind = bytes[at + i]!;
    if (kind === END_OF_OPTIONS && onlyCopied) break;
    const single = kind === END_OF_OPTIONS || kind === NO_OPERATION;
    const optionLength = single || i + 1 >= header ? 1 : bytes[at + i + 1]!;
    const malformed = optionLength < 1 || (!single && optionLength < 2) || i + optionLength > header;
    const step = malformed ? header - i : optionLength;
    if (!onlyCopied || (!malformed && (kind & COPIED) !== 0)) {
      for (let k = 0; k < step; k++) to[toAt + written + k] = bytes[at + i + k]!;
      written += step;
    }
    i += step;
  }
  while (written & 3) to[toAt + written++] = END_OF_OPTIONS;
  return written;
}

function put16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >> 8;
  bytes[at + 1] = value & 255;
}
