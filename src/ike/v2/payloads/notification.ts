/** The Notify and Delete payloads. RFC 7296 §3.10 and §3.11. */

import { codec, type PayloadOf, payload } from '../../payloads/declare.ts';
import { readSpis, writeSpis } from '../../payloads/spis.ts';
import { NotifyType } from './notifyTypes.ts';
import { PayloadType, ProtocolId } from './numbers.ts';

export { MAX_DELETED_SPIS } from '../../payloads/spis.ts';

interface NotifyFields {
  /** ESP or AH where `spi` names a child SA, else NONE. */
  readonly protocol: number;
  readonly notifyType: number;
  readonly spi: Uint8Array;
  readonly data: Uint8Array;
}

export const NotifyPayload = payload(
  'N',
  [PayloadType.N],
  codec<NotifyFields>(
    (from) => {
      const protocol = from.u8();
      const spiLength = from.u8();
      const notifyType = from.u16();
      return { protocol, notifyType, spi: from.bytes(spiLength), data: from.rest() };
    },
    (to, { protocol, notifyType, spi, data }) => {
      to.u8(protocol).u8(spi.length).u16(notifyType).bytes(spi).bytes(data);
    },
  ),
  { protocol: ProtocolId, notifyType: NotifyType },
);
export type NotifyPayload = PayloadOf<typeof NotifyPayload>;

const NOTHING = new Uint8Array(0);

/** A notification about the IKE SA itself, or about a child SA where `spi` is given (RFC 7296 §3.10). */
export function notify(
  notifyType: number,
  data: Uint8Array = NOTHING,
  about: { readonly protocol: number; readonly spi: Uint8Array } = { protocol: ProtocolId.NONE, spi: NOTHING },
): NotifyPayload {
  return { kind: 'N', ...about, notifyType, data };
}

interface DeleteFields {
  readonly protocol: number;
  /** Bytes of each SPI: 0 for the IKE SA itself, 4 for ESP. */
  readonly spiSize: number;
  readonly spis: readonly Uint8Array[];
}

export const DeletePayload = payload(
  'D',
  [PayloadType.D],
  codec<DeleteFields>(
    (from) => ({ protocol: from.u8(), ...readSpis(from) }),
    (to, { protocol, ...spis }) => writeSpis(to.u8(protocol), spis),
  ),
  { protocol: ProtocolId },
);
export type DeletePayload = PayloadOf<typeof DeletePayload>;

/** The IKE SA in which it travels. */
export const deleteIkeSa: DeletePayload = { kind: 'D', protocol: ProtocolId.IKE, spiSize: 0, spis: [] };

/** Child SAs, by the SPIs on which the sender of this payload receives. */
export const deleteEsp = (spis: readonly Uint8Array[]): DeletePayload => ({
  kind: 'D',
  protocol: ProtocolId.ESP,
  spiSize: 4,
  spis,
});
