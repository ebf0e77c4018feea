/** What a connection tells the gateway or client that holds it. */

import type { Endpoint, Failure } from '../core/index.ts';
import type { DataPlaneCommand } from '../dataplane/messages.ts';
import type { TlsAsk } from '../eap/index.ts';
import type { IkeCommand } from '../ike/output.ts';
import type { Credentials } from '../ppp/output.ts';
import type { LogEntry } from './log.ts';
import type { PppSession } from './pppSession.ts';
import type { SessionRecord } from './record.ts';
import type { UserSession } from './userSession.ts';

/** The network behind a session that is up. Addresses as text, without prefix length. */
export interface SessionNetwork {
  /**
   * Ours inside the tunnel, and the peer's: IPv4, or IPv6 where there is no IPv4. A gateway of IKEv2 states no address
   * of its own: a client then finds its own in both.
   */
  readonly localAddress: string;
  readonly peerAddress: string;
  /** The same of IPv6 where there is IPv4 too. */
  readonly localAddress6?: string;
  readonly peerAddress6?: string;
  readonly dns: readonly string[];
  readonly nbns?: readonly string[];
  /** What is behind the gateway, as prefixes, where it said so; else everything. */
  readonly subnets?: readonly string[];
  /** Names that only its name servers know. */
  readonly domains?: readonly string[];
}

export type ConnectionOutput =
  | ToDataPlane
  /** A peer's credentials to judge; answer with `answer` of the connection, the same session and id. */
  | { readonly type: 'askUser'; readonly session: PppSession; readonly id: number; readonly credentials: Credentials }
  /** A step of EAP-TLS in PPP. */
  | { readonly type: 'askTls'; readonly session: PppSession; readonly id: number; readonly ask: TlsAsk }
  | {
      readonly type: 'sessionUp';
      readonly session: UserSession;
      readonly network: SessionNetwork;
      readonly mtu: number;
    }
  /** The path carries more or less than was thought: the largest inner packet, bytes. */
  | { readonly type: 'mtuChanged'; readonly session: UserSession; readonly mtu: number }
  /** A client has learned more of the network of a session that is up: its IPv6 address. */
  | { readonly type: 'networkChanged'; readonly session: UserSession; readonly network: SessionNetwork }
  /** A session is over on every path; its address may go back to the pool. */
  | {
      readonly type: 'sessionEnded';
      readonly session: UserSession;
      readonly record: SessionRecord;
      readonly reason: Failure;
    }
  /** The peer was followed to another address or port: its IKE SAs are there too. */
  | { readonly type: 'peerMoved'; readonly local: Endpoint; readonly remote: Endpoint }
  /** A child SA is to be renewed, ended or made anew, or the path probed through IKE. */
  | {
      readonly type: 'ikeChild';
      readonly command: Extract<
        IkeCommand,
        { type: 'renewChild' | 'closeChild' | 'createChild' | 'probePath' | 'askAt' }
      >;
    }
  /** L2TP has said goodbye (or never came): the IPsec and IKE SAs may be deleted. */
  | { readonly type: 'closeIke'; readonly reason: Failure }
  /** Nothing of the connection is left above IKE. */
  | { readonly type: 'ended'; readonly reason: Failure }
  | LogEntry;

export interface ToDataPlane {
  readonly type: 'dataPlane';
  readonly command: DataPlaneCommand;
}

export const toDataPlane = (command: DataPlaneCommand): ToDataPlane => ({ type: 'dataPlane', command });
