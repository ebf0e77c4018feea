/** TCP maximum segment size clamped in passing SYN segments, in place. RFC 9293 §3.7.1, RFC 1624. */

import { updateChecksum } from './checksum.ts';
import { IPV6_HEADER_BYTES, IpProtocol, ipv4FragmentOffset, ipv4HeaderBytes, ipv4Protocol } from './ipv4.ts';
import { Ipv6Chain } from './ipv6.ts';

const TCP_HEADER_BYTES = 20;
const SYN = 0x02;
const MSS_OPTION = { kind: 2, length: 4 } as const;
const END_OF_OPTIONS = 0;
const NO_OPERATION = 1;

/** How much smaller a segment over IPv6 is than over IPv4 on the same link. */
const IPV6_EXTRA = 20;

const chain = new Ipv6Chain();

/**
 * Lowers the MSS option of a TCP SYN to `mss` and corrects the TCP checksum; everything else is left alone.
 * @param length of the IPv4 or IPv6 packet at `at`, as its header says (already checked against the buffer)
 * @param mss for IPv4, bytes; IPv6 gets 20 less
 * @returns whether something was changed
 */
export function clampMss(bytes: Uint8Array, at: number, length: number, mss: number): boolean {
  if (bytes[at]! >> 4 === 4) {
    if (ipv4Protocol(bytes, at) !== IpProtocol.tcp || ipv4FragmentOffset(bytes, at) !== 0) return false;
    const header = ipv4HeaderBytes(bytes, at);
    return clampSegment(bytes, at + header, length - header, mss);
  }
  if (length < IPV6_HEADER_BYTES || !chain.read(bytes, at, length)) return false;
  if (chain.protocol !== IpProtocol.tcp || chain.isLaterFragment) return false;
  return clampSegment(bytes, at + chain.offset, length - chain.offset, mss - IPV6_EXTRA);
}

function clampSegment(bytes: Uint8Array, tcp: number, length: number, mss: number): boolean {
  if (length < TCP_HEADER_BYTES || (bytes[tcp + 13]! & SYN) === 0) return false;
  const end = tcp + Math.min((bytes[tcp + 12]! >> 4) << 2, length);
  let changed = false;
  for (let i = tcp + TCP_HEADER_BYTES; i < end && bytes[i] !== END_OF_OPTIONS; ) {
    if (bytes[i] === NO_OPERATION) {
      i++;
      continue;
    }
    const optionLength = i + 1 < end ? bytes[i + 1]! : 0;
    if (optionLength < 2 || i + optionLength > end) break;
    if (bytes[i] === MSS_OPTION.kind && optionLength === MSS_OPTION.length) {
      changed = lowerMss(bytes, tcp, i + 2, mss) || changed;
    }
    i += optionLength;
  }
  return changed;
}

function lowerMss(bytes: Uint8Array, tcp: number, at: number, mss: number): boolean {
  const old = (bytes[at]! << 8) | bytes[at + 1]!;
  if (old <= mss) return false;
  const sum = (bytes[tcp + 16]! << 8) | bytes[tcp + 17]!;
  // At an odd place in the segment the value's bytes lie in two words of the sum: exchanged, they add up the same.
  const odd = ((at - tcp) & 1) === 1;
  const updated = odd ? updateChecksum(sum, swap(old), swap(mss)) : updateChecksum(sum, old, mss);
  bytes[at] = mss >> 8;
  bytes[at + 1] = mss & 255;
  bytes[tcp + 16] = updated >> 8;
  bytes[tcp + 17] = updated & 255;
  return true;
}

const swap = (word: number) => ((word & 255) << 8) | (word >> 8);
