/** One call: what is known of it, its frames that came early, and what its owner is told. RFC 2661 §7.4, §7.5. */

import type { Dropped, Failure } from '../core/index.ts';
import { printable, utf8 } from '../wire/index.ts';
import type { CallMachine, CallState } from './callStates.ts';
import type { L2tpConfig } from './config.ts';
import { DataSequence } from './dataSequence.ts';
import type { L2tpFrame, SessionDown, SessionId, SessionUp, TunnelId } from './output.ts';

/** Longer frames that come early are not kept: PPP negotiates with less. */
const MAXIMUM_EARLY_BYTES = 4096;

/** Why and by whom a session is being ended: its CDN is not acknowledged yet. */
export interface Ending {
  readonly by: SessionDown['by'];
  readonly failure: Failure;
}

export interface Session {
  readonly id: SessionId;
  readonly machine: CallMachine;
  readonly callSerialNumber: number;
  state: CallState;
  /** 0 until the peer has said it. */
  peerSession: SessionId;
  ending: Ending | undefined;
  callingNumber: string | undefined;
  calledNumber: string | undefined;
  /** Sequencing Required was sent or received: numbers are always present. */
  sequencingRequired: boolean;
  /** Whether the messages that we send carry numbers now. */
  sequencing: boolean;
  nextNs: number;
  readonly received: DataSequence;
  readonly early: Uint8Array[];
}

export function newSession(id: SessionId, machine: CallMachine, callSerialNumber: number): Session {
  return {
    id,
    machine,
    callSerialNumber,
    state: 'idle',
    peerSession: 0,
    ending: undefined,
    callingNumber: undefined,
    calledNumber: undefined,
    sequencingRequired: false,
    sequencing: false,
    nextNs: 0,
    received: new DataSequence(),
    early: [],
  };
}

export function roleOf(session: Session): 'lac' | 'lns' {
  return session.machine.endsWith('Lac') ? 'lac' : 'lns';
}

export function sessionUp(session: Session, tunnel: TunnelId, peerTunnel: TunnelId): SessionUp {
  const { callingNumber, calledNumber } = session;
  return {
    type: 'sessionUp',
    tunnel,
    session: session.id,
    peerTunnel,
    peerSession: session.peerSession,
    role: roleOf(session),
    sequencing: session.sequencing,
    callSerialNumber: session.callSerialNumber,
    ...(session.sequencingRequired ? { sequencingRequired: true } : {}),
    ...(callingNumber === undefined ? {} : { callingNumber: printable(utf8(callingNumber)) }),
    ...(calledNumber === undefined ? {} : { calledNumber: printable(utf8(calledNumber)) }),
  };
}

/**
 * Takes the frame of a data message: passes it on, keeps it while the session is being set up, or drops it.
 * @param ns -1 where the message carried no number
 */
export function takeFrame(
  session: Session | undefined,
  tunnel: TunnelId,
  ns: number,
  frame: Uint8Array,
  config: L2tpConfig,
): L2tpFrame | Dropped | undefined {
  if (session === undefined) return dropped('unknown-session', 'A data message for a session that does not exist.');
  if (session.ending !== undefined) return undefined;
  if (ns >= 0 && !session.received.accepts(ns)) {
    return dropped('repeated-data-message', 'A data message whose number came before, or is long past.');
  }
  // A LAC follows the LNS in this, unless numbers are required.
  if (roleOf(session) === 'lac' && !session.sequencingRequired) session.sequencing = ns >= 0;
  const copy = frame.slice();
  if (session.state === 'established') return { type: 'frame', tunnel, session: session.id, frame: copy };
  if (session.early.length >= config.maximumEarlyFrames || frame.length > MAXIMUM_EARLY_BYTES) {
    return dropped('early-frame-limit', 'A data message too many, or too long, before the session was established.');
  }
  session.early.push(copy);
  return undefined;
}

function dropped(code: string, reason: string): Dropped {
  return { type: 'dropped', layer: 'l2tp', code, reason };
}
