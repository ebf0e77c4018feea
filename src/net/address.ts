/** IPv4 and IPv6 addresses between text and bytes, strictly read and canonically written. RFC 4291 §2.2, RFC 5952. */

/** 4 bytes, or undefined unless `text` is four decimal numbers of 0 to 255 without leading zeros. */
export function parseIpv4(text: string): Uint8Array | undefined {
  const value = parseIpv4Number(text);
  return value === undefined ? undefined : ipv4Bytes(value);
}

/** The address as an unsigned 32-bit number, or undefined as `parseIpv4`. */
export function parseIpv4Number(text: string): number | undefined {
  let value = 0;
  let at = 0;
  for (let part = 0; part < 4; part++) {
    if (part > 0 && text.charCodeAt(at++) !== DOT) return undefined;
    const first = at;
    let byte = 0;
    for (; at - first < 3 && isDigit(text.charCodeAt(at)); at++) byte = byte * 10 + text.charCodeAt(at) - ZERO;
    const hasLeadingZero = at - first > 1 && text.charCodeAt(first) === ZERO;
    if (at === first || byte > 255 || hasLeadingZero) return undefined;
    value = value * 256 + byte;
  }
  return at === text.length ? value : undefined;
}

const DOT = 46;
const ZERO = 48;
/** False for the NaN behind the end of a text. */
const isDigit = (code: number) => code >= ZERO && code <= ZERO + 9;

export function ipv4Bytes(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255);
}

export function formatIpv4(bytes: Uint8Array, at = 0): string {
  return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`;
}

/** @param value unsigned or signed 32-bit number */
export function formatIpv4Number(value: number): string {
  return `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`;
}

/** 16 bytes, or undefined unless `text` is RFC 4291 §2.2 form 1, 2 or 3. Zones (`%eth0`) are refused. */
export function parseIpv6(text: string): Uint8Array | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const isLast = halves.length - 1;
  const head = parseGroups(halves[0]!, isLast === 0);
  if (head === undefined) return undefined;
  if (halves.length === 1) return head.length === 16 ? Uint8Array.from(head) : undefined;
  const tail = parseGroups(halves[1]!, true);
  if (tail === undefined || head.length + tail.length > 14) return undefined;
  const bytes = new Uint8Array(16);
  bytes.set(head);
  bytes.set(tail, 16 - tail.length);
  return bytes;
}

/** RFC 5952 text: lower case, no leading zeros, the first longest run of two or more zero groups as `::`. */
export function formatIpv6(bytes: Uint8Array, at = 0): string {
  const groups = Array.from({ length: 8 }, (_, i) => (bytes[at + 2 * i]! << 8) | bytes[at + 2 * i + 1]!);
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    return `::ffff:${formatIpv4(bytes, at + 12)}`;
  }
  const { from, length } = longestZeroRun(groups);
  const hex = groups.map((group) => group.toString(16));
  if (length < 2) return hex.join(':');
  return `${hex.slice(0, from).join(':')}::${hex.slice(from + length).join(':')}`;
}

/** 4 or 16 bytes, or undefined for what is no address. */
export function parseAddress(text: string): Uint8Array | undefined {
  return text.includes(':') ? parseIpv6(text) : parseIpv4(text);
}

/** Canonical text of 4 or 16 bytes. @throws RangeError for another length */
export function formatAddress(bytes: Uint8Array): string {
  if (bytes.length === 4) return formatIpv4(bytes);
  if (bytes.length === 16) return formatIpv6(bytes);
  throw new RangeError(`an address has 4 or 16 bytes, not ${bytes.length}`);
}

/** The one text form of an address, or undefined for what is no address. */
export function canonicalAddress(text: string): string | undefined {
  const bytes = parseAddress(text);
  return bytes && formatAddress(bytes);
}

function parseGroups(text: string, mayEndInIpv4: boolean): number[] | undefined {
  const bytes: number[] = [];
  if (text === '') return bytes;
  const groups = text.split(':');
  if (groups.length > 8) return undefined;
  for (const [i, group] of groups.entries()) {
    if (group.includes('.')) {
      const dotted = mayEndInIpv4 && i === groups.length - 1 ? parseIpv4(group) : undefined;
      if (dotted === undefined) return undefined;
      bytes.push(...dotted);
    } else {
      if (!/^[0-9a-fA-F]{1,4}$/.test(group)) return undefined;
      const value = Number.parseInt(group, 16);
      bytes.push(value >> 8, value & 255);
    }
  }
  return bytes;
}

function longestZeroRun(groups: readonly number[]): { from: number; length: number } {
  let best = { from: 0, length: 0 };
  let length = 0;
  for (const [i, group] of groups.entries()) {
    length = group === 0 ? length + 1 : 0;
    if (length > best.length) best = { from: i - length + 1, length };
  }
  return best;
}
