/** Netlink messages: the header, a datagram's split into messages, and the kernel's verdicts. linux/netlink.h. */

import { align4, attribute, decodeAttributes, joinBytes, text } from './attributes.ts';

export const MessageType = { error: 2, done: 3 } as const;
export const Flag = {
  request: 0x1,
  multi: 0x2,
  ack: 0x4,
  /** In an answer of type error: attributes follow. */
  ackTlvs: 0x200,
  /** In an answer of type error: the request's payload is left out. */
  capped: 0x100,
  /** Of new… requests. */
  replace: 0x100,
  exclusive: 0x200,
  create: 0x400,
  append: 0x800,
  /** Of get… requests. */
  dump: 0x300,
} as const;

export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly payload: Uint8Array;
}

/** What the kernel said to one request: 0, or an errno and perhaps its own words. */
export interface Verdict {
  readonly errno: number;
  readonly detail?: string;
}

const HEADER_BYTES = 16;

export function encodeMessage(message: NetlinkMessage): Uint8Array {
  const header = new Uint8Array(HEADER_BYTES);
  const view = new DataView(header.buffer);
  view.setUint32(0, HEADER_BYTES + message.payload.length, true);
  view.setUint16(4, message.type, true);
  view.setUint16(6, message.flags, true);
  view.setUint32(8, message.sequence, true);
  return joinBytes([header, message.payload, new Uint8Array(align4(message.payload.length) - message.payload.length)]);
}

/** The messages of one datagram; stops where a length makes no sense. */
export function decodeMessages(datagram: Uint8Array): NetlinkMessage[] {
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.byteLength);
  const messages: NetlinkMessage[] = [];
  for (let at = 0; at + HEADER_BYTES <= datagram.length; ) {
    const length = view.getUint32(at, true);
    if (length < HEADER_BYTES || at + length > datagram.length) break;
    messages.push({
      type: view.getUint16(at + 4, true),
      flags: view.getUint16(at + 6, true),
      sequence: view.getUint32(at + 8, true),
      payload: datagram.slice(at + HEADER_BYTES, at + length),
    });
    at += align4(length);
  }
  return messages;
}

const verdictAttributes = { message: attribute(1, text) };

/** @param message one of type error; its payload is the errno, the request (capped: its header), then attributes */
export function decodeVerdict(message: NetlinkMessage): Verdict {
  const { payload, flags } = message;
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  if (payload.length < 4) return { errno: 0 };
  const errno = -view.getInt32(0, true);
  if ((flags & Flag.ackTlvs) === 0 || payload.length < 4 + HEADER_BYTES) return { errno };
  const requestBytes = (flags & Flag.capped) !== 0 ? HEADER_BYTES : align4(view.getUint32(4, true));
  const detail = decodeAttributes(verdictAttributes, payload.subarray(4 + requestBytes)).message;
  return detail === undefined ? { errno } : { errno, detail };
}
