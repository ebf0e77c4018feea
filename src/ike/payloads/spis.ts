/** The SPIs of a Delete payload. RFC 2408 §3.15, RFC 7296 §3.11. */

import { Malformed, type Reader, type Writer } from '../../wire/index.ts';

/** Most that are read in one payload. */
export const MAX_DELETED_SPIS = 1024;

/** The size of each, how many there are, and all of them. */
export function readSpis(from: Reader): { readonly spiSize: number; readonly spis: readonly Uint8Array[] } {
  const spiSize = from.u8();
  const count = from.u16();
  if (spiSize > 0 && count > MAX_DELETED_SPIS) throw new Malformed(`Delete of ${count} SPIs`);
  const all = from.bytes(spiSize * count);
  // A size of zero would make any count free of charge.
  const spis =
    spiSize === 0 ? [] : Array.from({ length: count }, (_, i) => all.subarray(i * spiSize, (i + 1) * spiSize));
  return { spiSize, spis };
}

export function writeSpis(
  to: Writer,
  { spiSize, spis }: { readonly spiSize: number; readonly spis: readonly Uint8Array[] },
): void {
  to.u8(spiSize).u16(spis.length);
  for (const spi of spis) to.bytes(spi);
}
