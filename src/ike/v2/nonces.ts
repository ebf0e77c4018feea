/** Nonces, and which of two exchanges that collided is the one to give way. RFC 7296 §2.8.1, §2.10. */

/** RFC 7296 §3.9. */
const SHORTEST = 16;
const LONGEST = 256;
/** At least half the key size of any PRF. RFC 7296 §2.10. */
export const NONCE_BYTES = 32;

export const isNonceLength = ({ length }: Uint8Array): boolean => length >= SHORTEST && length <= LONGEST;

/** Octet by octet; where one ends it is the lower one. */
export function isLower(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < a.length && i < b.length; i++) if (a[i] !== b[i]) return a[i]! < b[i]!;
  return a.length < b.length;
}

export const lowest = (a: Uint8Array, b: Uint8Array): Uint8Array => (isLower(a, b) ? a : b);
