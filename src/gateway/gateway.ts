/**
 * The gateway (LNS): one IKE endpoint and any number of peers' connections, each with its own L2TP socket and PPP links.
 * It decides who may connect and which address they get; sockets, clocks and users' secrets are its owner's.
 */

import { Agenda, type Core, coarse, type Endpoint, type Failure, type Instant, Recent, sooner } from '../core/index.ts';
import type { DataPlaneEvent } from '../dataplane/messages.ts';
import type { CommonParts } from '../session/commonParts.ts';
import type { Connection } from '../session/connection.ts';
import type { IkeCore } from '../session/connectionParts.ts';
import type { StackEnvironment } from '../session/environment.ts';
import { firstPacketEntry } from '../session/log.ts';
import type { ConnectionOutput } from '../session/output.ts';
import type { SessionView } from '../session/record.ts';
import { ConnectionMaker } from './connectionMaker.ts';
import { ConnectionTable } from './connectionTable.ts';
import { Draining } from './draining.ts';
import { ForgottenPeers } from './forgottenPeers.ts';
import { type IkeEvents, IkeSide } from './ikeSide.ts';
import type { GatewayCommand, GatewayOutput } from './output.ts';
import { type PlainL2tpRules, refusalOfPlain, sentOnce, UNKNOWN_TUNNEL } from './plainL2tp.ts';
import type { GatewayPopulation } from './population.ts';
import { type Redirectable, type Redirects, redirectable } from './redirects.ts';
import { RemoteAccess, type RemoteAccessRules } from './remoteAccess.ts';
import { RepeatedLog } from './repeatedLog.ts';
import { sessionViews } from './sessionViews.ts';
import { StrayTunnels } from './strayTunnels.ts';
import { TlsQuestions } from './tlsQuestions.ts';
import { type Login, type UserRules, Users } from './users.ts';

export interface GatewayParts extends PlainL2tpRules, UserRules {
  readonly environment: StackEnvironment;
  readonly ike: IkeCore;
  readonly common: CommonParts;
  readonly mostSessions: number;
  readonly remoteAccess: RemoteAccessRules;
  readonly redirects: Redirects;
}

/** Sessions that ended, kept for `sessions --ended` and for diagnosis. */
const MOST_ENDED = 100;
/** ESP may come so long after the end of its SA. */
const STRAGGLERS = 30_000;
const MOST_REMOVED_SPIS = 4096;

export class Gateway implements Core<GatewayCommand, GatewayOutput> {
  readonly #parts: GatewayParts;
  readonly #agenda = new Agenda<Connection>();
  readonly #connections = new ConnectionTable();
  readonly #maker: ConnectionMaker;
  readonly #ike: IkeSide;
  readonly #users: Users;
  readonly #tls = new TlsQuestions();
  readonly #ended: SessionView[] = [];
  readonly #repeated = new RepeatedLog();
  readonly #removedSpis = new Recent<number>(STRAGGLERS, MOST_REMOVED_SPIS);
  readonly #strays = new StrayTunnels();
  readonly #forgotten = new ForgottenPeers();
  readonly #draining: Draining;

