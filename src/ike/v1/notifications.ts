/** Notifications that we send, and the lifetimes that they tell. RFC 2408 §3.14, RFC 2407 §4.6.3. */

import { concat, Reader, Writer } from '../../wire/index.ts';
import { all, type PayloadChain } from '../message.ts';
import { readAttributes, writeAttributes } from '../payloads/attribute.ts';
import {
  type Attribute,
  attributeNumber,
  Doi,
  type NotifyPayload,
  NotifyType,
  numberAttribute,
  ProtocolId,
} from '../payloads/index.ts';
import { LifeType, SaAttributeType } from './attributes.ts';
import type { IkeSa } from './ikeSa.ts';

type WithCookies = Pick<IkeSa, 'initiatorCookie' | 'responderCookie'>;

/** A notification about an IKE SA, with both cookies as its SPI. */
export function isakmpNotify(sa: WithCookies, notifyType: number, data: Uint8Array = new Uint8Array(0)): NotifyPayload {
  const spi = concat(sa.initiatorCookie, sa.responderCookie);
  return { kind: 'N', doi: Doi.IPSEC, protocol: ProtocolId.PROTO_ISAKMP, notifyType, spi, data };
}

/** A notification about an ESP SA. */
export function espNotify(notifyType: number, spi: number, data: Uint8Array = new Uint8Array(0)): NotifyPayload {
  const bytes = Uint8Array.of(spi >>> 24, spi >>> 16, spi >>> 8, spi);
  return { kind: 'N', doi: Doi.IPSEC, protocol: ProtocolId.PROTO_IPSEC_ESP, notifyType, spi: bytes, data };
}

/** RESPONDER-LIFETIME for an IKE SA. RFC 2407 §4.6.3.1. */
export const ikeLifetimeNotify = (sa: WithCookies, seconds: number): NotifyPayload =>
  isakmpNotify(sa, NotifyType.RESPONDER_LIFETIME, lifetimeData(seconds));

/** RESPONDER-LIFETIME for the ESP SA that we receive on. */
export const espLifetimeNotify = (spi: number, seconds: number, kilobytes: number | undefined): NotifyPayload =>
  espNotify(NotifyType.RESPONDER_LIFETIME, spi, lifetimeData(seconds, kilobytes));

/** The lifetime that counts: the agreed one, or the smaller one that the responder tells. */
export function toldLifetime(
  chain: PayloadChain,
  agreed: { readonly lifetimeSeconds: number; readonly lifetimeKilobytes?: number },
) {
  let { lifetimeSeconds, lifetimeKilobytes } = agreed;
  for (const { notifyType, data } of all(chain, 'N')) {
    if (notifyType !== NotifyType.RESPONDER_LIFETIME) continue;
    let unit: number | undefined;
    for (const attribute of readAttributes(new Reader(data, 'RESPONDER-LIFETIME'))) {
      const value = attributeNumber(attribute);
      if (attribute.type === SaAttributeType.LifeType) unit = value;
      if (attribute.type !== SaAttributeType.LifeDuration || value === undefined || value === 0) continue;
      if (unit === LifeType.seconds) lifetimeSeconds = Math.min(lifetimeSeconds, value);
      if (unit === LifeType.kilobytes) lifetimeKilobytes = Math.min(lifetimeKilobytes ?? value, value);
    }
  }
  return { lifetimeSeconds, ...(lifetimeKilobytes !== undefined && { lifetimeKilobytes }) };
}

/** The numbers of the types are the same for ESP; an IKE SA's data are read in the same way by common peers. */
function lifetimeData(seconds: number, kilobytes?: number): Uint8Array {
  const attributes: Attribute[] = [
    { type: SaAttributeType.LifeType, value: LifeType.seconds },
    numberAttribute(SaAttributeType.LifeDuration, seconds),
  ];
  if (kilobytes !== undefined) {
    attributes.push(
      { type: SaAttributeType.LifeType, value: LifeType.kilobytes },
      numberAttribute(SaAttributeType.LifeDuration, kilobytes),
    );
  }
  const to = new Writer();
  writeAttributes(to, attributes);
  return to.finish();
}
