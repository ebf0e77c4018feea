/** IP-Address: which address each end uses. RFC 1332 §3.3. */

import type { Codec } from '../../wire/index.ts';
import type { IpcpContext } from '../ipcp.ts';
import type { Option } from './option.ts';

/** "Give me one", or "none known". */
export const UNSPECIFIED = '0.0.0.0';

/** Dotted text in four bytes. Other text is a programming error and throws `RangeError`. */
export const ipv4: Codec<string> = {
  read: (from) => from.bytes(4).join('.'),
  write: (to, value) => {
    if (!isIpv4(value)) throw new RangeError('not a dotted IPv4 address');
    to.bytes(Uint8Array.from(value.split('.'), Number));
  },
};

export const ipAddress: Option<IpcpContext, string> = {
  type: 3,
  name: 'addr',
  codec: ipv4,
  text: String,
  request: ({ localAddress, assigned }) => localAddress ?? assigned,
  naked: (context, suggested) => {
    // An address that was configured here is not given up.
    if (context.localAddress === undefined && isHost(suggested)) context.assigned = suggested;
  },
  rejected: (context) => {
    if (context.localAddress === undefined) context.failure = noAddress('The peer refused to assign an address.');
  },
  judge: ({ peerAddress }, asked) => {
    if (peerAddress !== undefined) return asked === peerAddress ? 'ack' : { nak: peerAddress };
    return isHost(asked) ? 'ack' : 'reject';
  },
  missing: ({ peerAddress }) => peerAddress,
};

export const noAddress = (reason: string) => ({
  code: 'ipcp-no-address',
  reason,
  remedy: 'Check the address pool of the server and the address settings of the peer.',
});

export function isIpv4(text: string): boolean {
  const parts = text.split('.');
  return parts.length === 4 && parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255);
}

/** Whether one end of a link may have this address: not 0/8, not loopback, not multicast or above. */
function isHost(address: string): boolean {
  const first = Number(address.slice(0, address.indexOf('.')));
  return first > 0 && first !== 127 && first < 224;
}
