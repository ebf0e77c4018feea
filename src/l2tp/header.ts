/** The header of every L2TP message, control and data. RFC 2661 §3.1. */

import { Malformed, Reader, Writer } from '../wire/index.ts';

/** Bits of the first two octets; the lowest four hold the version. */
export const Flag = {
  /** T: a control message. */
  type: 0x8000,
  /** L: the Length field is present. */
  length: 0x4000,
  /** S: Ns and Nr are present. */
  sequence: 0x0800,
  /** O: the Offset Size field is present. */
  offset: 0x0200,
  /** P: preferential treatment of a data message. */
  priority: 0x0100,
} as const;

export const VERSION_MASK = 0x000f;
/** The version of L2TPv2's header; 1 is L2F, 3 is L2TPv3. */
export const VERSION = 2;

/** Octets of a control message's header: also the whole of a ZLB. */
export const CONTROL_HEADER_BYTES = 12;

/** A message of either type with what its header said. `payload` is a view on the input. */
export interface L2tpMessage {
  readonly control: boolean;
  readonly priority: boolean;
  /** The Length field, where the L bit was set. */
  readonly length?: number;
  readonly tunnel: number;
  readonly session: number;
  readonly ns?: number;
  readonly nr?: number;
  /** The Offset Size field, where the O bit was set. */
  readonly offset?: number;
  readonly payload: Uint8Array;
}

/** A control message. An empty `body` is a ZLB: an acknowledgement and nothing else. */
export interface ControlMessage {
  readonly tunnel: number;
  readonly session: number;
  readonly ns: number;
  readonly nr: number;
  readonly body: Uint8Array;
}

/** Whether the T bit is set; false for an empty message. */
export function isControl(message: Uint8Array): boolean {
  return ((message[0] ?? 0) & (Flag.type >> 8)) !== 0;
}

/**
 * Reads a message of either type. Octets behind the Length field's end are ignored, reserved bits too.
 * @throws Malformed, Truncated
 */
export function readMessage(message: Uint8Array): L2tpMessage {
  const outer = new Reader(message, 'L2TP header');
  const flags = outer.u16();
  if ((flags & VERSION_MASK) !== VERSION) throw new Malformed(`L2TP version ${flags & VERSION_MASK}`);
  const has = (flag: number) => (flags & flag) !== 0;
  const length = has(Flag.length) ? outer.u16() : undefined;
  const from = length === undefined ? outer : outer.sub(length - outer.offset, 'L2TP message');
  const tunnel = from.u16();
  const session = from.u16();
  const ns = has(Flag.sequence) ? from.u16() : undefined;
  const nr = has(Flag.sequence) ? from.u16() : undefined;
  const offset = has(Flag.offset) ? from.u16() : undefined;
  if (offset !== undefined) from.skip(offset);
  return {
    control: has(Flag.type),
    priority: has(Flag.priority),
    ...(length === undefined ? {} : { length }),
    tunnel,
    session,
    ...(ns === undefined || nr === undefined ? {} : { ns, nr }),
    ...(offset === undefined ? {} : { offset }),
    payload: from.rest(),
  };
}

/** Writes a message of either type. `length` says only whether the L bit is set: the value is computed. */
export function writeMessage(message: L2tpMessage): Uint8Array {
  const to = new Writer();
  const { length, ns, nr, offset } = message;
  const flag = (set: boolean, bit: number) => (set ? bit : 0);
  to.u16(
    flag(message.control, Flag.type) |
      flag(length !== undefined, Flag.length) |
      flag(ns !== undefined, Flag.sequence) |
      flag(offset !== undefined, Flag.offset) |
      flag(message.priority, Flag.priority) |
      VERSION,
  );
  if (length !== undefined) to.u16(0);
  to.u16(message.tunnel).u16(message.session);
  if (ns !== undefined) to.u16(ns).u16(nr ?? 0);
  if (offset !== undefined) to.u16(offset).zeros(offset);
  to.bytes(message.payload);
  if (length !== undefined) to.patchU16(2, to.length);
  return to.finish();
}

/** @throws Malformed where it is no control message or its header is not as a control message's must be */
export function readControlMessage(message: Uint8Array): ControlMessage {
  const { control, length, offset, tunnel, session, ns, nr, payload } = readMessage(message);
  if (!control || length === undefined || ns === undefined || nr === undefined || offset !== undefined) {
    throw new Malformed('a control message needs the T, L and S bits and no O bit');
  }
  return { tunnel, session, ns, nr, body: payload };
}

export function writeControlMessage({ body, ...header }: ControlMessage): Uint8Array {
  return writeMessage({ control: true, priority: false, length: 0, ...header, payload: body });
}
