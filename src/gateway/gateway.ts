/**
 * The gateway (LNS): one IKE endpoint and any number of peers' connections, each with its own L2TP socket and PPP links.
 * It decides who may connect and which address they get; sockets, clocks and users' secrets are its owner's.
 */

import { Agenda, type Core, type Endpoint, type Environment, type Failure, type Instant } from '../core/index.ts';
import type { ChannelId, DataPlaneEvent } from '../dataplane/messages.ts';
import type { IkeEstablished, IkeOutput, IkeSaId } from '../ike/output.ts';
import type { AuthenticationAnswer, Credentials } from '../ppp/output.ts';
import { Connection } from '../session/connection.ts';
import type { ConnectionParts, IkeCore } from '../session/connectionParts.ts';
import { failureText, type LogEntry, logEntry, milestoneEntry } from '../session/log.ts';
import type { ConnectionOutput } from '../session/output.ts';
import type { PppSession } from '../session/pppSession.ts';
import { SessionRecord, type SessionView } from '../session/record.ts';
import { Slots } from '../session/slots.ts';
import { ConnectionTable } from './connectionTable.ts';
import { type Addresses, Leases } from './leases.ts';
import type { GatewayCommand, GatewayOutput, UserAnswer } from './output.ts';
import { RepeatedLog } from './repeatedLog.ts';

export interface GatewayParts
  extends Pick<ConnectionParts, 'times' | 'counters' | 'makeL2tp' | 'makePpp' | 'planPath' | 'encodeFrame'> {
  readonly environment: Environment & { unixTime(): number };
  readonly ike: IkeCore;
  readonly addresses: Addresses;
  /** The gateway's own address inside the tunnels, and the name servers that it hands out. IPv4 dotted text. */
  readonly network: {
    readonly localAddress: string;
    readonly dns: readonly string[];
    readonly nbns: readonly string[];
  };
  /** Whether L2TP without IPsec is served at this local address. */
  plainL2tp(localAddress: string): boolean;
  readonly mostSessions: number;
  /** Connections without IPsec that may stand at once, from all and from one source address. */
  readonly mostPlain: number;
  readonly mostPlainPerSource: number;
}

interface PendingUser {
  readonly connection: Connection;
  readonly session: PppSession;
  readonly id: number;
  readonly user: string;
}

/** Sessions that ended, kept for `sessions --ended` and for diagnosis. */
const MOST_ENDED = 100;

export class Gateway implements Core<GatewayCommand, GatewayOutput> {
  readonly #parts: GatewayParts;
  readonly #ike: IkeCore;
  readonly #slots: Slots;
  readonly #agenda = new Agenda<Connection>();
  readonly #connections = new ConnectionTable();
  /** Records of IKE SAs that have no connection yet. */
  readonly #records = new Map<IkeSaId, SessionRecord>();
  readonly #users = new Map<number, PendingUser>();
  readonly #leases: Leases;
  readonly #ended: SessionView[] = [];
  readonly #repeated = new RepeatedLog();
  #nextChannel: ChannelId = 1;
  #nextUser = 1;
  #draining: Failure | undefined;
  #drained = false;

  constructor(parts: GatewayParts) {
    this.#parts = parts;
    this.#ike = parts.ike;
    this.#slots = new Slots(parts.mostSessions);
    this.#leases = new Leases(parts.addresses);
  }

  get deadline(): Instant | undefined {
    const own = this.#agenda.deadline;
    const ike = this.#ike.deadline;
    if (own === undefined) return ike;
    return ike === undefined || own < ike ? own : ike;
  }

