/** The Notification and Delete payloads. RFC 2408 §3.14 and §3.15, RFC 2407 §4.6.3. */

import { codec, type PayloadOf, payload } from './declare.ts';
import { Doi, NotifyType, PayloadType, ProtocolId } from './numbers.ts';
import { readSpis, writeSpis } from './spis.ts';

export { MAX_DELETED_SPIS } from './spis.ts';

interface NotifyFields {
  readonly doi: number;
  readonly protocol: number;
  readonly notifyType: number;
  /** Both cookies for ISAKMP, 4 bytes for ESP, or empty. */
  readonly spi: Uint8Array;
  readonly data: Uint8Array;
}

export const NotifyPayload = payload(
  'N',
  [PayloadType.N],
  codec<NotifyFields>(
    (from) => {
      const doi = from.u32();
      const protocol = from.u8();
      const spiLength = from.u8();
      const notifyType = from.u16();
      return { doi, protocol, notifyType, spi: from.bytes(spiLength), data: from.rest() };
    },
    (to, { doi, protocol, notifyType, spi, data }) => {
      to.u32(doi).u8(protocol).u8(spi.length).u16(notifyType).bytes(spi).bytes(data);
    },
  ),
  { doi: Doi, protocol: ProtocolId, notifyType: NotifyType },
);
export type NotifyPayload = PayloadOf<typeof NotifyPayload>;

interface DeleteFields {
  readonly doi: number;
  readonly protocol: number;
  /** Bytes of each SPI: 16 for ISAKMP (both cookies), 4 for ESP. */
  readonly spiSize: number;
  readonly spis: readonly Uint8Array[];
}

export const DeletePayload = payload(
  'D',
  [PayloadType.D],
  codec<DeleteFields>(
    (from) => {
      const doi = from.u32();
      return { doi, protocol: from.u8(), ...readSpis(from) };
    },
    (to, { doi, protocol, ...spis }) => writeSpis(to.u32(doi).u8(protocol), spis),
  ),
  { doi: Doi, protocol: ProtocolId },
);
export type DeletePayload = PayloadOf<typeof DeletePayload>;
