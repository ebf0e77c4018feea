/** All calls of one tunnel: ICRQ to CDN, each session through the table of its machine. RFC 2661 §5.2, §5.6, §7.4, §7.5. */

import { Agenda, type Dropped, type Failure, Few, type Instant } from '../core/index.ts';
import type { CallErrors } from './avps.ts';
import {
  answersUnknown,
  callMessages,
  callNotAccepted,
  INVALID_SESSION_ID,
  isSendAction,
  NO_RESULT,
  NOT_IN_TIME,
  outOfSequence,
  TOO_MANY_SESSIONS,
} from './callMessages.ts';
import {
  type CallAction,
  type CallEvent,
  type CallMachine,
  type CallMessage,
  type CallTable,
  callTables,
} from './callStates.ts';
import { freshId, type Refusal, type SocketContext } from './context.ts';
import type { Peer } from './controlConnection.ts';
import type { ControlMessage } from './header.ts';
import type { MessageBody, ReceivedMessage } from './messages.ts';
import type { MessageName } from './messageType.ts';
import type { SessionDown, SessionId, TunnelId } from './output.ts';
import { callResultFor, failureOf } from './resultCodes.ts';
import { type Ending, newSession, roleOf, type Session, sessionUp, takeFrame } from './session.ts';
import { rowFor } from './stateTable.ts';

/** What the calls need of their tunnel. */
export interface CallTunnel {
  readonly id: TunnelId;
  readonly peerId: TunnelId;
  readonly peer: Peer;
  /** @param subject our id of the session that the message is about, given back when a CDN is acknowledged */
  send<Name extends MessageName>(name: Name, body: MessageBody<Name>, session: SessionId, subject: SessionId): void;
}

export class Calls {
  readonly #context: SocketContext;
  readonly #tunnel: CallTunnel;
  readonly #sessions = new Few<SessionId, Session>();
  readonly #agenda = new Agenda<SessionId>();

  constructor(context: SocketContext, tunnel: CallTunnel) {
    this.#context = context;
    this.#tunnel = tunnel;
  }

  /** Sessions in any state, those being ended too. */
  get size(): number {
    return this.#sessions.size;
  }

  get deadline(): Instant | undefined {
    return this.#agenda.deadline;
  }

  session(id: SessionId): Session | undefined {
    return this.#sessions.get(id);
  }

