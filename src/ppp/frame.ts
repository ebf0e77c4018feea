/** PPP frames as L2TP carries them: optional address and control, one or two bytes of protocol. RFC 1661 §2, RFC 1662 §3. */

import { Writer } from '../wire/index.ts';

/** PPP protocol numbers. Others survive as numbers. */
export const Protocol = {
  IPv4: 0x0021,
  IPv6: 0x0057,
  IPCP: 0x8021,
  IPV6CP: 0x8057,
  CCP: 0x80fd,
  ECP: 0x8053,
  BACP: 0xc02b,
  CBCP: 0xc029,
  LCP: 0xc021,
  PAP: 0xc023,
  LQR: 0xc025,
  CHAP: 0xc223,
  EAP: 0xc227,
} as const;

const ALL_STATIONS = 0xff;
const UNNUMBERED_INFORMATION = 0x03;

/** What `readProtocol` gives for bytes that are no PPP frame. No frame can give it: 0 is not a protocol number. */
export const NO_PROTOCOL = 0;

/**
 * Reads the protocol of the frame in `bytes[at, end)` without allocating. Both compressed forms are understood whether
 * they were negotiated or not (RFC 1661 §6.5, §6.6).
 * @returns the protocol number with the length of all that stands before the information in bits 16 and up:
 * take them apart with `protocolOf` and `headerLengthOf`; `NO_PROTOCOL` where there is no valid protocol field
 */
export function readProtocol(bytes: Uint8Array, at: number, end: number): number {
  let from = at;
  if (end - from >= 2 && bytes[from] === ALL_STATIONS && bytes[from + 1] === UNNUMBERED_INFORMATION) from += 2;
  if (from >= end) return NO_PROTOCOL;
  const first = bytes[from]!;
  if ((first & 1) === 1) return ((from + 1 - at) << 16) | first;
  if (from + 1 >= end) return NO_PROTOCOL;
  const second = bytes[from + 1]!;
  if ((second & 1) === 0) return NO_PROTOCOL;
  return ((from + 2 - at) << 16) | (first << 8) | second;
}

export const protocolOf = (read: number): number => read & 0xffff;
/** Bytes before the information field. */
export const headerLengthOf = (read: number): number => read >>> 16;

export interface Frame {
  readonly protocol: number;
  /** A view on the input. */
  readonly information: Uint8Array;
}

/** @returns undefined where there is no valid protocol field */
export function decodeFrame(bytes: Uint8Array): Frame | undefined {
  const read = readProtocol(bytes, 0, bytes.length);
  if (read === NO_PROTOCOL) return undefined;
  return { protocol: protocolOf(read), information: bytes.subarray(headerLengthOf(read)) };
}

/** A frame in full: FF 03 and two bytes of protocol, as LCP must always be sent and every peer takes the rest too. */
export function encodeFrame({ protocol, information }: Frame): Uint8Array {
  const to = new Writer();
  return to.u8(ALL_STATIONS).u8(UNNUMBERED_INFORMATION).u16(protocol).bytes(information).finish();
}
