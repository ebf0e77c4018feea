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
  const bytes = new Uint8Array(4);
  let at = 0;
  for (let part = 0; part < 4; part++) {
    if (part > 0 && text.charCodeAt(at++) !== DOT) return undefined;
    const first = at;
    let byte = 0;
    for (; at - first < 3 && isDigit(text.charCodeAt(at)); at++) byte = byte * 10 + text.charCodeAt(at) - ZERO;
    if (at === first || byte > 255 || (at - first > 1 && text.charCodeAt(first) === ZERO)) return undefined;
    bytes[part] = byte;
  }
  return at === text.length ? bytes : undefined;
}

const DOT = 46;
const ZERO = 48;
/** False for the NaN behind the end of a text. */
const isDigit = (code: number) => code >= ZERO && code <= ZERO + 9;

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
