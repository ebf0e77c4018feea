/** The prefixes that cover a range of IPv4 addresses exactly: what routes and NAT rules are written in. */

import { formatIpv4Number, parseIpv4Number } from './address.ts';

/**
 * @param range `first-last`, one address, or a prefix, which comes back alone
 * @throws RangeError for what does not read
 */
export function rangePrefixes(range: string): string[] {
  if (range.includes('/')) return [range];
  const [firstText, lastText = firstText] = range.split('-').map((part) => part.trim());
  let first = parseIpv4Number(firstText ?? '');
  const last = parseIpv4Number(lastText ?? '');
  if (first === undefined || last === undefined || first > last)
    throw new RangeError(`${range} is no range of IPv4 addresses`);
  const prefixes: string[] = [];
  while (first <= last) {
    // The largest aligned block that begins at `first` and does not go past `last`.
    let size = 1;
    while (first % (size * 2) === 0 && first + size * 2 - 1 <= last && size < 2 ** 31) size *= 2;
    prefixes.push(`${formatIpv4Number(first)}/${32 - Math.log2(size)}`);
    first += size;
  }
  return prefixes;
}
