/** AVPs as bytes, which the encoder would not write. RFC 2661 §4.1. */

import { Writer } from '../../src/wire/index.ts';

/** @param flags M, H and the reserved bits in their places: 0x8000 is M */
export const rawAvp = (flags: number, vendor: number, attribute: number, value: Uint8Array) =>
  new Writer()
    .u16(flags | (6 + value.length))
    .u16(vendor)
    .u16(attribute)
    .bytes(value)
    .finish();
