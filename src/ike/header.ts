/** The ISAKMP header that stands before every message. RFC 2408 §3.1. */

import { bytes, type Infer, struct, u8, u32 } from '../wire/index.ts';

export const HEADER_BYTES = 28;

/** Cookies are 8 bytes each; `length` covers header and body. */
export const IsakmpHeader = struct({
  initiatorCookie: bytes(8),
  responderCookie: bytes(8),
  nextPayload: u8,
  version: u8,
  exchange: u8,
  flags: u8,
  messageId: u32,
  length: u32,
});
export type IsakmpHeader = Infer<typeof IsakmpHeader>;

/** Reads the header of a datagram without looking at its body. @throws Truncated */
export const decodeHeader = (datagram: Uint8Array): IsakmpHeader => IsakmpHeader.decode(datagram, 'ISAKMP header');
