/** SPIs of IKE SAs that we choose. RFC 7296 §2.6. */

import { IKE_SPI_BYTES } from './association.ts';
import type { Context } from './context.ts';

/** An SPI that none of our IKE SAs has. */
export function freshSpi(context: Context): Uint8Array {
  for (;;) {
    const spi = context.random(IKE_SPI_BYTES);
    if (context.isFreeSpi(spi)) return spi;
  }
}
