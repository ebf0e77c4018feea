/** The PPP sessions of a connection: their links, their slots in the data plane, and what their peers' traffic proves. */

import { Agenda, type Endpoint, type Failure, Few, type Instant, sooner } from '../core/index.ts';
import type { L2tpFrame, SessionDown, SessionUp } from '../l2tp/output.ts';
import type { NetworkUp, PppCommand, PppOutput } from '../ppp/output.ts';
import type { ConnectionParts } from './connectionParts.ts';
import { failureText, layerEntry, milestoneEntry, sessionEntry } from './log.ts';
import { type ConnectionOutput, toDataPlane } from './output.ts';
import type { Path } from './path.ts';
import type { TooBig } from './pathMtu.ts';
import { PathMtuFollower } from './pathMtuFollower.ts';
import { beginIpv6, innerPathOf, ipv6Down, ipv6Outputs, ipv6Up, sessionDeadline } from './pppIpv6.ts';
import { PppPath } from './pppPath.ts';
import { PppSession, type SessionKey, sessionKey } from './pppSession.ts';
import type { SessionRecord, Traffic } from './record.ts';
import { isLimited, SessionClock } from './sessionClock.ts';
import { heardAtOf, messagesOf, trafficOf } from './traffic.ts';

/** What a link asked for. */
export type PppAnswer = Extract<PppCommand, { type: 'answer' | 'tlsAnswer' }>;

/** What the sessions tell the connection. */
export interface PppEvents {
  /** A network protocol is up. */
  networkUp(): void;
  /** PPP is done with this session: L2TP is to end it. */
  linkClosed(session: PppSession, reason: Failure, now: Instant): ConnectionOutput[];
}

export class PppSessions implements Iterable<PppSession> {
  readonly #parts: ConnectionParts;
  readonly #path: Path;
  readonly #events: PppEvents;
  readonly #links = new Agenda<PppSession>();
  readonly #sessions = new Few<SessionKey, PppSession>();
  readonly #pppPath: PppPath;
  readonly #follower: PathMtuFollower<PppSession>;

  constructor(parts: ConnectionParts, path: Path, events: PppEvents) {
    this.#parts = parts;
    this.#path = path;
    this.#events = events;
    this.#pppPath = new PppPath(parts, path, this.#sessions);
    this.#follower = new PathMtuFollower(parts, path, this.#pppPath);
  }

  get size(): number {
    return this.#sessions.size;
  }

  [Symbol.iterator](): Iterator<PppSession> {
    return this.#sessions.values()[Symbol.iterator]();
  }

