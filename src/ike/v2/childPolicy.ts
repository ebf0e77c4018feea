/** Which child SAs a peer may have: what it asks for, narrowed to what the gateway grants. RFC 7296 §2.9, §2.19. */

import type { Failure } from '../../core/index.ts';
import type { RemoteConfiguration } from '../ask.ts';
import type { Identity, TrafficSelector } from '../output.ts';

/** What a peer asks a child SA for. */
export interface ChildRequest {
  readonly mode: 'transport' | 'tunnel';
  /** Our side as the peer states it; behind a NAT, in transport mode, with the addresses that this end sees. */
  readonly local: readonly TrafficSelector[];
  readonly remote: readonly TrafficSelector[];
  readonly remoteIdentity: Identity;
  /** The user whom EAP proved. */
  readonly user?: string;
  /** What a remote-access client was given. */
  readonly configuration?: RemoteConfiguration;
}

/** The most that the peer may have; what it asked for is cut down to it. */
export interface ChildGrant {
  readonly mode: 'transport' | 'tunnel';
  readonly local: readonly TrafficSelector[];
  readonly remote: readonly TrafficSelector[];
}

export type ChildPolicy = (request: ChildRequest) => ChildGrant | Failure;

/** Tells why-not from what was asked for. */
export const isFailure = (value: unknown): value is Failure =>
  typeof value === 'object' && value !== null && 'code' in value && 'reason' in value;

const UDP = 17;
const L2TP_PORT = 1701;

/** Transport mode for L2TP (RFC 3193 §4), tunnel mode for clients that were given an address. */
export const acceptL2tpAndRemoteAccess: ChildPolicy = (request) =>
  request.mode === 'transport' ? acceptL2tpTransport(request) : acceptRemoteAccess(request);

/** UDP port 1701 of this end, any port of the peer's. */
export const acceptL2tpTransport: ChildPolicy = ({ mode, local, remote }) => {
  if (mode !== 'transport') return TUNNEL_REFUSED;
  const ours = local.map(({ first, last }) => portOf(first, last, L2TP_PORT));
  const theirs = remote.map(({ first, last }) => ({ first, last, protocol: UDP, firstPort: 0, lastPort: 65_535 }));
  return { mode, local: ours, remote: theirs };
};

/** The addresses that the client was given on its side, the networks that it was told of on ours. */
export const acceptRemoteAccess: ChildPolicy = ({ mode, configuration }) => {
  if (mode !== 'tunnel') return TRANSPORT_REFUSED;
  if (configuration === undefined || configuration.addresses.length === 0) return NO_ADDRESS;
  const remote = configuration.addresses.map((address) => everything(address, address));
  const families = new Set(configuration.addresses.map((address) => address.includes(':')));
  return { mode, remote, local: [...families].map((v6) => (v6 ? ANY_IPV6 : ANY_IPV4)) };
};

/** Whatever the peer asks for: between two ends of one owner. */
export const acceptAnything: ChildPolicy = ({ mode, local, remote }) => ({ mode, local, remote });

const portOf = (first: string, last: string, port: number): TrafficSelector => ({
  first,
  last,
  protocol: UDP,
  firstPort: port,
  lastPort: port,
});

/** All protocols and ports of a range of addresses. */
export const everything = (first: string, last: string): TrafficSelector => ({
  first,
  last,
  protocol: 0,
  firstPort: 0,
  lastPort: 65_535,
});

export const ANY_IPV4 = everything('0.0.0.0', '255.255.255.255');
export const ANY_IPV6 = everything('::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff');

const TUNNEL_REFUSED: Failure = {
  code: 'invalid-selectors',
  reason: 'the peer asks for tunnel mode, L2TP travels in transport mode',
  remedy: 'Set the IPsec connection of the peer to transport mode.',
};

const TRANSPORT_REFUSED: Failure = {
  code: 'invalid-selectors',
  reason: 'the peer asks for transport mode, only tunnel mode is served',
  remedy: 'Set the IPsec connection of the peer to tunnel mode.',
};

const NO_ADDRESS: Failure = {
  code: 'invalid-selectors',
  reason: 'the peer asks for tunnel mode and for no address',
  remedy: 'Let the client request a virtual address (strongSwan: vips = 0.0.0.0).',
};
