/** From a byte array to the address of its first byte, at the price of one comparison for the buffer used last. */

import { type Address, addressOf } from '../ffi.ts';

const bases = new WeakMap<ArrayBuffer, Address>();
let lastBytes: Uint8Array | undefined;
let lastAddress: Address = 0;

/**
 * Where `bytes[at]` lies, once `[at, at + length)` is known to lie inside of `bytes`: what native code is given.
 * A buffer never moves; one that was detached has no bytes any more and is refused.
 * @throws RangeError for bytes that are not there; TypeError for memory that threads share
 */
export function addressIn(bytes: Uint8Array, at: number, length: number): Address {
  if (!(at >= 0 && length >= 0 && at + length <= bytes.length)) {
    throw new RangeError(`${length} bytes at ${at} are not inside of ${bytes.length}`);
  }
  if (bytes !== lastBytes) lookUp(bytes);
  return lastAddress + at;
}

function lookUp(bytes: Uint8Array): void {
  const { buffer } = bytes;
  if (!(buffer instanceof ArrayBuffer)) throw new TypeError('packets do not lie in memory that threads share');
  let base = bases.get(buffer);
  if (base === undefined) {
    base = addressOf(buffer);
    bases.set(buffer, base);
  }
  lastBytes = bytes;
  lastAddress = base + bytes.byteOffset;
}