  get deadline(): Instant | undefined {
    return sooner(this.#links.deadline, this.#path.pathMtu.deadline);
  }

  /** Whether any session waits for its first network protocol. */
  get anyWithoutNetwork(): boolean {
    for (const { network } of this.#sessions.values()) if (network === undefined) return true;
    return false;
  }

  /** When the data plane heard a peer of any session last. */
  get heardAt(): Instant {
    let heardAt = 0;
    for (const session of this.#sessions.values()) {
      heardAt = Math.max(heardAt, heardAtOf(this.#parts.counters, session));
    }
    return heardAt;
  }

  open(call: SessionUp, record: SessionRecord, now: Instant): ConnectionOutput[] {
    const session = new PppSession(call, record, this.#parts.makePpp());
    this.#sessions.set(session.key, session);
    return this.#command(session, { type: 'up' }, now);
  }

  receive({ tunnel, session: id, frame }: L2tpFrame, now: Instant): ConnectionOutput[] {
    const session = this.#sessions.get(sessionKey(tunnel, id));
    if (session === undefined) return [];
    const probed = this.#pppPath.answered(frame);
    return probed === undefined
      ? this.#take(session, session.link.receive(frame, now), now)
      : this.#follower.answered(probed, now);
  }

  answer(session: PppSession, answer: PppAnswer, now: Instant): ConnectionOutput[] {
    if (this.#sessions.get(session.key) !== session) return [];
    return this.#command(session, answer, now);
  }

  /** A packet of neighbor discovery that the peer sent. */
  neighborDiscovery(session: PppSession, bytes: Uint8Array, now: Instant): ConnectionOutput[] {
    if (session.ipv6 === undefined) return [];
    const out = ipv6Outputs(session, session.ipv6.receive(bytes, now), now);
    this.#wake(session);
    return out;
  }

  /** Somebody says that the path carries less. */
  tooBig(error: TooBig, now: Instant): ConnectionOutput[] {
    return this.#follower.tooBig(error, now);
  }

  askAt({ remote }: { readonly remote: Endpoint }): ConnectionOutput[] {
    return this.#pppPath.askAt(remote);
  }

  expire(now: Instant): ConnectionOutput[] {
    const out = this.#follower.expire(now);
    for (const session of this.#links.due(now)) {
      out.push(...this.#take(session, session.link.expire(now), now));
      if (session.ipv6 !== undefined) out.push(...ipv6Outputs(session, session.ipv6.expire(now), now));
      if (session.clock !== undefined) out.push(...this.#expireClock(session, session.clock, now));
      this.#wake(session);
    }
    return out;
  }

  #expireClock(session: PppSession, clock: SessionClock, now: Instant): ConnectionOutput[] {
    const { packetsFromPeer, packetsToPeer } = this.traffic(session);
    const reason = clock.expire(now, packetsFromPeer + packetsToPeer);
    if (reason === undefined) return [];
    delete session.clock;
    return [
      sessionEntry(session.record, 'info', reason.code, failureText(reason)),
      ...this.close(session, reason, now),
    ];
  }

  /**
   * Tells the links whose peers have sent since the last call that they need not ask.
   * @returns when the newest of that came, where anything did
   */
  noteTraffic(now: Instant): Instant | undefined {
    let heardAt: Instant | undefined;
    for (const session of this.#sessions.values()) {
      if (session.slot === undefined) continue;
      const seen = this.#messagesOf(session);
      if (seen === session.seenMessages) continue;
      session.seenMessages = seen;
      const at = heardAtOf(this.#parts.counters, session);
      heardAt = Math.max(heardAt ?? at, at);
      // No output follows, nor an earlier deadline.
      session.link.command({ type: 'alive', at }, now);
    }
    return heardAt;
  }

  /** Begins the orderly end: LCP Terminate. */
  close(session: PppSession, reason: Failure, now: Instant): ConnectionOutput[] {
    session.record.phase = 'closing';
    return this.#command(session, { type: 'close', reason }, now);
  }

  /** A session is gone from L2TP: nothing can be sent on it. */
  drop(session: PppSession, reason: Failure, now: Instant): ConnectionOutput[] {
    if (!this.#sessions.delete(session.key)) return [];
    const out: ConnectionOutput[] = [];
    const { record } = session;
    if (!session.linkClosed) {
      session.linkClosed = true;
      for (const output of session.link.command({ type: 'down', reason }, now)) {
        // Where PPP knew before why it would end, that is the better reason.
        if (output.type === 'closed') record.ended ??= output.reason;
        if (output.type === 'milestone') out.push(milestoneEntry(record, output.name, now, output.detail));
      }
    }
    this.#links.set(session, undefined);
    out.push(...this.#closeSlot(session));
    record.phase = 'closed';
    const why = record.ended ?? reason;
    out.push(milestoneEntry(record, 'session ended', now, failureText(why)), {
      type: 'sessionEnded',
      session,
      record,
      reason: why,
    });
    return out;
  }

  dropCall({ tunnel, session: id, reason }: SessionDown, now: Instant): ConnectionOutput[] {
    const session = this.#sessions.get(sessionKey(tunnel, id));
    return session === undefined ? [] : this.drop(session, reason, now);
  }

  dropAll(reason: Failure, now: Instant): ConnectionOutput[] {
    return this.#sessions.values().flatMap((session) => this.drop(session, reason, now));
  }

  /** Bytes and packets of a session so far, from the data plane's counters. */
  traffic(session: PppSession): Traffic {
    return trafficOf(this.#parts.counters, session);
  }

  #messagesOf(session: PppSession): number {
    return messagesOf(this.#parts.counters, session);
  }

  #command(session: PppSession, command: PppCommand, now: Instant): ConnectionOutput[] {
    return this.#take(session, session.link.command(command, now), now);
  }

  #take(session: PppSession, outputs: readonly PppOutput[], now: Instant): ConnectionOutput[] {
    const { record, call } = session;
    const { channel, encodeFrame } = this.#parts;
    const out: ConnectionOutput[] = [];
    for (const output of outputs) {
      switch (output.type) {
        case 'send':
          out.push(toDataPlane({ type: 'sendL2tp', channel, bytes: encodeFrame(call, output.frame) }));
          break;
        case 'ask':
          out.push({ type: 'askUser', session, id: output.id, credentials: output.credentials });
          break;
        case 'askTls':
          out.push({ type: 'askTls', session, id: output.id, ask: output.ask });
          break;
        case 'lcpUp':
          session.lcp = output;
          break;
        case 'authenticated':
          if (output.who === 'peer' || record.role === 'client') record.user = output.user;
          record.authentication = output.method;
          record.phase = 'authenticated';
          break;
        case 'networkUp':
          out.push(...this.#networkUp(session, output, now));
          break;
        case 'networkDown':
          out.push(...this.#closeSlot(session));
          break;
        case 'ipv6Up':
          out.push(...ipv6Up(session, output, now), ...this.#follower.follow(now));
          break;
        case 'ipv6Down':
          out.push(...ipv6Down(session));
          break;
        case 'closed':
          out.push(...this.#linkClosed(session, output.reason, now));
          break;
        case 'milestone':
          out.push(milestoneEntry(record, output.name, now, output.detail));
          break;
        default:
          out.push(layerEntry(record, output));
      }
    }
    this.#wake(session);
    return out;
  }

  #wake(session: PppSession): void {
    const stands = this.#sessions.get(session.key) === session;
    this.#links.set(session, stands ? sessionDeadline(session) : undefined);
  }

  #networkUp(session: PppSession, network: NetworkUp, now: Instant): ConnectionOutput[] {
    const { record, call, lcp } = session;
    const slot = this.#parts.slots.take();
    if (slot === undefined || lcp === undefined) return this.close(session, NO_SLOT, now);
    session.slot = slot;
    session.seenMessages = 0;
    session.network = network;
    record.phase = 'up';
    record.innerAddress = record.role === 'gateway' ? network.peerAddress : network.localAddress;
    if (session.clock === undefined && isLimited(session.limits)) session.clock = new SessionClock(session.limits, now);
    this.#events.networkUp();
    const { remote, suite } = this.#path;
    const { sequencing } = call;
    const encapsulation = this.#parts.record.encapsulation ?? 'none';
    session.shape = { remote, encapsulation, suite, sequencing, lcp };
    const plan = this.#pppPath.plan(session);
    session.plan = plan;
    this.#pppPath.begin(session, now);
    const { reorder } = this.#parts;
    return [
      toDataPlane({
        type: 'openSession',
        session: {
          slot,
          channel: this.#parts.channel,
          localTunnel: call.tunnel,
          localSession: call.session,
          peerTunnel: call.peerTunnel,
          peerSession: call.peerSession,
          sequencing,
          lengthBit: true,
          sendAddressControl: lcp.sendAddressControl,
          magic: lcp.localMagic,
          compressProtocol: lcp.compressProtocol,
          ...(call.role === 'lac' && call.sequencingRequired !== true ? { followSequencing: true } : {}),
          ...(reorder === undefined ? {} : { reorder }),
          ...innerPathOf(session),
        },
      }),
      milestoneEntry(record, 'connected', now, `${record.user ?? 'no user'} has ${record.innerAddress}`),
      { type: 'sessionUp', session, network, mtu: plan.mtu },
      ...beginIpv6(session, now),
    ];
  }

  #linkClosed(session: PppSession, reason: Failure, now: Instant): ConnectionOutput[] {
    if (session.linkClosed) return [];
    session.linkClosed = true;
    session.record.ended ??= reason;
    return [...this.#closeSlot(session), ...this.#events.linkClosed(session, reason, now)];
  }

  #closeSlot(session: PppSession): ConnectionOutput[] {
    const { slot } = session;
    if (slot === undefined) return [];
    session.record.traffic = this.traffic(session);
    delete session.slot;
    delete session.plan;
    delete session.ipv6;
    delete session.shape;
    this.#parts.slots.release(slot);
    if (this.#sessions.values().every((other) => other.slot === undefined)) this.#path.pathMtu.end();
    return [toDataPlane({ type: 'closeSession', slot })];
  }
}

const NO_SLOT: Failure = {
  code: 'too-many-sessions',
  reason: 'All session slots of the data plane are taken.',
};
