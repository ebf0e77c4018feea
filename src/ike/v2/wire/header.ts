/** The IKE header that stands before every message. RFC 7296 §3.1. */

import { bytes, type Infer, struct, u8, u32 } from '../../../wire/index.ts';
import { HeaderFlag, IKEV2_VERSION } from '../payloads/index.ts';

export const HEADER_BYTES = 28;
export const IKE_SPI_BYTES = 8;

/** SPIs are 8 bytes each; `length` covers header and body. */
export const IkeHeader = struct({
  initiatorSpi: bytes(IKE_SPI_BYTES),
  responderSpi: bytes(IKE_SPI_BYTES),
  nextPayload: u8,
  version: u8,
  exchange: u8,
  flags: u8,
  messageId: u32,
  length: u32,
});
export type IkeHeader = Infer<typeof IkeHeader>;

/** Reads the header of a datagram without looking at its body. @throws Truncated */
export const decodeHeader = (datagram: Uint8Array): IkeHeader => IkeHeader.decode(datagram, 'IKE header');

/** The major version of a datagram, to hand it to the right core; undefined where it is shorter than a header. */
export const majorVersionOf = (datagram: Uint8Array): number | undefined =>
  datagram.length < HEADER_BYTES ? undefined : datagram[17]! >>> 4;

export const isMajorVersion2 = ({ version }: IkeHeader): boolean => version >>> 4 === IKEV2_VERSION >>> 4;
export const isResponse = ({ flags }: IkeHeader): boolean => (flags & HeaderFlag.response) !== 0;
/** The sender is the original initiator of the IKE SA. */
export const isFromInitiator = ({ flags }: IkeHeader): boolean => (flags & HeaderFlag.initiator) !== 0;
