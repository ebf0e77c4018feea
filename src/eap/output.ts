/** What an EAP core tells its owner, and what the owner may tell it. */

import type { Dropped, Failure, Trace } from '../core/index.ts';
import type { Credentials, EapUserAnswer } from './credentials.ts';
import type { EapMethodName } from './method.ts';
import type { TlsAsk, TlsProgress } from './tlsSession.ts';

export interface EapSend {
  readonly type: 'send';
  /** A whole EAP packet. */
  readonly bytes: Uint8Array;
}

/** Credentials to be judged; answer with the command `answer` of the same `id`. */
export interface EapAsk {
  readonly type: 'ask';
  readonly id: number;
  readonly credentials: Credentials;
}

/** A step of TLS to be made; answer with the command `tlsAnswer` of the same `id`. */
export interface EapTlsAsk {
  readonly type: 'askTls';
  readonly id: number;
  readonly ask: TlsAsk;
}

/** The end: this side is convinced. The server's EAP-Success stands in the `send` before it. */
export interface EapSuccess {
  readonly type: 'success';
  /** The user who was proved: the peer to a server, ourselves to a peer. */
  readonly identity: string;
  readonly method: EapMethodName;
  /** 64 bytes each, where the method makes keys. RFC 3748 §7.10. */
  readonly msk?: Uint8Array;
  readonly emsk?: Uint8Array;
}

/** The end: somebody is not convinced. */
export interface EapFailed {
  readonly type: 'failure';
  readonly failure: Failure;
  readonly by: 'peer' | 'local' | 'timeout';
}

/** A wrong password may be tried again: the owner may start its own time-outs anew. */
export interface EapRetrying {
  readonly type: 'retrying';
}

export type EapOutput = EapSend | EapAsk | EapTlsAsk | EapSuccess | EapFailed | EapRetrying | Trace | Dropped;

export type EapServerCommand =
  /** Begins: the first Request goes out. */
  | { readonly type: 'start' }
  | { readonly type: 'answer'; readonly id: number; readonly answer: EapUserAnswer }
  | { readonly type: 'tlsAnswer'; readonly id: number; readonly progress: TlsProgress }
  /** Nothing more is to be said; there is no output. */
  | { readonly type: 'stop' };

export type EapPeerCommand =
  /** Begins to wait for the server. */
  | { readonly type: 'start' }
  | { readonly type: 'tlsAnswer'; readonly id: number; readonly progress: TlsProgress }
  /** The layer below shows that the server is content, e.g. by what it sends next: EAP-Success was lost. RFC 4137 §4.1. */
  | { readonly type: 'lowerLayerSuccess' }
  | { readonly type: 'stop' };
