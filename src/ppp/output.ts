/** What a PPP link tells its owner. RFC 1661. */

import type { Dropped, Failure, Trace } from '../core/index.ts';

export type AuthenticationMethod = 'pap' | 'chap-md5' | 'ms-chap-v2';

/** Credentials that the peer presented, to be judged outside the core. */
export type Credentials =
  | { readonly method: 'pap'; readonly user: string; readonly password: Uint8Array }
  | {
      readonly method: 'chap-md5';
      readonly user: string;
      readonly identifier: number;
      readonly challenge: Uint8Array;
      readonly response: Uint8Array;
    }
  | {
      readonly method: 'ms-chap-v2';
      readonly user: string;
      /** The Name field as it was received: its part behind a backslash enters the hash, whatever its encoding. */
      readonly name?: Uint8Array;
      readonly authenticatorChallenge: Uint8Array;
      readonly peerChallenge: Uint8Array;
      readonly ntResponse: Uint8Array;
    };

/** What the owner answers: addresses are IPv4 dotted text. */
export type AuthenticationAnswer =
  | {
      readonly accepted: true;
      /** Address for the peer and ours, where known by now; else `configureNetwork` gives them. */
      readonly network?: NetworkParameters;
      /** MS-CHAPv2: the 42-character `S=…` authenticator response. */
      readonly authenticatorResponse?: string;
      /** Text shown to the user by some peers. */
      readonly message?: string;
    }
  | { readonly accepted: false; readonly reason: Failure; readonly message?: string };

export interface NetworkParameters {
  readonly localAddress: string;
  readonly peerAddress: string;
  readonly dns: readonly string[];
  readonly nbns: readonly string[];
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
  readonly authentication?: AuthenticationMethod;
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
  | LcpUp
  | PppAuthenticated
  | NetworkUp
  | NetworkDown
  | PppClosed
  | PppMilestone
  | Trace
  | Dropped;

export type PppCommand =
  /** The lower layer is up: start LCP. */
  | { readonly type: 'up' }
  | { readonly type: 'answer'; readonly id: number; readonly answer: AuthenticationAnswer }
  /** The addresses, where the answer came without them. IPCP waits for this when nothing else gives any. */
  | { readonly type: 'configureNetwork'; readonly network: NetworkParameters }
  /** Terminates the link in order; `closed` follows when the peer acknowledged or the time was up. */
  | { readonly type: 'close'; readonly reason: Failure }
  /** The lower layer is gone: no more frames may be sent; `closed` follows at once. */
  | { readonly type: 'down'; readonly reason: Failure }
  /** IP traffic of the peer was seen on the data plane: no echo is needed for an interval. */
  | { readonly type: 'alive' };
