/** The SPIs that we choose for what we receive in ESP. RFC 4303 §2.1. */

import { FIRST_FREE_SPI } from './choose.ts';

/** Data planes of several workers tell them by these bits of the SPI: a successor is to be its predecessor's worker's. */
const WORKER_BITS = 7;

interface Spis {
  random(length: number): Uint8Array;
  readonly childByInboundSpi: ReadonlyMap<number, unknown>;
  readonly config: { spiInUse(spi: number): boolean };
}

/**
 * A free one.
 * @param sa that the child SA will belong to: the last bits are those of the children that it has
 */
export function allocateSpi(
  context: Spis,
  sa?: { readonly children: { values(): Iterable<{ readonly inboundSpi: number }> } },
): number {
  const [before] = sa?.children.values() ?? [];
  for (;;) {
    const bytes = context.random(4);
    if (before !== undefined) bytes[3] = (bytes[3]! & ~WORKER_BITS) | (before.inboundSpi & WORKER_BITS);
    const spi = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
    if (spi >= FIRST_FREE_SPI && !context.childByInboundSpi.has(spi) && !context.config.spiInUse(spi)) return spi;
  }
}
