/** What a PPP link may be told, with the defaults. */

import type { Environment, Milliseconds } from '../core/index.ts';
import type { Crypto } from '../crypto/index.ts';
import type { AuthenticationMethod } from './output.ts';

/** Who we are where the peer wants us to prove it. */
export interface LocalCredentials {
  readonly user: string;
  readonly password: string;
}

export interface NetworkConfig {
  /** Our address, dotted text; absent: the peer assigns one. */
  readonly localAddress?: string;
  /** The address that the peer must use; absent: it says its own. */
  readonly peerAddress?: string;
  /** Given to a peer that asks: at most two of each can be said. */
  readonly dns?: readonly string[];
  readonly nbns?: readonly string[];
  /** Ask the peer for name servers. Default: for DNS where our address is asked for too; never for NBNS. */
  readonly requestDns?: boolean;
  readonly requestNbns?: boolean;
  /** Whether IPV6CP is opened beside IPCP. Default: no. */
  readonly ipv6?: boolean;
}

export interface PppTimers {
  /** Waits after the first, second, … transmission of a request; the last one repeats. */
  readonly restart: readonly Milliseconds[];
  /** RFC 1661 §4.6. */
  readonly maxConfigure: number;
  readonly maxTerminate: number;
  readonly maxFailure: number;
  /** Silence after which an Echo-Request is sent; 0 sends none. */
  readonly echoInterval: Milliseconds;
  /** Unanswered Echo-Requests after which the peer is taken for gone. */
  readonly echoFailures: number;
  /** How long each end may take to begin or repeat its part of authentication. */
  readonly authentication: Milliseconds;
  /** From `up` until the network is up, all told; begun anew when a wrong password may be tried again. */
  readonly establish: Milliseconds;
  /** How long a link that the peer terminated stays to acknowledge repeated Terminate-Requests. */
  readonly linger: Milliseconds;
}

export const defaultTimers: PppTimers = {
  // A Linux peer loses the first frame: its kernel drops it until pppd has attached, 0.1 to 0.3 s after ICCN.
  restart: [300, 700, 1000, 3000],
  maxConfigure: 10,
  maxTerminate: 2,
  maxFailure: 5,
  /** Of who is called; a caller waits longer. */
  echoInterval: 30_000,
  echoFailures: 4,
  authentication: 30_000,
  establish: 60_000,
  linger: 1000,
};

/** In order of preference; what makes sense only where it is wanted (EAP-TLS, EAP-GTC, EAP-MD5) is not among them. */
export const authenticationMethods: readonly AuthenticationMethod[] = ['ms-chap-v2', 'eap-mschapv2', 'chap-md5', 'pap'];

export const DEFAULT_LOCAL_MRU = 1400;

export interface PppConfig {
  /** Largest information field that we want to receive, bytes. */
  readonly mru?: number;
  /** Async-Control-Character-Map to ask for; absent: none, which suits peers without a pseudo-terminal. */
  readonly accm?: number;
  /** Whether frames to us shall come without FF 03 and with short protocol numbers (3 bytes less). Default: no. */
  readonly requestCompression?: boolean;
  /** Whether the peer may have the same of us. Default: yes. */
  readonly allowCompression?: boolean;
  /** How the peer must prove itself, in order of preference. Default: all, or none where `credentials` are given. */
  readonly requirePeer?: readonly AuthenticationMethod[];
  /** By what we prove ourselves, in order of preference; needs `credentials`. Default: all. */
  readonly acceptFromPeer?: readonly AuthenticationMethod[];
  readonly credentials?: LocalCredentials;
  /** Our name in challenges. */
  readonly name?: string;
  /**
   * Addresses of the link. What comes with the authentication answer goes first; where neither gives any, IPCP waits
   * for the command `configureNetwork`. Default: none, or `{}` (ask the peer) where `credentials` are given.
   */
  readonly network?: NetworkConfig;
  /** How often a wrong MS-CHAPv2 password may be tried again in the same link, in CHAP or EAP. Default: 0. */
  readonly retries?: number;
  /** Has the peer prove itself again after this time, again and again (CHAP and EAP). Default: never. */
  readonly reauthenticateEvery?: Milliseconds;
  readonly timers?: Partial<PppTimers>;
}

export interface PppEnvironment extends Environment {
  readonly crypto: Crypto;
}

/** The configuration with every default in its place. */
export interface Settings {
  readonly mru: number;
  readonly accm: number | undefined;
  readonly requestCompression: boolean;
  readonly allowCompression: boolean;
  readonly requirePeer: readonly AuthenticationMethod[];
  readonly acceptFromPeer: readonly AuthenticationMethod[];
  readonly credentials: LocalCredentials | undefined;
  readonly name: string;
  readonly network: NetworkConfig | undefined;
  readonly retries: number;
  readonly reauthenticateEvery: Milliseconds | undefined;
  readonly timers: PppTimers;
}

/**
 * A caller asks later than who is called: a gateway asks thousands, many of them at once, and what it asks answers for
 * them. A link that is silent for longer is not served by one that asks.
 */
const CALLER_TIMERS: Partial<PppTimers> = { echoInterval: 45_000 };

/** Thousands of links have the same configuration. */
const resolved = new WeakMap<PppConfig, Settings>();

export function withDefaults(config: PppConfig): Settings {
  const known = resolved.get(config);
  if (known !== undefined) return known;
  const settings = resolve(config);
  resolved.set(config, settings);
  return settings;
}

function resolve(config: PppConfig): Settings {
  const { credentials } = config;
  return {
    mru: config.mru ?? DEFAULT_LOCAL_MRU,
    accm: config.accm,
    requestCompression: config.requestCompression ?? false,
    allowCompression: config.allowCompression ?? true,
    requirePeer: config.requirePeer ?? (credentials === undefined ? authenticationMethods : []),
    acceptFromPeer: config.acceptFromPeer ?? authenticationMethods,
    credentials,
    name: config.name ?? 'sallyport',
    network: config.network ?? (credentials === undefined ? undefined : {}),
    retries: config.retries ?? 0,
    reauthenticateEvery: config.reauthenticateEvery,
    timers: { ...defaultTimers, ...(credentials === undefined ? {} : CALLER_TIMERS), ...config.timers },
  };
}
