/** How a gateway is named in REDIRECT and REDIRECTED_FROM: its kind, its length, itself. RFC 5685 §4, §9. */

import { fromUtf8, utf8 } from '../../../wire/index.ts';
import { addressBytes, addressText } from '../../address.ts';

const GatewayType = { ipv4: 1, ipv6: 2, fqdn: 3 } as const;

export function gatewayIdentity(gateway: string): Uint8Array {
  const address = addressBytes(gateway);
  const bytes = address ?? utf8(gateway);
  const type = address === undefined ? GatewayType.fqdn : address.length === 4 ? GatewayType.ipv4 : GatewayType.ipv6;
  return Uint8Array.of(type, bytes.length, ...bytes);
}

/** @returns undefined for what is no name of a gateway; `rest` is what stands behind it, the nonce of IKE_SA_INIT */
export function readGatewayIdentity(data: Uint8Array): { gateway: string; rest: Uint8Array } | undefined {
  const [type, length = 0] = data;
  const bytes = data.subarray(2, 2 + length);
  if (bytes.length !== length || length === 0) return undefined;
  const gateway = type === GatewayType.fqdn ? nameOf(bytes) : addressText(bytes);
  return gateway === undefined ? undefined : { gateway, rest: data.subarray(2 + length) };
}

function nameOf(bytes: Uint8Array): string | undefined {
  const name = fromUtf8(bytes);
  return /^[A-Za-z0-9.-]{1,253}$/.test(name) ? name : undefined;
}
