/** Hiding of AVP values under the tunnel's shared secret. RFC 2661 §4.3. */

import type { Crypto } from '../crypto/index.ts';
import { Malformed, Reader, Writer } from '../wire/index.ts';

const BLOCK_BYTES = 16;

/** What hides and unhides the AVPs of one message. */
export interface Hiding {
  readonly crypto: Crypto;
  readonly secret: Uint8Array;
}

/**
 * @param attribute the AVP's attribute type
 * @param padding random octets that mask the value's length
 * @returns the hidden value: as long as the value, two octets of length and the padding together
 */
export function hide(
  attribute: number,
  value: Uint8Array,
  { crypto, secret }: Hiding,
  randomVector: Uint8Array,
  padding: Uint8Array,
): Uint8Array {
  const hidden = new Writer().u16(value.length).bytes(value).bytes(padding).finish();
  let mask = crypto.hash('md5', attributeBytes(attribute), secret, randomVector);
  for (let at = 0; at < hidden.length; at += BLOCK_BYTES) {
    const block = hidden.subarray(at, at + BLOCK_BYTES);
    exclusiveOr(block, mask);
    mask = crypto.hash('md5', secret, block);
  }
  return hidden;
}

/** @throws Malformed where the length inside does not fit: a wrong secret, as a rule */
export function unhide(
  attribute: number,
  hidden: Uint8Array,
  { crypto, secret }: Hiding,
  randomVector: Uint8Array,
): Uint8Array {
  const clear = hidden.slice();
  let mask = crypto.hash('md5', attributeBytes(attribute), secret, randomVector);
  for (let at = 0; at < hidden.length; at += BLOCK_BYTES) {
    exclusiveOr(clear.subarray(at, at + BLOCK_BYTES), mask);
    mask = crypto.hash('md5', secret, hidden.subarray(at, at + BLOCK_BYTES));
  }
  const from = new Reader(clear, 'hidden AVP');
  const length = from.u16();
  if (length > from.left) throw new Malformed('hidden AVP: the length inside is wrong (another shared secret?)');
  return from.bytes(length);
}

const attributeBytes = (attribute: number) => Uint8Array.of(attribute >> 8, attribute & 0xff);

function exclusiveOr(block: Uint8Array, mask: Uint8Array): void {
  for (let i = 0; i < block.length; i++) block[i]! ^= mask[i]!;
}

/** Random octets behind a value of `length` octets so that the hidden form fills whole blocks. */
export function paddingLength(length: number): number {
  return (BLOCK_BYTES - ((length + 2) % BLOCK_BYTES)) % BLOCK_BYTES;
}

/** A fresh value for a Random Vector AVP has this many octets. */
export const RANDOM_VECTOR_BYTES = 16;
