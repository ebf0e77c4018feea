/** The EAP packet and the Nak's list of types. RFC 3748 §4, §5.3. */

import { concat, Malformed, Reader, struct, u8, u16, Writer } from '../wire/index.ts';
import { type EapType, eapType, ietf } from './type.ts';

export const EapCode = { Request: 1, Response: 2, Success: 3, Failure: 4 } as const;

/** RFC 3748 §4: what every packet begins with. */
export const EapHeader = struct({ code: u8, identifier: u8, length: u16 });

export const EAP_HEADER_BYTES = 4;
const TYPE_BYTES = 1;
/** Bytes that a method has in a packet of `packetBytes`. */
export const dataRoom = (packetBytes: number): number => packetBytes - EAP_HEADER_BYTES - TYPE_BYTES;
/** Types listed in one Nak that are read; a peer has no use for more. */
export const MOST_NAK_TYPES = 64;

export interface EapPacket {
  readonly code: number;
  readonly identifier: number;
  /** Present exactly in Request and Response. */
  readonly type?: EapType;
  /** Type-Data; empty in Success and Failure. */
  readonly data: Uint8Array;
}

/**
 * Reads a packet; bytes beyond its length are padding of the layer below (RFC 3748 §4.1).
 * @returns data as a view on the input
 * @throws Malformed for an unknown code, and for a length that is beyond the input or does not hold what the code needs
 */
export function decodeEap(bytes: Uint8Array): EapPacket {
  const from = new Reader(bytes, 'EAP packet');
  const { code, identifier, length } = EapHeader.read(from);
  if (length < EAP_HEADER_BYTES) throw new Malformed(`EAP packet: length ${length} is below its header`);
  const body = from.sub(length - EAP_HEADER_BYTES);
  switch (code) {
    case EapCode.Request:
    case EapCode.Response:
      return { code, identifier, type: eapType.read(body), data: body.rest() };
    case EapCode.Success:
    case EapCode.Failure:
      if (body.left > 0) throw new Malformed('EAP packet: Success and Failure hold no data');
      return { code, identifier, data: body.rest() };
    default:
      throw new Malformed(`EAP packet: code ${code} is unknown`);
  }
}

/** @throws RangeError for what does not fit into a length of 16 bits: a fault of ours */
export function encodeEap({ code, identifier, type, data }: EapPacket): Uint8Array {
  const body = new Writer(data.length + 8);
  if (type !== undefined) eapType.write(body, type);
  const bytes = concat(body.finish(), data);
  const length = bytes.length + EAP_HEADER_BYTES;
  if (length > 0xffff) throw new RangeError(`an EAP packet of ${length} bytes`);
  return concat(EapHeader.encode({ code, identifier, length }), bytes);
}

/** What a Nak asks for instead, most wanted first; empty where the peer knows no other method. */
export function readNak({ type, data }: EapPacket): EapType[] {
  if (type?.expanded === true) {
    const from = new Reader(data, 'EAP Expanded Nak');
    const types: EapType[] = [];
    while (from.left > 0 && types.length < MOST_NAK_TYPES) types.push(eapType.read(from));
    return types.filter(isMethod);
  }
  return Array.from(data.subarray(0, MOST_NAK_TYPES), ietf).filter(isMethod);
}

/** The Type-Data of a Nak; a list that is empty says "no other" with a zero. */
export function writeNak(wanted: readonly EapType[], expanded: boolean): Uint8Array {
  const to = new Writer(32);
  const types = wanted.length === 0 ? [ietf(0)] : wanted;
  for (const type of types) {
    if (expanded) eapType.write(to, { ...type, expanded: true });
    else if (type.vendor === 0) to.u8(type.type);
  }
  return to.finish();
}

/** Types up to 3 are no methods, and zero is nothing. */
const isMethod = ({ vendor, type }: EapType) => vendor !== 0 || type > 3;
