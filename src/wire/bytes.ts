/** Small pure operations on byte strings. */

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const HEX_DIGITS = '0123456789abcdef';
/** What `toHex` turns into text at a time. */
const HEX_BYTES = 256;

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const joined = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** Equality of public values. For secrets and authenticators use `Crypto.equal`, which takes constant time. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

export function toHex(bytes: Uint8Array): string {
  // Made of character codes, the text is one string in memory; added up it would be a chain of them.
  if (bytes.length <= HEX_BYTES) return String.fromCharCode.apply(undefined, hexCodes(bytes));
  let hex = '';
  for (let at = 0; at < bytes.length; at += HEX_BYTES) hex += toHex(bytes.subarray(at, at + HEX_BYTES));
  return hex;
}

/** @throws RangeError when `hex` is not an even number of hexadecimal digits (white space is ignored) */
export function fromHex(hex: string): Uint8Array {
  const digits = hex.replace(/\s+/g, '');
  if (digits.length % 2 !== 0 || /[^0-9a-fA-F]/.test(digits)) throw new RangeError('not a hexadecimal string');
  return Uint8Array.from({ length: digits.length / 2 }, (_, i) => Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16));
}

export const utf8 = (text: string): Uint8Array => encoder.encode(text);
export const fromUtf8 = (bytes: Uint8Array): string => decoder.decode(bytes);

/** Text of a peer made safe to print: control characters and invalid UTF-8 are escaped, long text is cut. */
export function printable(bytes: Uint8Array, most = 128): string {
  const text = fromUtf8(bytes.length > most ? bytes.subarray(0, most) : bytes);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  const safe = text.replace(/[\u0000-\u001f\u007f-\u009f\ufffd\u2028\u2029]/g, (c) => {
    return `\\x${c.codePointAt(0)!.toString(16).padStart(2, '0')}`;
  });
  return bytes.length > most ? `${safe}…` : safe;
}

function hexCodes(bytes: Uint8Array): number[] {
  const codes: number[] = [];
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!;
    codes.push(HEX_DIGITS.charCodeAt(byte >> 4), HEX_DIGITS.charCodeAt(byte & 15));
  }
  return codes;
}