  /** A call that waits for the tunnel; `tunnelOpen` sends its request. @returns undefined where the tunnel is full */
  open(machine: 'incomingLac' | 'outgoingLns', now: Instant, calledNumber?: string): Session | undefined {
    if (this.size >= this.#context.config.maximumSessions) return undefined;
    const session = this.#add(machine, this.#context.nextCallSerialNumber());
    const { config } = this.#context;
    session.callingNumber = machine === 'incomingLac' ? config.callingNumber : undefined;
    session.calledNumber = machine === 'incomingLac' ? config.calledNumber : calledNumber;
    this.#fire(session, 'openRequest', now);
    return session;
  }

  tunnelOpen(now: Instant): void {
    for (const session of this.#sessions.values()) {
      if (session.state === 'waitTunnel') this.#fire(session, 'tunnelOpen', now);
    }
  }

  /** @param fault set where the message has a fault that its M bit does not forgive */
  receive(message: ReceivedMessage, header: ControlMessage, fault: Refusal | undefined, now: Instant): void {
    const name = message.name as CallMessage | 'WEN' | 'SLI';
    const peerSession = message.avps.assignedSessionId ?? 0;
    const byPeer = header.session === 0 && name === 'CDN';
    const session = byPeer ? this.#ofPeer(peerSession) : this.#sessions.get(header.session);
    if (session === undefined) {
      if (name === 'ICRQ' || name === 'OCRQ') this.#accept(name, message, fault, now);
      else this.#answerUnknown(name, header.session, peerSession);
      return;
    }
    if (name === 'CDN') {
      this.#milestone('CDN received', session.id);
      this.#fire(session, 'CDN', now, { result: NO_RESULT, failure: failureOf('CDN', message.avps.resultCode) });
      return;
    }
    if (session.ending !== undefined) return;
    if (name === 'WEN' || name === 'SLI') {
      if (fault !== undefined) this.#fire(session, closeEvent(session), now, fault);
      else this.#milestone(`${name} received`, session.id);
      return;
    }
    const refusal = fault ?? this.#refusal(session, name, peerSession);
    if (refusal === undefined) this.#learn(session, message);
    this.#fire(session, refusal === undefined ? name : `${name} unacceptable`, now, refusal);
  }

  /** Ends one session, for the owner. */
  disconnect(id: SessionId, failure: Failure, now: Instant): void {
    const session = this.#sessions.get(id);
    if (session === undefined || session.ending !== undefined) return;
    this.#fire(session, closeEvent(session), now, { result: callResultFor(failure), failure });
  }

  disconnectAll(failure: Failure, now: Instant): void {
    for (const id of [...this.#sessions.keys()]) this.disconnect(id, failure, now);
  }

  /** The tunnel is gone, or its StopCCN says it all: no CDN any more. */
  dropAll(by: SessionDown['by'], failure: Failure): void {
    for (const session of [...this.#sessions.values()]) this.#down(session, session.ending ?? { by, failure });
  }

  /** The peer has acknowledged the CDN of a session. */
  disconnected(id: SessionId): void {
    const session = this.#sessions.get(id);
    if (session?.ending !== undefined) this.#down(session, session.ending);
  }

  expire(now: Instant): void {
    for (const id of this.#agenda.due(now)) {
      const session = this.#sessions.get(id);
      if (session === undefined) continue;
      if (session.ending !== undefined) this.#down(session, session.ending);
      else this.#fire(session, closeEvent(session), now, NOT_IN_TIME, 'timeout');
    }
  }

  /** @param ns -1 where the data message carried no number */
  data(id: SessionId, ns: number, frame: Uint8Array): void {
    const output = takeFrame(this.#sessions.get(id), this.#tunnel.id, ns, frame, this.#context.config);
    if (output !== undefined) this.#context.emit(output);
  }

  setLinkInfo(id: SessionId, send: number, receive: number): void {
    const session = this.#established(id, 'lns');
    if (session !== undefined) this.#send(session, 'SLI', { accm: { reserved: 0, send, receive } });
  }

  reportErrors(id: SessionId, errors: CallErrors): void {
    const session = this.#established(id, 'lac');
    if (session !== undefined) this.#send(session, 'WEN', { callErrors: { reserved: 0, ...errors } });
  }

  #established(id: SessionId, role: 'lac' | 'lns'): Session | undefined {
    const session = this.#sessions.get(id);
    return session?.state === 'established' && roleOf(session) === role ? session : undefined;
  }

  #ofPeer(peerSession: SessionId): Session | undefined {
    if (peerSession === 0) return undefined;
    for (const session of this.#sessions.values()) if (session.peerSession === peerSession) return session;
    return undefined;
  }

  #accept(name: 'ICRQ' | 'OCRQ', message: ReceivedMessage, fault: Refusal | undefined, now: Instant): void {
    const { avps } = message;
    const refusal = fault ?? this.#refusalOfRequest(name, avps.assignedSessionId ?? 0);
    if (refusal !== undefined) {
      this.#context.emit(droppedFor(name, refusal));
      const id = freshId(this.#context.environment, (taken) => this.#sessions.has(taken));
      const body = { resultCode: refusal.result, assignedSessionId: id };
      this.#tunnel.send('CDN', body, avps.assignedSessionId ?? 0, id);
      return;
    }
    const session = this.#add(name === 'ICRQ' ? 'incomingLns' : 'outgoingLac', avps.callSerialNumber ?? 0);
    session.callingNumber = avps.callingNumber;
    session.calledNumber = avps.calledNumber;
    this.#agenda.set(session.id, now + this.#context.config.setupTimeout);
    this.#milestone(`${name} received`, session.id);
    this.#learn(session, message);
    this.#fire(session, name, now);
  }

  #refusalOfRequest(name: 'ICRQ' | 'OCRQ', peerSession: SessionId): Refusal | undefined {
    const { config } = this.#context;
    const accepted = name === 'ICRQ' ? config.acceptIncomingCalls : config.acceptOutgoingCalls;
    if (!accepted) return callNotAccepted(name);
    if (this.size >= config.maximumSessions) return TOO_MANY_SESSIONS;
    return peerSession === 0 || this.#ofPeer(peerSession) !== undefined ? INVALID_SESSION_ID : undefined;
  }

  #refusal(session: Session, name: CallMessage, peerSession: SessionId): Refusal | undefined {
    if (name !== 'ICRP' && name !== 'OCRP') return undefined;
    const other = this.#ofPeer(peerSession);
    return peerSession === 0 || (other !== undefined && other !== session) ? INVALID_SESSION_ID : undefined;
  }

  #learn(session: Session, { avps }: ReceivedMessage): void {
    if (avps.assignedSessionId !== undefined && session.peerSession === 0) session.peerSession = avps.assignedSessionId;
    if (avps.sequencingRequired) session.sequencingRequired = true;
  }

  /** A message for a session that is not there: the `idle` rows of our role. */
  #answerUnknown(name: CallMessage | 'WEN' | 'SLI', id: SessionId, peerSession: SessionId): void {
    const reason = `${name} for session ${id}, which tunnel ${this.#tunnel.id} does not have.`;
    this.#context.emit({ type: 'dropped', layer: 'l2tp', code: 'unknown-session', reason });
    if (id === 0 || !answersUnknown(this.#context.config.role, name)) return;
    this.#tunnel.send('CDN', { resultCode: INVALID_SESSION_ID.result, assignedSessionId: id }, peerSession, id);
  }

  #fire(session: Session, event: CallEvent, now: Instant, why?: Refusal, by?: SessionDown['by']): void {
    if (session.ending !== undefined) {
      if (event === 'CDN') this.#down(session, session.ending);
      return;
    }
    const row = rowFor(callTables[session.machine] as CallTable, session.state, event);
    const actions = row?.do ?? END;
    const from = session.state;
    const reason = why ?? outOfSequence(event, from);
    session.state = row?.to ?? 'idle';
    for (const action of actions) this.#perform(session, action, reason);
    if (session.state === 'idle') {
      const local = actions.includes('sendCdn') || event === 'closeRequest';
      this.#end(session, { by: by ?? (local ? 'local' : 'peer'), failure: reason.failure }, now, actions);
      return;
    }
    if (event === 'tunnelOpen') this.#agenda.set(session.id, now + this.#context.config.setupTimeout);
    if (session.state === 'established' && from !== 'established') this.#announce(session);
    // The bearers of this LAC answer at once.
    if (actions.includes('openBearer')) this.#fire(session, 'bearerAnswer', now);
  }

  #end(session: Session, ending: Ending, now: Instant, actions: readonly CallAction[]): void {
    if (!actions.includes('sendCdn')) {
      this.#down(session, ending);
      return;
    }
    session.ending = ending;
    session.early.length = 0;
    this.#agenda.set(session.id, now + this.#context.config.closeTimeout);
  }

  #perform(session: Session, action: CallAction, why: Refusal): void {
    if (!isSendAction(action)) return;
    const { config } = this.#context;
    if (action === 'sendIccn' || action === 'sendOccn') session.sequencingRequired ||= config.sequencing;
    const facts = { session, config, peer: this.#tunnel.peer, result: why.result };
    callMessages[action](facts, (name, body) => this.#send(session, name, body));
  }

  #announce(session: Session): void {
    const { id, peerId } = this.#tunnel;
    this.#agenda.set(session.id, undefined);
    session.sequencing = session.sequencingRequired || (roleOf(session) === 'lns' && this.#context.config.sequencing);
    this.#milestone('session established', session.id);
    this.#context.emit(sessionUp(session, id, peerId));
    for (const frame of session.early.splice(0)) {
      this.#context.emit({ type: 'frame', tunnel: id, session: session.id, frame });
    }
  }

  #add(machine: CallMachine, callSerialNumber: number): Session {
    const id = freshId(this.#context.environment, (taken) => this.#sessions.has(taken));
    const session = newSession(id, machine, callSerialNumber);
    this.#sessions.set(id, session);
    return session;
  }

  #down(session: Session, { by, failure }: Ending): void {
    this.#sessions.delete(session.id);
    this.#agenda.set(session.id, undefined);
    const { id: tunnel } = this.#tunnel;
    this.#context.emit({ type: 'sessionDown', tunnel, session: session.id, by, reason: failure });
  }

  #send<Name extends MessageName>(session: Session, name: Name, body: MessageBody<Name>): void {
    this.#milestone(`${name} sent`, session.id);
    this.#tunnel.send(name, body, session.peerSession, session.id);
  }

  #milestone(name: string, session: SessionId): void {
    this.#context.emit({ type: 'milestone', tunnel: this.#tunnel.id, session, name });
  }
}

function droppedFor(name: MessageName, { failure }: Refusal): Dropped {
  return { type: 'dropped', layer: 'l2tp', code: failure.code, reason: `${name} refused: ${failure.reason}` };
}

/** What an event without a row does. */
const END = ['sendCdn', 'cleanUp'] as const;

function closeEvent(session: Session): 'closeRequest' | 'bearerFailure' {
  return session.state === 'waitCsAnswer' ? 'bearerFailure' : 'closeRequest';
}
