/** What a PPP link tells its owner. RFC 1661. */

import type { Dropped, Failure, Instant, Trace } from '../core/index.ts';
import type { Credentials, EapMethodName, TlsAsk, TlsProgress } from '../eap/index.ts';

/** Methods by which an end of a link proves itself. */
export type AuthenticationMethod = 'pap' | 'chap-md5' | 'ms-chap-v2' | EapMethodName;

/** What LCP agrees on: of EAP no more than that it is to be spoken. */
export type LcpAuthentication = 'pap' | 'chap-md5' | 'ms-chap-v2' | 'eap';

export type { Credentials };

/** What the owner answers: addresses are IPv4 dotted text. */
export type AuthenticationAnswer =
  | {
      readonly accepted: true;
      /** Address for the peer and ours, where known by now; else `configureNetwork` gives them. */
      readonly network?: NetworkParameters;
      /** MS-CHAPv2: the 42-character `S=…` authenticator response. */
      readonly authenticatorResponse?: string;
      /** MS-CHAPv2: the master key of RFC 3079, where EAP is to make its MSK of it. PPP itself has no use for it. */
      readonly masterKey?: Uint8Array;
      /** Text shown to the user by some peers. */
      readonly message?: string;
    }
  | { readonly accepted: false; readonly reason: Failure; readonly message?: string };

export interface NetworkParameters {
  readonly localAddress: string;
  readonly peerAddress: string;
  readonly dns: readonly string[];
  readonly nbns: readonly string[];
  /** Whether IPv6 is to be had on the link too. Default: as `NetworkConfig.ipv6` says. */
  readonly ipv6?: boolean;
  /** IPv6 addresses, ours and the peer's. PPP does not hand them out: for tunnels that do. */
  readonly localAddress6?: string;
  readonly peerAddress6?: string;
}

export interface PppSend {
  readonly type: 'send';
  /** A whole PPP control frame as L2TP carries it: FF 03, two bytes of protocol, information. Nothing is to be added. */
  readonly frame: Uint8Array;
}

export interface PppAsk {
  readonly type: 'ask';
  readonly id: number;
  readonly credentials: Credentials;
}

/** A step of EAP-TLS to be made; answer with the command `tlsAnswer` of the same `id`. */
export interface PppTlsAsk {
  readonly type: 'askTls';
  readonly id: number;
  readonly ask: TlsAsk;
}

export interface LcpUp {
  readonly type: 'lcpUp';
  /** Most bytes of information that the peer takes in a frame: its MRU. */
  readonly peerMru: number;
  readonly localMru: number;
  readonly sendAddressControl: boolean;
  /** Whether protocol numbers below 256 are sent in one byte. */
  readonly compressProtocol: boolean;
  /** Our magic number, 0 where the peer rejected the option: who answers Echo-Requests in our place needs it. */
  readonly localMagic: number;
  /** What the peer must do, if anything. */
  readonly authentication?: LcpAuthentication;
}

export interface PppAuthenticated {
  readonly type: 'authenticated';
  readonly user: string;
  readonly method: AuthenticationMethod;
  /** 'peer' where the peer proved itself to us, 'local' where we did to the peer. */
  readonly who: 'peer' | 'local';
}

export interface NetworkUp {
  readonly type: 'networkUp';
  readonly family: 'ipv4';
  readonly localAddress: string;
  readonly peerAddress: string;
  readonly dns: readonly string[];
  readonly nbns: readonly string[];
}

export interface NetworkDown {
  readonly type: 'networkDown';
  readonly family: 'ipv4';
}

/** IPV6CP is open: both ends have link-local addresses, `fe80::` and these 8 bytes. */
export interface Ipv6Up {
  readonly type: 'ipv6Up';
  readonly localIdentifier: Uint8Array;
  readonly peerIdentifier: Uint8Array;
}

export interface Ipv6Down {
  readonly type: 'ipv6Down';
}

/** The link is finished: nothing more is sent or expected. */
export interface PppClosed {
  readonly type: 'closed';
  readonly by: 'peer' | 'local' | 'timeout';
  readonly reason: Failure;
}

export interface PppMilestone {
  readonly type: 'milestone';
  /** E.g. `LCP opened`, `authenticated`, `IPCP opened`, `LCP terminate sent`. */
  readonly name: string;
  readonly detail?: string;
}

export type PppOutput =
  | PppSend
  | PppAsk
  | PppTlsAsk
  | LcpUp
  | PppAuthenticated
  | NetworkUp
  | NetworkDown
  | Ipv6Up
  | Ipv6Down
  | PppClosed
  | PppMilestone
  | Trace
  | Dropped;

export type PppCommand =
  /** The lower layer is up: start LCP. */
  | { readonly type: 'up' }
  | { readonly type: 'answer'; readonly id: number; readonly answer: AuthenticationAnswer }
  | { readonly type: 'tlsAnswer'; readonly id: number; readonly progress: TlsProgress }
  /** The addresses, where the answer came without them. IPCP waits for this when nothing else gives any. */
  | { readonly type: 'configureNetwork'; readonly network: NetworkParameters }
  /** Terminates the link in order; `closed` follows when the peer acknowledged or the time was up. */
  | { readonly type: 'close'; readonly reason: Failure }
  /** The lower layer is gone: no more frames may be sent; `closed` follows at once. */
  | { readonly type: 'down'; readonly reason: Failure }
  /** Traffic of the peer was seen on the data plane, `at` that time or now: no echo is needed for an interval. */
  | { readonly type: 'alive'; readonly at?: Instant };