  constructor(parts: GatewayParts) {
    const { environment, common, mostSessions, ike } = parts;
    parts.redirects.count(() => this.#connections.slots);
    this.#parts = parts;
    this.#draining = new Draining(ike);
    this.#maker = new ConnectionMaker(environment, common, this.#connections, mostSessions);
    this.#users = new Users(parts, ({ record }, reason, now) => this.#disconnect(record.id, reason, now));
    const events = {
      from: (connection, outputs, now) => this.#from(connection, outputs, now),
      dropped: ({ code, reason, remote }, now) => this.#dropped(code, reason, remote, now),
      attemptEnded: (record) => this.#keepEnded(record.view()),
    } satisfies IkeEvents as IkeEvents;
    const visitors = new RemoteAccess({
      rules: parts.remoteAccess,
      environment,
      users: this.#users,
      tls: this.#tls,
      ike: (command, now) => this.#ike.command(command, now),
    });
    this.#ike = new IkeSide(ike, this.#connections, this.#maker, events, visitors);
  }

  get deadline(): Instant | undefined {
    return sooner(sooner(this.#agenda.deadline, this.#ike.deadline), this.#draining.deadline);
  }

  /** Takes what the data plane hands up. */
  receive(event: DataPlaneEvent, now: Instant): readonly GatewayOutput[] {
    return this.#draining.finish(this.#receive(event, now), this.#connections.size, now);
  }

  #receive(event: DataPlaneEvent, now: Instant): readonly GatewayOutput[] {
    switch (event.type) {
      case 'ike':
        return this.#ike.receive(event, now);
      case 'l2tp': {
        if (event.channel === undefined) return this.#plainL2tp(event, now);
        const connection = this.#connections.byChannel(event.channel);
        return connection === undefined ? [] : this.#from(connection, connection.l2tpReceived(event.bytes, now), now);
      }
      case 'firstPacket': {
        const at = this.#connections.bySlot(event.slot);
        return at === undefined ? [] : [firstPacketEntry(at.session.record, event.direction, now)];
      }
      case 'neighborDiscovery': {
        const at = this.#connections.bySlot(event.slot);
        if (at === undefined) return [];
        return this.#from(at.connection, at.connection.neighborDiscovery(at.session, event.bytes, now), now);
      }
      case 'saUsed': {
        const connection = this.#connections.byChannel(event.channel);
        return connection === undefined ? [] : this.#from(connection, connection.saUsed(event.inboundSpi), now);
      }
      case 'saExpiring': {
        const connection = this.#connections.byChannel(event.channel);
        return connection === undefined ? [] : this.#from(connection, connection.saExpiring(event), now);
      }
      case 'channelMoved': {
        const connection = this.#connections.byChannel(event.channel);
        if (connection === undefined) return [];
        return this.#from(connection, connection.moved(event.local, event.remote, now), now);
      }
      case 'pathMtu':
        return [...this.#connections].flatMap((connection) => {
          const followed = connection.tooBig(event, now);
          return followed === undefined ? [] : this.#from(connection, followed, now);
        });
      case 'keepalive': {
        const suspects = this.#forgotten.suspects(this.#connections, event.remote, now);
        return suspects.flatMap((connection) => this.#from(connection, connection.askAt(event), now));
      }
      case 'unknownSpi': {
        // What the peer sent before it heard of the end needs no answer.
        if (this.#removedSpis.has(event.spi, now)) return [];
        const reason = `ESP for SPI ${hex(event.spi)}, which is not installed.`;
        return [
          ...this.#dropped('unknown-spi', reason, event.remote, now),
          ...(this.#draining.isOn ? [] : this.#ike.command(event, now)),
        ];
      }
      case 'dropped':
        return this.#dropped(event.code, event.reason, event.remote, now, event.count);
      default:
        return [];
    }
  }

  command(command: GatewayCommand, now: Instant): readonly GatewayOutput[] {
    return this.#draining.finish(this.#command(command, now), this.#connections.size, now);
  }

  #command(command: GatewayCommand, now: Instant): readonly GatewayOutput[] {
    switch (command.type) {
      case 'keyAnswer':
      case 'signatureAnswer':
        return this.#ike.command({ type: 'answer', id: command.id, answer: command.answer }, now);
      case 'tlsAnswer':
        return this.#tls.answered(command.id, command.progress, now);
      case 'userAnswer':
        return this.#users.answered(command.id, command.answer, now);
      case 'disconnect':
        return this.#disconnect(command.who, command.reason, now);
      case 'redirect':
        return this.#parts.redirects.send(command, this.#connections, this.#ike, now);
      case 'stopRedirecting':
        this.#parts.redirects.stop();
        return [];
      case 'drain':
        return this.#drain(command.reason, now);
    }
  }

  expire(now: Instant): readonly GatewayOutput[] {
    const out = this.#ike.expire(now);
    for (const connection of this.#agenda.due(now)) out.push(...this.#from(connection, connection.expire(now), now));
    return this.#draining.finish(out, this.#connections.size, now);
  }

  /** What stands now: a view for each PPP session, and for each connection that has none yet. */
  sessions(): SessionView[] {
    return sessionViews(this.#connections, this.#ike.attempts);
  }

  /** How much of everything stands: all 0 when the last peer is gone. */
  get population(): GatewayPopulation {
    const connections = [...this.#connections];
    const sum = (of: (connection: Connection) => number) => connections.reduce((all, one) => all + of(one), 0);
    return {
      ...this.#ike.population,
      ...this.#users.population,
      connections: connections.length,
      tunnels: sum(({ tunnels }) => tunnels),
      sessions: sum(({ sessions }) => [...sessions].length),
      slots: this.#connections.slots,
      timers: this.#agenda.size + (this.#ike.deadline === undefined ? 0 : 1),
    };
  }

  /** How many connections a session id or user means, or there are, by whether they can be sent to another gateway. */
  redirectable(who?: string): Redirectable {
    return redirectable(who, this.#connections, this.#ike);
  }

  /** Refused input by code, since the start. */
  get refused(): ReadonlyMap<string, number> {
    return this.#repeated.counts;
  }

  /** The sessions that ended last, newest last. */
  endedSessions(): readonly SessionView[] {
    return this.#ended;
  }

  #plainL2tp(event: Extract<DataPlaneEvent, { type: 'l2tp' }>, now: Instant): GatewayOutput[] {
    const { local, remote, bytes } = event;
    const refusal = refusalOfPlain(this.#parts, this.#connections, event, this.#draining.isOn);
    if (refusal !== undefined) {
      const answer = refusal === UNKNOWN_TUNNEL ? this.#strays.answer(remote, bytes, now) : undefined;
      return [
        ...this.#dropped(refusal.code, refusal.reason, remote, now),
        ...(answer === undefined ? [] : sentOnce(this.#maker.newChannel(), local, remote, answer)),
      ];
    }
    const connection = this.#maker.newConnection(this.#maker.newRecord(local, remote, now), remote);
    return [
      ...this.#from(connection, connection.openPlain(local, remote, now), now),
      ...this.#from(connection, connection.l2tpReceived(bytes, now), now),
    ];
  }

  #from(connection: Connection, outputs: readonly ConnectionOutput[], now: Instant): GatewayOutput[] {
    const out: GatewayOutput[] = [];
    for (const output of outputs) {
      if (output.type === 'log') out.push(output);
      else for (const each of this.#fromOne(connection, output, now)) out.push(each);
    }
    this.#agenda.set(connection, connection.ended ? undefined : coarse(connection.deadline, now));
    return out;
  }

  #fromOne(
    connection: Connection,
    output: Exclude<ConnectionOutput, { readonly type: 'log' }>,
    now: Instant,
  ): GatewayOutput[] {
    switch (output.type) {
      case 'dataPlane':
        if (output.command.type === 'removeSa') this.#removedSpis.note(output.command.inboundSpi, now);
        return [output];
      case 'askUser':
        return this.#askUser(connection, output, now);
      case 'askTls': {
        const { session, id, ask } = output;
        return this.#tls.ask(ask, (progress, at) =>
          connection.ended
            ? []
            : this.#from(connection, connection.answer(session, { type: 'tlsAnswer', id, progress }, at), at),
        );
      }
      case 'sessionUp': {
        const { session } = output;
        if (session.slot !== undefined) this.#connections.addSlot(connection, session, session.slot);
        return [{ type: 'sessionUp', view: session.record.view() }];
      }
      case 'sessionEnded': {
        this.#users.release(output.session);
        const view = output.record.view();
        this.#keepEnded(view);
        return [{ type: 'sessionEnded', view, reason: output.reason }];
      }
      case 'networkChanged':
      case 'mtuChanged':
        return [];
      case 'ikeChild':
        return this.#ike.command(output.command, now);
      case 'peerMoved':
        return this.#ike.move(connection, output.local, output.remote, now);
      case 'closeIke':
        return this.#ike.close(connection, output.reason, now);
      case 'ended':
        this.#connections.remove(connection);
        this.#agenda.set(connection, undefined);
        return [];
    }
  }

  #askUser(connection: Connection, ask: Extract<ConnectionOutput, { type: 'askUser' }>, now: Instant): GatewayOutput[] {
    const { session, id, credentials } = ask;
    const login: Login = {
      session,
      credentials,
      peer: connection.record.peer,
      answer: (answer, at) =>
        this.#from(connection, connection.answer(session, { type: 'answer', id, answer }, at), at),
      isOver: () => connection.ended,
    };
    return this.#users.ask(login, now);
  }

  #disconnect(who: string, reason: Failure, now: Instant): GatewayOutput[] {
    const out: GatewayOutput[] = [];
    for (const connection of [...this.#connections]) {
      const sessions = [...connection.sessions];
      const wanted = sessions.filter(({ record }) => record.id === who || record.user === who);
      const isMeant = connection.record.id === who || (sessions.length === 0 && connection.record.user === who);
      if (isMeant || (wanted.length > 0 && wanted.length === sessions.length)) {
        out.push(...this.#from(connection, connection.close(reason, now), now));
      } else {
        for (const session of wanted)
          out.push(...this.#from(connection, connection.closeSession(session, reason, now), now));
      }
    }
    return out;
  }

  #drain(reason: Failure, now: Instant): GatewayOutput[] {
    this.#draining.begin();
    const out: GatewayOutput[] = [];
    for (const connection of [...this.#connections]) {
      const sent = this.#parts.redirects.sendAtStop(connection, this.#ike, now);
      out.push(...(sent ?? this.#from(connection, connection.close(reason, now), now)));
    }
    return [...out, ...this.#ike.closeAttempts(reason, now)];
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

function hex(spi: number): string {
  return `0x${spi.toString(16).padStart(8, '0')}`;
}
