/** IP addresses between their text and their bytes. RFC 5952 for the text of IPv6. */

/** 4 or 16 bytes; undefined for text that is no address. An IPv6 zone is not part of an address. */
export function addressBytes(text: string): Uint8Array | undefined {
  return text.includes(':') ? ipv6Bytes(text) : ipv4Bytes(text);
}

/** Canonical text of 4 or 16 bytes; undefined for any other number. */
export function addressText(bytes: Uint8Array): string | undefined {
  if (bytes.length === 4) return bytes.join('.');
  return bytes.length === 16 ? ipv6Text(bytes) : undefined;
}

function ipv4Bytes(text: string): Uint8Array | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255))
    return undefined;
  return Uint8Array.from(parts, Number);
}

function ipv6Bytes(text: string): Uint8Array | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map((half) => (half === '' ? [] : hextets(half)));
  if (head === undefined || (halves.length === 2 && tail === undefined)) return undefined;
  const left = 8 - head.length - (tail?.length ?? 0);
  if (halves.length === 2 ? left < 1 : left !== 0) return undefined;
  const words = [...head, ...new Array<number>(Math.max(left, 0)).fill(0), ...(tail ?? [])];
  return Uint8Array.from(words.flatMap((word) => [word >>> 8, word & 0xff]));
}

/** The 16-bit words of one side of `::`; a dotted IPv4 address may end it. */
function hextets(half: string): number[] | undefined {
  const parts = half.split(':');
  const words: number[] = [];
  for (const [i, part] of parts.entries()) {
    const v4 = i === parts.length - 1 && part.includes('.') ? ipv4Bytes(part) : undefined;
    if (v4 !== undefined) words.push(v4[0]! * 256 + v4[1]!, v4[2]! * 256 + v4[3]!);
    else if (/^[0-9a-fA-F]{1,4}$/.test(part)) words.push(Number.parseInt(part, 16));
    else return undefined;
  }
  return words;
}

function ipv6Text(bytes: Uint8Array): string {
  const words = Array.from({ length: 8 }, (_, i) => bytes[2 * i]! * 256 + bytes[2 * i + 1]!);
  let run = { at: 0, length: 1 };
  for (let at = 0; at < 8; at++) {
    let length = 0;
    while (words[at + length] === 0) length++;
    if (length > run.length) run = { at, length };
  }
  const hex = words.map((word) => word.toString(16));
  if (run.length < 2) return hex.join(':');
  return `${hex.slice(0, run.at).join(':')}::${hex.slice(run.at + run.length).join(':')}`;
}
