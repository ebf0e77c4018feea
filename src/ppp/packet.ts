/** The packet that LCP, the NCPs, PAP and CHAP share, and the option lists inside. RFC 1661 §5, §6. */

import { Malformed, Reader, Writer } from '../wire/index.ts';

/** Codes of LCP; those up to `codeReject` are shared by every NCP. RFC 1661 §5, RFC 1570 §1. */
export const Code = {
  configureRequest: 1,
  configureAck: 2,
  configureNak: 3,
  configureReject: 4,
  terminateRequest: 5,
  terminateAck: 6,
  codeReject: 7,
  protocolReject: 8,
  echoRequest: 9,
  echoReply: 10,
  discardRequest: 11,
  identification: 12,
  timeRemaining: 13,
} as const;

export const PACKET_HEADER_BYTES = 4;

export interface Packet {
  readonly code: number;
  readonly identifier: number;
  readonly data: Uint8Array;
}

/** One configuration option, its value not yet read. */
export interface RawOption {
  readonly type: number;
  readonly data: Uint8Array;
}

const OPTION_HEADER_BYTES = 2;

/**
 * Reads one packet; bytes beyond its length are padding (RFC 1661 §5).
 * @throws Malformed when the length is below 4 or beyond the input
 */
export function decodePacket(bytes: Uint8Array): Packet {
  const from = new Reader(bytes, 'PPP packet');
  const code = from.u8();
  const identifier = from.u8();
  const length = from.u16();
  if (length < PACKET_HEADER_BYTES) throw new Malformed(`PPP packet: length ${length} is below its header`);
  return { code, identifier, data: from.bytes(length - PACKET_HEADER_BYTES) };
}

export function encodePacket({ code, identifier, data }: Packet): Uint8Array {
  const length = data.length + PACKET_HEADER_BYTES;
  return new Writer().u8(code).u8(identifier).u16(length).bytes(data).finish();
}

/** @throws Malformed when an option's length is below 2 or beyond the list */
export function decodeOptions(bytes: Uint8Array): RawOption[] {
  const from = new Reader(bytes, 'configuration options');
  const options: RawOption[] = [];
  while (from.left > 0) {
    const type = from.u8();
    const length = from.u8();
    if (length < OPTION_HEADER_BYTES) throw new Malformed(`option ${type}: length ${length} is below its header`);
    options.push({ type, data: from.bytes(length - OPTION_HEADER_BYTES) });
  }
  return options;
}

export function encodeOptions(options: readonly RawOption[]): Uint8Array {
  const to = new Writer();
  for (const { type, data } of options)
    to.u8(type)
      .u8(data.length + OPTION_HEADER_BYTES)
      .bytes(data);
  return to.finish();
}