  /** Takes what the data plane hands up. */
  receive(event: DataPlaneEvent, now: Instant): readonly GatewayOutput[] {
    switch (event.type) {
      case 'ike':
        return this.#fromIke(this.#ike.receive(event, now), now);
      case 'l2tp':
        return event.channel === undefined
          ? this.#plainL2tp(event.local, event.remote, event.bytes, now)
          : this.#l2tp(event.channel, event.bytes, now);
      case 'firstPacket': {
        const at = this.#connections.bySlot(event.slot);
        return at === undefined
          ? []
          : this.#from(at.connection, at.connection.firstPacket(at.session, event.direction, now), now);
      }
      case 'saUsed': {
        const connection = this.#connections.byChannel(event.channel);
        return connection === undefined ? [] : this.#from(connection, connection.saUsed(event.inboundSpi), now);
      }
      case 'unknownSpi':
        return this.#dropped(
          'unknown-spi',
          `ESP for SPI ${hex(event.spi)}, which is not installed.`,
          event.remote,
          now,
        );
      case 'dropped':
        return this.#dropped(event.code, event.reason, event.remote, now, event.count);
      default:
        return [];
    }
  }

  command(command: GatewayCommand, now: Instant): readonly GatewayOutput[] {
    switch (command.type) {
      case 'keyAnswer':
        return this.#fromIke(this.#ike.command({ type: 'answer', id: command.id, answer: command.answer }, now), now);
      case 'userAnswer':
        return this.#userAnswered(command.id, command.answer, now);
      case 'disconnect':
        return this.#disconnect(command.who, command.reason, now);
      case 'drain':
        return this.#drain(command.reason, now);
    }
  }

  expire(now: Instant): readonly GatewayOutput[] {
    const out: GatewayOutput[] = [];
    const ike = this.#ike.deadline;
    if (ike !== undefined && ike <= now) out.push(...this.#fromIke(this.#ike.expire(now), now));
    for (const connection of this.#agenda.due(now)) out.push(...this.#from(connection, connection.expire(now), now));
    return out;
  }

  /** What stands now: a view for each PPP session, and for each connection that has none yet. */
  sessions(): SessionView[] {
    const views: SessionView[] = [];
    const seen = new Set<SessionRecord>();
    for (const connection of this.#connections) {
      for (const session of connection.sessions) {
        seen.add(session.record);
        views.push(session.record.view(connection.traffic(session)));
      }
      if (!seen.has(connection.record) && connection.record.phase !== 'closed') views.push(connection.record.view());
      seen.add(connection.record);
    }
    for (const record of this.#records.values()) if (!seen.has(record)) views.push(record.view());
    return views;
  }

  /** Refused input by code, since the start. */
  get refused(): ReadonlyMap<string, number> {
    return this.#repeated.counts;
  }

  /** The sessions that ended last, newest last. */
  endedSessions(): readonly SessionView[] {
    return this.#ended;
  }

  #fromIke(outputs: readonly IkeOutput[], now: Instant): GatewayOutput[] {
    const out: GatewayOutput[] = [];
    for (const output of outputs) {
      // The message that began an attempt is traced before its milestone, and belongs to the same record.
      if (output.type !== 'milestone' || this.#connections.byIkeSa(output.ikeSa) !== undefined) continue;
      this.#recordOf(output.ikeSa, output.local, output.remote, now);
    }
    for (const output of outputs) this.#fromIkeOne(output, out, now);
    if (this.#draining !== undefined) out.push(...this.#checkDrained());
    return out;
  }

  #fromIkeOne(output: IkeOutput, out: GatewayOutput[], now: Instant): void {
    switch (output.type) {
      case 'send':
        out.push({
          type: 'dataPlane',
          command: { type: 'sendIke', local: output.local, remote: output.remote, bytes: output.bytes },
        });
        return;
      case 'keepalive':
        out.push({ type: 'dataPlane', command: { type: 'sendKeepalive', local: output.local, remote: output.remote } });
        return;
      case 'ask':
      case 'keyLog':
        out.push(output);
        return;
      case 'milestone': {
        const record =
          this.#connections.byIkeSa(output.ikeSa)?.record ??
          this.#recordOf(output.ikeSa, output.local, output.remote, now);
        out.push(milestoneEntry(record, output.name, now, output.detail, 'ike'));
        return;
      }
      case 'ikeEstablished':
        this.#ikeEstablished(output, now);
        return;
      case 'childEstablished': {
        const connection = this.#connections.byIkeSa(output.ikeSa);
        if (connection === undefined || connection.isClosing) return;
        this.#connections.addChild(connection, output.child);
        out.push(...this.#from(connection, connection.childEstablished(output, now), now));
        return;
      }
      case 'childConfirmed': {
        const connection = this.#connections.byChild(output.child);
        if (connection !== undefined) out.push(...this.#from(connection, connection.childConfirmed(output.child), now));
        return;
      }
      case 'childClosed': {
        const connection = this.#connections.byChild(output.child);
        this.#connections.removeChild(output.child);
        if (connection !== undefined) out.push(...this.#from(connection, connection.childClosed(output, now), now));
        return;
      }
      case 'ikeClosed':
        this.#ikeClosed(output.ikeSa, output.established, output.reason, out, now);
        return;
      case 'ikeFailed': {
        const record = this.#connections.byIkeSa(output.ikeSa)?.record ?? this.#records.get(output.ikeSa);
        out.push(
          warn('ike', 'ike-failed', failureText(output.failure), record?.id, {
            ...output.failure,
            remote: output.remote,
          }),
        );
        return;
      }
      case 'trace': {
        const ikeSa = output.fields?.ikeSa;
        const record =
          typeof ikeSa === 'number'
            ? (this.#connections.byIkeSa(ikeSa)?.record ?? this.#records.get(ikeSa))
            : undefined;
        out.push({ ...logEntry(output), ...(record === undefined ? {} : { session: record.id }) });
        return;
      }
      case 'dropped':
        out.push(...this.#dropped(output.code, output.reason, output.remote, now));
        return;
    }
  }

  #recordOf(ikeSa: IkeSaId, local: Endpoint, remote: Endpoint, now: Instant): SessionRecord {
    const known = this.#records.get(ikeSa);
    if (known !== undefined) return known;
    const record = this.#newRecord(local, remote, now);
    this.#records.set(ikeSa, record);
    return record;
  }

  #newRecord(local: Endpoint, remote: Endpoint, now: Instant): SessionRecord {
    return new SessionRecord(this.#newId(), 'gateway', local, remote, now, this.#parts.environment.unixTime());
  }

  #newId(): string {
    let id = '';
    for (const byte of this.#parts.environment.random(SESSION_ID_BYTES)) id += byte.toString(16).padStart(2, '0');
    return id;
  }

  #ikeEstablished(ike: IkeEstablished, now: Instant): void {
    // A peer that authenticated afresh keeps its connection, which lives on under the new IKE SA.
    const connection =
      (ike.adopts === undefined ? undefined : this.#connections.byIkeSa(ike.adopts)) ??
      this.#newConnection(this.#recordOf(ike.ikeSa, ike.local, ike.remote, now));
    this.#records.delete(ike.ikeSa);
    this.#connections.addIkeSa(connection, ike.ikeSa);
    connection.ikeEstablished(ike);
  }

  #newConnection(record: SessionRecord, plainFrom?: Endpoint): Connection {
    const { times, counters, makeL2tp, makePpp, planPath, encodeFrame } = this.#parts;
    const connection = new Connection({
      record,
      protectedPath: plainFrom === undefined,
      channel: this.#nextChannel++,
      times,
      counters,
      slots: this.#slots,
      makeL2tp,
      makePpp,
      planPath,
      encodeFrame,
      newId: () => this.#newId(),
    });
    this.#connections.add(connection, plainFrom);
    return connection;
  }

  #ikeClosed(ikeSa: IkeSaId, established: boolean, reason: Failure, out: GatewayOutput[], now: Instant): void {
    const record = this.#records.get(ikeSa);
    if (record !== undefined) {
      this.#records.delete(ikeSa);
      out.push(...this.#endRecord(record, reason, now));
    }
    const connection = this.#connections.byIkeSa(ikeSa);
    this.#connections.removeIkeSa(ikeSa);
    if (connection === undefined || !established || this.#connections.ikeSasOf(connection).length > 0) return;
    out.push(...this.#from(connection, connection.lost(reason, now), now));
  }

  /** The end of an attempt that never came as far as a connection. */
  #endRecord(record: SessionRecord, reason: Failure, now: Instant): GatewayOutput[] {
    record.ended = reason;
    record.phase = 'closed';
    this.#keepEnded(record.view());
    return [
      milestoneEntry(record, 'attempt ended', now, failureText(reason), 'ike'),
      warn('ike', 'attempt-failed', failureText(reason), record.id, { code: reason.code, remote: record.peer }),
    ];
  }

  #l2tp(channel: ChannelId, bytes: Uint8Array, now: Instant): GatewayOutput[] {
    const connection = this.#connections.byChannel(channel);
    return connection === undefined ? [] : this.#from(connection, connection.l2tpReceived(bytes, now), now);
  }

  #plainL2tp(local: Endpoint, remote: Endpoint, bytes: Uint8Array, now: Instant): GatewayOutput[] {
    if (!this.#parts.plainL2tp(local.address)) {
      return this.#dropped(
        'ipsec-required',
        'L2TP without IPsec is refused: this listener does not allow it (l2tp.without_ipsec).',
        remote,
        now,
      );
    }
    if (this.#draining !== undefined || !isTunnelRequest(bytes)) {
      return this.#dropped('unknown-tunnel', 'An L2TP message of no known tunnel.', remote, now);
    }
    const { mostPlain, mostPlainPerSource } = this.#parts;
    if (this.#connections.plain >= mostPlain || this.#connections.plainFrom(remote) >= mostPlainPerSource) {
      return this.#dropped('too-many-tunnels', 'Too many connections without IPsec.', remote, now);
    }
    const connection = this.#newConnection(this.#newRecord(local, remote, now), remote);
    return [
      ...this.#from(connection, connection.openPlain(local, remote, now), now),
      ...this.#from(connection, connection.l2tpReceived(bytes, now), now),
    ];
  }

  #from(connection: Connection, outputs: readonly ConnectionOutput[], now: Instant): GatewayOutput[] {
    const out: GatewayOutput[] = [];
    for (const output of outputs) {
      switch (output.type) {
        case 'dataPlane':
        case 'log':
          out.push(output);
          break;
        case 'askUser':
          out.push(this.#askUser(connection, output.session, output.id, output.credentials));
          break;
        case 'sessionUp':
          if (output.session.slot !== undefined)
            this.#connections.addSlot(connection, output.session, output.session.slot);
          out.push({ type: 'sessionUp', view: output.session.record.view() });
          break;
        case 'sessionEnded': {
          this.#leases.release(output.session);
          const view = output.record.view();
          this.#keepEnded(view);
          out.push({ type: 'sessionEnded', view, reason: output.reason });
          break;
        }
        case 'closeIke':
          for (const ikeSa of this.#connections.ikeSasOf(connection)) {
            out.push(...this.#fromIke(this.#ike.command({ type: 'close', ikeSa, reason: output.reason }, now), now));
          }
          break;
        case 'ended':
          this.#forget(connection);
          break;
      }
    }
    this.#agenda.set(connection, connection.ended ? undefined : connection.deadline);
    if (this.#draining !== undefined) out.push(...this.#checkDrained());
    return out;
  }

  #askUser(connection: Connection, session: PppSession, id: number, credentials: Credentials): GatewayOutput {
    const pending = this.#nextUser++;
    this.#users.set(pending, { connection, session, id, user: credentials.user });
    return { type: 'askUser', id: pending, sessionId: session.record.id, peer: connection.record.peer, credentials };
  }

  #userAnswered(id: number, answer: UserAnswer, now: Instant): GatewayOutput[] {
    const pending = this.#users.get(id);
    if (pending === undefined) return [];
    this.#users.delete(id);
    const { connection, session, user } = pending;
    if (connection.ended) return [];
    const out: GatewayOutput[] = [];
    const judged = this.#withNetwork(session, user, answer, out, now);
    if (!judged.accepted) {
      out.push(
        warn(
          'ppp',
          'authentication-failed',
          `User ${JSON.stringify(user)}: ${failureText(judged.reason)}`,
          session.record.id,
          { code: judged.reason.code, user, remote: connection.record.peer },
        ),
      );
    }
    out.push(...this.#from(connection, connection.answer(session, pending.id, judged, now), now));
    return out;
  }

  /** Gives an accepted user an address: the static one, whose older session goes, or one of the pool. */
  #withNetwork(
    session: PppSession,
    user: string,
    answer: UserAnswer,
    out: GatewayOutput[],
    now: Instant,
  ): AuthenticationAnswer {
    if (!answer.accepted) return answer;
    const peerAddress = this.#leases.addressOf(session) ?? this.#lease(session, user, answer.address, out, now);
    if (peerAddress === undefined) return { accepted: false, reason: NO_ADDRESS };
    const { authenticatorResponse, message } = answer;
    return {
      accepted: true,
      network: { ...this.#parts.network, peerAddress },
      ...(authenticatorResponse === undefined ? {} : { authenticatorResponse }),
      ...(message === undefined ? {} : { message }),
    };
  }

  #lease(
    session: PppSession,
    user: string,
    address: string | undefined,
    out: GatewayOutput[],
    now: Instant,
  ): string | undefined {
    if (address === undefined) return this.#leases.fromPool(session, user);
    if (this.#leases.take(session, user, address)) return address;
    // A user who comes again for a static address replaces the session that the peer has forgotten.
    const holder = this.#leases.holderOf(address);
    if (holder === undefined || holder.record.user !== user) return undefined;
    this.#leases.handOver(address, session);
    const reason = { code: 'replaced', reason: `User ${user} connected again.` };
    out.push(...this.command({ type: 'disconnect', who: holder.record.id, reason }, now));
    return address;
  }

  #disconnect(who: string, reason: Failure, now: Instant): GatewayOutput[] {
    const out: GatewayOutput[] = [];
    for (const connection of [...this.#connections]) {
      const sessions = [...connection.sessions];
      const wanted = sessions.filter(({ record }) => record.id === who || record.user === who);
      if (connection.record.id === who || (wanted.length > 0 && wanted.length === sessions.length)) {
        out.push(...this.#from(connection, connection.close(reason, now), now));
      } else {
        for (const session of wanted)
          out.push(...this.#from(connection, connection.closeSession(session, reason, now), now));
      }
    }
    return out;
  }

  #drain(reason: Failure, now: Instant): GatewayOutput[] {
    this.#draining = reason;
    const out: GatewayOutput[] = [];
    for (const connection of [...this.#connections])
      out.push(...this.#from(connection, connection.close(reason, now), now));
    for (const ikeSa of [...this.#records.keys()]) {
      out.push(...this.#fromIke(this.#ike.command({ type: 'close', ikeSa, reason }, now), now));
    }
    out.push(...this.#checkDrained());
    return out;
  }

  #checkDrained(): GatewayOutput[] {
    if (this.#drained || this.#connections.size > 0) return [];
    this.#drained = true;
    return [{ type: 'drained' }];
  }

  #forget(connection: Connection): void {
    this.#connections.remove(connection);
    this.#agenda.set(connection, undefined);
    for (const [id, pending] of this.#users) if (pending.connection === connection) this.#users.delete(id);
  }

  #keepEnded(view: SessionView): void {
    this.#ended.push(view);
    if (this.#ended.length > MOST_ENDED) this.#ended.shift();
  }

  #dropped(code: string, reason: string, remote: Endpoint | undefined, now: Instant, count = 1): GatewayOutput[] {
    const entry = this.#repeated.note(code, reason, remote, count, now);
    return entry === undefined ? [] : [entry];
  }
}

const NO_ADDRESS: Failure = {
  code: 'no-address',
  reason: 'No address is free for the user.',
  remedy: 'Enlarge network.pool, or end the session that holds the static address.',
};

/** Enough that ids do not collide within any log that people keep. */
const SESSION_ID_BYTES = 5;

/** The first control message of a tunnel: T, L and S set, version 2, tunnel id 0 (RFC 2661 §3.1, §6.1). */
function isTunnelRequest(bytes: Uint8Array): boolean {
  return (
    bytes.length >= 12 && (bytes[0]! & 0xc8) === 0xc8 && (bytes[1]! & 0x0f) === 2 && bytes[4] === 0 && bytes[5] === 0
  );
}

function warn(
  layer: LogEntry['layer'],
  event: string,
  text: string,
  session: string | undefined,
  fields: Record<string, unknown>,
): LogEntry {
  return { type: 'log', level: 'warn', layer, event, text, ...(session === undefined ? {} : { session }), fields };
}

function hex(spi: number): string {
  return `0x${spi.toString(16).padStart(8, '0')}`;
}
