/** Packets of an AEAD that are worked on with one crossing, by OpenSSL or by code of our own. RFC 4106 §4 and §5. */

import type { Address } from '../ffi.ts';

/** In front of the IV, in the nonce. */
export const SALT_BYTES = 4;
/** SPI, high and low half of the sequence number: what is authenticated in place of the header. RFC 4106 §5. */
export const EXTENDED_BYTES = 12;

/** For one cipher and direction, and all SAs of the thread. */
export interface AeadBatch {
  /**
   * Lays out one more packet, of at most `BATCH_PACKETS`: `dataBytes` behind its IV, then the tag.
   * @param salted whose salt it is
   * @param context of the SA's key
   * @param view where the packet's header and IV stand at `at`, which is `packet` for native code
   * @param target where what comes out goes
   * @param high half of the sequence number, or `NOT_EXTENDED`
   */
  add(
    salted: Salted,
    context: Address,
    view: DataView,
    at: number,
    packet: Address,
    target: Address,
    dataBytes: number,
    high: number,
  ): void;
  /** Does all that was added. @returns how many packets went through before one that is refused, or does not verify */
  run(): number;
  discard(): void;
  /** A context that is freed may come again as another's. */
  forget(context: Address): void;
}

export interface Salted {
  /** Copies the salt. */
  copyRest(to: Uint8Array): void;
}
