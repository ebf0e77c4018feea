/**
 * Data messages for the data plane: no object is made per packet. RFC 2661 §3.1.
 * `header.ts` is the declarative twin that must agree with this file on every input.
 */

import { Flag, VERSION, VERSION_MASK, writeMessage } from './header.ts';

/** What `readDataHeader` fills in; make one and use it for every packet. Offsets count from the buffer's start. */
export interface DataHeader {
  tunnel: number;
  session: number;
  /** -1 where the S bit is not set. */
  ns: number;
  nr: number;
  priority: boolean;
  /** Where the PPP frame starts and ends. */
  frameStart: number;
  frameEnd: number;
}

export function newDataHeader(): DataHeader {
  return { tunnel: 0, session: 0, ns: -1, nr: -1, priority: false, frameStart: 0, frameEnd: 0 };
}

/** Most octets that `writeDataHeader` writes. */
export const MAXIMUM_DATA_HEADER_BYTES = 12;

/**
 * Reads the header of the data message in `buffer[at, end)`.
 * @returns false for a control message, another version, or a header that does not fit; `into` is then undefined
 */
export function readDataHeader(buffer: Uint8Array, at: number, end: number, into: DataHeader): boolean {
  if (end - at < 6) return false;
  const flags = (buffer[at]! << 8) | buffer[at + 1]!;
  if ((flags & (Flag.type | VERSION_MASK)) !== VERSION) return false;
  let next = at + 2;
  let last = end;
  if (flags & Flag.length) {
    const length = (buffer[next]! << 8) | buffer[next + 1]!;
    last = at + length;
    next += 2;
    if (last > end) return false;
  }
  const fixed = flags & Flag.sequence ? 8 : 4;
  if (last - next < fixed) return false;
  into.tunnel = (buffer[next]! << 8) | buffer[next + 1]!;
  into.session = (buffer[next + 2]! << 8) | buffer[next + 3]!;
  if (flags & Flag.sequence) {
    into.ns = (buffer[next + 4]! << 8) | buffer[next + 5]!;
    into.nr = (buffer[next + 6]! << 8) | buffer[next + 7]!;
  } else {
    into.ns = -1;
    into.nr = -1;
  }
  next += fixed;
  if (flags & Flag.offset) {
    if (last - next < 2) return false;
    next += 2 + ((buffer[next]! << 8) | buffer[next + 1]!);
    if (next > last) return false;
  }
  into.priority = (flags & Flag.priority) !== 0;
  into.frameStart = next;
  into.frameEnd = last;
  return true;
}

/** Octets that `writeDataHeader` writes with these choices: 6, 8, 10 or 12. */
export function dataHeaderBytes(sequencing: boolean, lengthBit: boolean): number {
  return 6 + (sequencing ? 4 : 0) + (lengthBit ? 2 : 0);
}

/**
 * Writes the header of a data message at `buffer[at]`.
 * @param ns sequence number, or -1 for none; Nr is then left out too, else it is 0 (reserved)
 * @param frameLength octets of the PPP frame that follows, for the Length field, or -1 for no Length field
 * @returns octets written
 */
export function writeDataHeader(
  buffer: Uint8Array,
  at: number,
  tunnel: number,
  session: number,
  ns: number,
  frameLength: number,
): number {
  let next = at + 2;
  let flags = VERSION;
  if (frameLength >= 0) {
    flags |= Flag.length;
    const length = frameLength + (ns >= 0 ? 12 : 8);
    buffer[next] = length >> 8;
    buffer[next + 1] = length;
    next += 2;
  }
  buffer[next] = tunnel >> 8;
  buffer[next + 1] = tunnel;
  buffer[next + 2] = session >> 8;
  buffer[next + 3] = session;
  next += 4;
  if (ns >= 0) {
    flags |= Flag.sequence;
    buffer[next] = ns >> 8;
    buffer[next + 1] = ns;
    buffer[next + 2] = 0;
    buffer[next + 3] = 0;
    next += 4;
  }
  buffer[at] = flags >> 8;
  buffer[at + 1] = flags;
  return next - at;
}

/** A whole data message. For single frames; the data plane writes headers in place. */
export function encodeData(message: {
  readonly tunnel: number;
  readonly session: number;
  readonly ns?: number;
  readonly nr?: number;
  /** Whether the L bit is set. */
  readonly length?: boolean;
  readonly offset?: number;
  readonly priority?: boolean;
  readonly frame: Uint8Array;
}): Uint8Array {
  const { tunnel, session, ns, nr, length, offset, priority, frame } = message;
  return writeMessage({
    control: false,
    priority: priority === true,
    ...(length ? { length: 0 } : {}),
    tunnel,
    session,
    ...(ns === undefined ? {} : { ns, nr: nr ?? 0 }),
    ...(offset === undefined ? {} : { offset }),
    payload: frame,
  });
}
