/**
 * TLS as EAP needs it. The protocol is never ours: a core asks its owner, whose engine is OpenSSL (`driver/tls`) or a
 * fake of a test. RFC 5216, RFC 9190.
 */

import type { Failure } from '../core/index.ts';

export type TlsVersion = 'TLSv1.2' | 'TLSv1.3';

/** One step of one TLS session; the steps of a session are asked one after the other, each when the last is answered. */
export interface TlsAsk {
  /** Names the session: random, so that one owner may serve any number of cores. The first ask makes it. */
  readonly session: string;
  readonly role: 'server' | 'client';
  /** TLS records of the peer; empty where a client is to begin. */
  readonly input?: Uint8Array;
  /** Application data to be sent. */
  readonly write?: Uint8Array;
  /** The session is not needed after this. */
  readonly last?: boolean;
  /** Which keys to export when the handshake is through. RFC 5705. */
  readonly export: {
    readonly length: number;
    readonly labels: Readonly<Record<TlsVersion, { readonly label: string; readonly context?: Uint8Array }>>;
  };
}

/** What a step led to. `output` is always what the peer must get: TLS records, an alert among them. */
export type TlsProgress =
  | { readonly state: 'handshaking'; readonly output: Uint8Array }
  | {
      readonly state: 'established';
      readonly output: Uint8Array;
      readonly version: TlsVersion;
      /** The exported keys. */
      readonly keys: Uint8Array;
      /** Application data that came with this step. */
      readonly data: Uint8Array;
      /** The peer's names in its certificate, which was validated: SAN e-mail addresses, UPNs, DNS names, then the CN. */
      readonly peerNames: readonly string[];
    }
  | {
      readonly state: 'failed';
      readonly output: Uint8Array;
      readonly failure: Failure;
      /** The peer ended it by an alert, which is to be acknowledged. */
      readonly alerted?: boolean;
    };

/** What answers TLS asks, for any number of sessions. Never rejects: what goes wrong is a state `failed`. */
export interface TlsEngine {
  advance(ask: TlsAsk): Promise<TlsProgress>;
  /** Ends all sessions. */
  close(): void;
}
