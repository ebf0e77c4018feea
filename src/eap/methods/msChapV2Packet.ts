/** What stands in the Type-Data of EAP-MSCHAPv2. draft-kamath-pppext-eap-mschapv2-02 §2. */

import { bytes, Malformed, Reader, struct, u8, u16, Writer } from '../../wire/index.ts';

export const OpCode = { Challenge: 1, Response: 2, Success: 3, Failure: 4, ChangePassword: 7 } as const;

/** MS-Length counts from the OpCode on. */
const Header = struct({ opCode: u8, identifier: u8, length: u16 });
const HEADER_BYTES = 4;

export interface MsChapV2Packet {
  readonly opCode: number;
  /** MS-CHAPv2-ID; absent in the answers to Success and Failure, which are their OpCode alone. */
  readonly identifier?: number;
  readonly data: Uint8Array;
}

/**
 * @returns data as a view on the input
 * @throws Malformed for a length that does not fit
 */
export function decodeMsChapV2(input: Uint8Array): MsChapV2Packet {
  const from = new Reader(input, 'EAP-MSCHAPv2');
  const [opCode] = input;
  const bare = opCode === OpCode.Success || opCode === OpCode.Failure;
  if (bare && input.length < HEADER_BYTES) return { opCode, data: new Uint8Array(0) };
  const { identifier, length } = Header.read(from);
  // Some peers count wrongly; what counts is what is there, as long as it is not more than they say.
  if (length < HEADER_BYTES || length > input.length) {
    throw new Malformed(`EAP-MSCHAPv2: MS-Length ${length} for ${input.length} bytes`);
  }
  return { opCode: opCode!, identifier, data: from.bytes(length - HEADER_BYTES) };
}

export function encodeMsChapV2({ opCode, identifier, data }: MsChapV2Packet): Uint8Array {
  if (identifier === undefined) return Uint8Array.of(opCode);
  const to = new Writer(data.length + HEADER_BYTES);
  Header.write(to, { opCode, identifier: identifier & 0xff, length: data.length + HEADER_BYTES });
  return to.bytes(data).finish();
}

/** Value-Size, Value and Name of Challenge and Response. @throws Malformed for a value of another length */
export function readValue(data: Uint8Array, length: number): { value: Uint8Array; name: Uint8Array } {
  const from = new Reader(data, 'EAP-MSCHAPv2 value');
  const size = from.u8();
  if (size !== length) throw new Malformed(`EAP-MSCHAPv2: a value of ${size} bytes instead of ${length}`);
  return { value: bytes(length).read(from).slice(), name: from.rest().slice() };
}

export const writeValue = (value: Uint8Array, name: Uint8Array): Uint8Array =>
  new Writer(64).u8(value.length).bytes(value).bytes(name).finish();
