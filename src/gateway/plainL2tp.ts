/** Who may set up L2TP without IPsec: where it is allowed at all, with a tunnel request, within bounds. */

import type { Endpoint } from '../core/index.ts';
import type { ChannelId, ChannelRecord } from '../dataplane/messages.ts';
import { toDataPlane } from '../session/output.ts';
import type { ConnectionTable } from './connectionTable.ts';
import type { GatewayOutput } from './output.ts';

/** What refuses a message of a tunnel that is not there. */
export const UNKNOWN_TUNNEL = { code: 'unknown-tunnel', reason: 'An L2TP message of no known tunnel.' };

export interface PlainL2tpRules {
  /** Whether L2TP without IPsec is served at this local address. */
  plainL2tp(localAddress: string): boolean;
  /** Connections without IPsec that may stand at once, from all and from one source address. */
  readonly mostPlain: number;
  readonly mostPlainPerSource: number;
}

/** Why a message is refused; undefined where it may begin a connection. */
export function refusalOfPlain(
  rules: PlainL2tpRules,
  connections: ConnectionTable,
  { local, remote, bytes }: { readonly local: Endpoint; readonly remote: Endpoint; readonly bytes: Uint8Array },
  draining: boolean,
): { readonly code: string; readonly reason: string } | undefined {
  if (!rules.plainL2tp(local.address)) return IPSEC_REQUIRED;
  if (draining || !isTunnelRequest(bytes)) return UNKNOWN_TUNNEL;
  const full = connections.plain >= rules.mostPlain || connections.plainFrom(remote) >= rules.mostPlainPerSource;
  return full ? TOO_MANY : undefined;
}

/** One L2TP message without IPsec to a peer that has no connection. */
export function sentOnce(channel: ChannelId, local: Endpoint, remote: Endpoint, bytes: Uint8Array): GatewayOutput[] {
  const record: ChannelRecord = {
    channel,
    protection: 'none',
    local,
    remote,
    localL2tpPort: local.port,
    remoteL2tpPort: remote.port,
  };
  return [
    toDataPlane({ type: 'openChannel', record }),
    toDataPlane({ type: 'sendL2tp', channel, bytes }),
    toDataPlane({ type: 'closeChannel', channel }),
  ];
}

const IPSEC_REQUIRED = {
  code: 'ipsec-required',
  reason: 'L2TP without IPsec is refused: this listener does not allow it (l2tp.without_ipsec).',
};
const TOO_MANY = { code: 'too-many-tunnels', reason: 'Too many connections without IPsec.' };

/** The first control message of a tunnel: T, L and S set, version 2, tunnel id 0 (RFC 2661 §3.1, §6.1). */
function isTunnelRequest(bytes: Uint8Array): boolean {
  return (
    bytes.length >= 12 && (bytes[0]! & 0xc8) === 0xc8 && (bytes[1]! & 0x0f) === 2 && bytes[4] === 0 && bytes[5] === 0
  );
}
