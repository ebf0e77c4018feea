/** What a connection tells the gateway or client that holds it. */

import type { Endpoint, Failure } from '../core/index.ts';
import type { DataPlaneCommand } from '../dataplane/messages.ts';
import type { IkeCommand } from '../ike/output.ts';
import type { Credentials, NetworkUp } from '../ppp/output.ts';
import type { LogEntry } from './log.ts';
import type { PppSession } from './pppSession.ts';
import type { SessionRecord } from './record.ts';

export type ConnectionOutput =
  | ToDataPlane
  /** A peer's credentials to judge; answer with `answer` of the connection, the same session and id. */
  | { readonly type: 'askUser'; readonly session: PppSession; readonly id: number; readonly credentials: Credentials }
  | { readonly type: 'sessionUp'; readonly session: PppSession; readonly network: NetworkUp; readonly mtu: number }
  /** A PPP session is over on every path; its address may go back to the pool. */
  | {
      readonly type: 'sessionEnded';
      readonly session: PppSession;
      readonly record: SessionRecord;
      readonly reason: Failure;
    }
  /** The peer was followed to another address or port: its IKE SAs are there too. */
  | { readonly type: 'peerMoved'; readonly local: Endpoint; readonly remote: Endpoint }
  /** A child SA is to be renewed, or ended. */
  | { readonly type: 'ikeChild'; readonly command: Extract<IkeCommand, { type: 'renewChild' | 'closeChild' }> }
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
