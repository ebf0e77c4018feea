/** What an L2TP socket is told once: roles, names, secret, times and bounds, with their defaults. */

import type { Milliseconds } from '../core/index.ts';
import { utf8 } from '../wire/index.ts';
import type { ChannelConfig } from './channel.ts';
import { MAXIMUM_VALUE_BYTES } from './messages.ts';

export interface L2tpConfig extends ChannelConfig {
  readonly role: 'lac' | 'lns';
  /** Our Host Name AVP. */
  readonly hostName: string;
  readonly vendorName: string;
  readonly firmwareRevision: number;
  /** Whether SCCRQ is answered. Default: an LNS only. */
  readonly acceptTunnels: boolean;
  /** Whether ICRQ is answered. Default: an LNS only. */
  readonly acceptIncomingCalls: boolean;
  /** A LAC that can dial: whether OCRQ is answered, and bearers advertised. */
  readonly acceptOutgoingCalls: boolean;
  /** Shared secret of the tunnel: answers challenges, unhides AVPs. */
  readonly secret: Uint8Array | undefined;
  /** Whether the peer must prove that it knows the secret. */
  readonly requireAuthentication: boolean;
  /** Whether AVPs that may be hidden are sent hidden. */
  readonly hideAvps: boolean;
  /** Whether our SCCRQ carries a Tie Breaker: at most one tunnel wanted with this peer. */
  readonly tieBreaker: boolean;
  /** Silence after which a HELLO is sent. */
  readonly helloInterval: Milliseconds;
  /** From SCCRQ to SCCCN, and from ICRQ or OCRQ to ICCN or OCCN. */
  readonly setupTimeout: Milliseconds;
  /** What an orderly end may take: CDNs and StopCCN acknowledged. */
  readonly closeTimeout: Milliseconds;
  /** How long a tunnel stays without a session; 0: for ever. */
  readonly emptyTunnelTimeout: Milliseconds;
  readonly maximumTunnels: number;
  /** Tunnels that the peer asked for and that are not established yet. */
  readonly maximumHalfOpenTunnels: number;
  /** In each tunnel. */
  readonly maximumSessions: number;
  /** PPP frames kept for each session that is being set up. */
  readonly maximumEarlyFrames: number;
  /** Whether unknown AVPs and messages with the M bit, and required AVPs that are missing, are forgiven. */
  readonly permissive: boolean;
  /** D-Link DIR-300 and its like: control messages with Tunnel ID 0 belong to the only tunnel. */
  readonly acceptTunnelIdZero: boolean;
  /**
   * Whether the path's far end has proved its address (IPsec). Else no answer is longer than what asked for it, and
   * SCCRP goes out again only in answer to a repeated SCCRQ.
   */
  readonly protectedPath: boolean;
  /** LAC: demand sequence numbers in data messages (Sequencing Required AVP). LNS: send them of our own choice. */
  readonly sequencing: boolean;
  /** (Tx) and Rx Connect Speed that a LAC reports, and the maximum that an LNS asks for; bits per second. */
  readonly connectSpeed: number;
  readonly callingNumber: string | undefined;
  readonly calledNumber: string | undefined;
  readonly subAddress: string | undefined;
}

type Optional = { readonly [K in keyof L2tpConfig]?: L2tpConfig[K] | undefined };
/** What must be said and what may be: the rest has defaults. */
export type L2tpSettings = Pick<L2tpConfig, 'role' | 'hostName'> & Optional;

/** Thousands of sockets have the same settings. */
const resolved = new WeakMap<L2tpSettings, L2tpConfig>();

/** @throws RangeError for a value that cannot work: a local error */
export function l2tpConfig(settings: L2tpSettings): L2tpConfig {
  const known = resolved.get(settings);
  if (known !== undefined) return known;
  const config = resolve(settings);
  resolved.set(settings, config);
  return config;
}

function resolve(settings: L2tpSettings): L2tpConfig {
  const lns = settings.role === 'lns';
  const given = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
  const config: L2tpConfig = {
    role: settings.role,
    hostName: settings.hostName,
    vendorName: 'Sallyport',
    firmwareRevision: 0x0001,
    acceptTunnels: lns,
    acceptIncomingCalls: lns,
    acceptOutgoingCalls: false,
    secret: undefined,
    requireAuthentication: false,
    hideAvps: false,
    tieBreaker: false,
    retransmitAfter: 1_000,
    retransmitCap: 8_000,
    maximumRetransmissions: 5,
    receiveWindow: 16,
    helloInterval: 60_000,
    setupTimeout: 30_000,
    closeTimeout: 5_000,
    emptyTunnelTimeout: 60_000,
    maximumTunnels: 16,
    maximumHalfOpenTunnels: 4,
    maximumSessions: 256,
    maximumEarlyFrames: 16,
    permissive: false,
    acceptTunnelIdZero: false,
    protectedPath: true,
    sequencing: false,
    connectSpeed: 1_000_000_000,
    callingNumber: undefined,
    calledNumber: undefined,
    subAddress: undefined,
    ...given,
  };
  check(config);
  return config;
}

function check(config: L2tpConfig): void {
  const within = (name: keyof L2tpConfig, least: number, most: number) => {
    const value = config[name] as number;
    if (!(value >= least && value <= most)) throw new RangeError(`L2TP ${name} must be ${least}..${most}: ${value}`);
  };
  const length = utf8(config.hostName).length;
  if (length < 1 || length > MAXIMUM_NAME_BYTES) throw new RangeError('L2TP hostName must have 1..255 octets');
  for (const text of [config.vendorName, config.callingNumber, config.calledNumber, config.subAddress]) {
    if (utf8(text ?? '').length > MAXIMUM_NAME_BYTES) throw new RangeError('an L2TP text has more than 255 octets');
  }
  within('receiveWindow', 1, 0x7fff);
  within('retransmitAfter', 1, 60_000);
  within('retransmitCap', config.retransmitAfter, 3_600_000);
  within('maximumRetransmissions', 0, 100);
  within('maximumTunnels', 1, 60_000);
  within('maximumSessions', 1, 60_000);
  within('connectSpeed', 0, 0xffff_ffff);
  const secret = config.secret;
  if (secret !== undefined && (secret.length === 0 || secret.length > MAXIMUM_VALUE_BYTES)) {
    throw new RangeError('the L2TP secret is empty or too long');
  }
  if (secret === undefined && (config.requireAuthentication || config.hideAvps)) {
    throw new RangeError('L2TP tunnel authentication and hidden AVPs need a secret');
  }
}

const MAXIMUM_NAME_BYTES = 255;
