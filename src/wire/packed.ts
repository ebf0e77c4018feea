/** Bytes that are kept and seldom read: as flat text of one character each they weigh a fifth of a Uint8Array. */

/** Every character stands for one byte: U+0000 to U+00FF. Equal bytes are equal texts. */
export type Packed = string;

/** What is turned into text at a time: arguments of one call. */
const MOST_AT_ONCE = 4096;

export function pack(bytes: Uint8Array): Packed {
  if (bytes.length <= MOST_AT_ONCE) return String.fromCharCode.apply(undefined, bytes as unknown as number[]);
  let text = '';
  for (let at = 0; at < bytes.length; at += MOST_AT_ONCE) text += pack(bytes.subarray(at, at + MOST_AT_ONCE));
  return text;
}

/** @param from the first byte wanted, up to `to` without it; all unless told */
export function unpack(packed: Packed, from = 0, to = packed.length): Uint8Array {
  const bytes = new Uint8Array(to - from);
  for (let i = 0; i < bytes.length; i++) bytes[i] = packed.charCodeAt(from + i);
  return bytes;
}
