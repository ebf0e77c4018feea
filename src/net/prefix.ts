/** Address prefixes in `address/length` notation. RFC 4632 §3.1, RFC 4291 §2.3. */

import { formatAddress, parseAddress } from './address.ts';

export interface Prefix {
  /** The network's first address, host bits zero: 4 or 16 bytes. */
  readonly address: Uint8Array;
  readonly length: number;
}

/**
 * Reads `10.0.0.0/8` or `2001:db8::/32`; an address alone is a prefix of its full length.
 * @returns undefined for what is no prefix, also where host bits are set (`10.0.0.1/8`)
 */
export function parsePrefix(text: string): Prefix | undefined {
  const [addressText, lengthText, ...more] = text.split('/');
  const address = parseAddress(addressText!);
  if (address === undefined || more.length > 0) return undefined;
  if (lengthText === undefined) return { address, length: address.length * 8 };
  if (!/^(0|[1-9][0-9]{0,2})$/.test(lengthText)) return undefined;
  const length = Number(lengthText);
  if (length > address.length * 8) return undefined;
  for (let bit = length; bit < address.length * 8; bit++) {
    if (address[bit >> 3]! & (0x80 >> (bit & 7))) return undefined;
  }
  return { address, length };
}

export function formatPrefix(prefix: Prefix): string {
  return `${formatAddress(prefix.address)}/${prefix.length}`;
}

/** Whether `address` (4 or 16 bytes) lies in `prefix`. False for the other family. */
export function prefixContains(prefix: Prefix, address: Uint8Array): boolean {
  if (address.length !== prefix.address.length) return false;
  const whole = prefix.length >> 3;
  for (let i = 0; i < whole; i++) if (address[i] !== prefix.address[i]) return false;
  const bits = prefix.length & 7;
  if (bits === 0) return true;
  return ((address[whole]! ^ prefix.address[whole]!) & (0xff00 >> bits) & 255) === 0;
}
