/** What an L2TP socket (all tunnels with one peer over one protected path) tells its owner. RFC 2661. */

import type { Dropped, Failure, Instant, Trace } from '../core/index.ts';
import type { CallErrors } from './avps.ts';

/** Our 16-bit tunnel id, as the peer writes it into the packets that it sends us. */
export type TunnelId = number;
/** Our 16-bit session id within a tunnel. */
export type SessionId = number;

export interface L2tpSend {
  readonly type: 'send';
  /** A whole L2TP message, UDP payload. */
  readonly bytes: Uint8Array;
}

export interface TunnelUp {
  readonly type: 'tunnelUp';
  readonly tunnel: TunnelId;
  readonly peerTunnel: TunnelId;
  readonly role: 'lac' | 'lns';
  readonly peerHostName: string;
  readonly peerVendorName?: string;
  readonly peerReceiveWindow: number;
}

export interface TunnelDown {
  readonly type: 'tunnelDown';
  readonly tunnel: TunnelId;
  /** Who ended it. */
  readonly by: 'peer' | 'local' | 'timeout';
  readonly reason: Failure;
}

export interface SessionUp {
  readonly type: 'sessionUp';
  readonly tunnel: TunnelId;
  readonly session: SessionId;
  readonly peerTunnel: TunnelId;
  readonly peerSession: SessionId;
  readonly role: 'lac' | 'lns';
  /** Whether data messages that we send carry Ns/Nr (Sequencing Required AVP, or local choice). */
  readonly sequencing: boolean;
  /** Sequencing Required was sent or received: numbers are always present. */
  readonly sequencingRequired?: true;
  readonly callSerialNumber: number;
  readonly callingNumber?: string;
  readonly calledNumber?: string;
}

export interface SessionDown {
  readonly type: 'sessionDown';
  readonly tunnel: TunnelId;
  readonly session: SessionId;
  readonly by: 'peer' | 'local' | 'timeout';
  readonly reason: Failure;
}

/** A PPP frame of a session: also those that came before ICCN and were kept. No L2TP header. */
export interface L2tpFrame {
  readonly type: 'frame';
  readonly tunnel: TunnelId;
  readonly session: SessionId;
  readonly frame: Uint8Array;
}

/** A milestone for the session record's timeline, e.g. `SCCRQ received`. */
export interface L2tpMilestone {
  readonly type: 'milestone';
  readonly tunnel: TunnelId;
  readonly session?: SessionId;
  readonly name: string;
  readonly detail?: string;
}

export type L2tpOutput =
  | L2tpSend
  | TunnelUp
  | TunnelDown
  | SessionUp
  | SessionDown
  | L2tpFrame
  | L2tpMilestone
  | Trace
  | Dropped;

export type L2tpCommand =
  /** LAC: sends SCCRQ and, when the tunnel stands, ICRQ. */
  | { readonly type: 'connect' }
  /** LAC: a further call in a tunnel that stands. */
  | { readonly type: 'call'; readonly tunnel: TunnelId }
  /** LNS: an outgoing call (OCRQ) to a number, for LACs that can dial. */
  | { readonly type: 'outgoingCall'; readonly tunnel: TunnelId; readonly calledNumber: string }
  /** Ends one session with CDN. */
  | { readonly type: 'disconnect'; readonly tunnel: TunnelId; readonly session: SessionId; readonly reason: Failure }
  /** Ends a tunnel: CDN for each session first, acknowledged, then StopCCN, acknowledged or timed out. */
  | { readonly type: 'close'; readonly tunnel: TunnelId; readonly reason: Failure }
  /** Data of the peer was seen on the data plane, `at` that time or now: no HELLO is needed for an interval. */
  | { readonly type: 'alive'; readonly at?: Instant }
  /** LNS: tells the peer the negotiated ACCM (SLI). */
  | {
      readonly type: 'setLinkInfo';
      readonly tunnel: TunnelId;
      readonly session: SessionId;
      readonly sendAccm: number;
      readonly receiveAccm: number;
    }
  /** LAC: reports line errors of a call (WEN). */
  | {
      readonly type: 'reportErrors';
      readonly tunnel: TunnelId;
      readonly session: SessionId;
      readonly errors: CallErrors;
    };
