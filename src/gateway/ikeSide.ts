/** The gateway's IKE: what its outputs mean for the connections, and the records of attempts that have none yet. */

import type { Endpoint, Failure, Instant, Milliseconds } from '../core/index.ts';
import type { IkeCommand, IkeDatagram, IkeEstablished, IkeOutput, IkeSaId } from '../ike/output.ts';
import type { Connection } from '../session/connection.ts';
import type { IkeCore, IkePopulation } from '../session/connectionParts.ts';
import { passOn } from '../session/ikeOutput.ts';
import { failureText, milestoneEntry } from '../session/log.ts';
import type { ConnectionOutput } from '../session/output.ts';
import type { SessionRecord } from '../session/record.ts';
import type { ConnectionMaker } from './connectionMaker.ts';
import type { ConnectionTable } from './connectionTable.ts';
import type { GatewayOutput } from './output.ts';
import type { RemoteAccess } from './remoteAccess.ts';

/** What IKE tells the gateway. */
export interface IkeEvents {
  /** The connection returned these: the gateway acts on them. */
  from(connection: Connection, outputs: readonly ConnectionOutput[], now: Instant): GatewayOutput[];
  dropped(dropped: Extract<IkeOutput, { type: 'dropped' }>, now: Instant): GatewayOutput[];
  /** An attempt is over that never came as far as a connection. */
  attemptEnded(record: SessionRecord): void;
}

/** Who looks after the clients of IKEv2's own remote access. */
export type Visitors = Pick<RemoteAccess, 'eap' | 'configuration' | 'take' | 'release'>;

export class IkeSide {
  readonly #ike: IkeCore;
  readonly #connections: ConnectionTable;
  readonly #maker: ConnectionMaker;
  readonly #events: IkeEvents;
  readonly #visitors: Visitors;
  /** Records of IKE SAs that have no connection yet. */
  readonly #attempts = new Map<IkeSaId, SessionRecord>();
  /** IKE SAs whose peers can be sent to another gateway. */
  readonly #followers = new Set<IkeSaId>();
  /** Codes of failures that the log has of these records: the end of an attempt does not repeat them. */
  readonly #told = new WeakMap<SessionRecord, string>();

  constructor(
    ike: IkeCore,
    connections: ConnectionTable,
    maker: ConnectionMaker,
    events: IkeEvents,
    visitors: Visitors,
  ) {
    this.#visitors = visitors;
    this.#ike = ike;
    this.#connections = connections;
    this.#maker = maker;
    this.#events = events;
  }

  get deadline(): Instant | undefined {
    return this.#ike.deadline;
  }

  get population(): IkePopulation & { readonly attempts: number } {
    return { ...this.#ike.population, attempts: this.#attempts.size };
  }

  /** Records of IKE SAs that have no connection yet. */
  get attempts(): Iterable<SessionRecord> {
    return this.#attempts.values();
  }

  receive(datagram: IkeDatagram, now: Instant): GatewayOutput[] {
    return this.#take(this.#ike.receive(datagram, now), now);
  }

  command(command: IkeCommand, now: Instant): GatewayOutput[] {
    return this.#take(this.#ike.command(command, now), now);
  }

  expire(now: Instant): GatewayOutput[] {
    const { deadline } = this.#ike;
    return deadline === undefined || deadline > now ? [] : this.#take(this.#ike.expire(now), now);
  }

  /** Deletes the IKE SAs of a connection. */
  close(connection: Connection, reason: Failure, now: Instant): GatewayOutput[] {
    return this.#closeAll(this.#connections.ikeSasOf(connection), reason, now);
  }

  /** The peer was followed to another place: so are its IKE SAs, each with the ports that IKE has. */
  move(connection: Connection, local: Endpoint, remote: Endpoint, now: Instant): GatewayOutput[] {
    const ikeSas = this.#connections.ikeSasOf(connection);
    return ikeSas.flatMap((ikeSa) => this.command({ type: 'moved', ikeSa, local, remote }, now));
  }

  /** Whether the peer of a connection can be sent to another gateway. */
  follows(connection: Connection): boolean {
    return this.#connections.ikeSasOf(connection).some((ikeSa) => this.#followers.has(ikeSa));
  }

  /** Sends the peer to another gateway. */
  redirect(connection: Connection, gateway: string, within: Milliseconds, now: Instant): GatewayOutput[] {
    const ikeSas = this.#connections.ikeSasOf(connection);
    return ikeSas.flatMap((ikeSa) => this.command({ type: 'redirect', ikeSa, gateway, within }, now));
  }

  closeAttempts(reason: Failure, now: Instant): GatewayOutput[] {
    return this.#closeAll([...this.#attempts.keys()], reason, now);
  }

  #closeAll(ikeSas: readonly IkeSaId[], reason: Failure, now: Instant): GatewayOutput[] {
    return ikeSas.flatMap((ikeSa) => this.command({ type: 'close', ikeSa, reason }, now));
  }

  #take(outputs: readonly IkeOutput[], now: Instant): GatewayOutput[] {
    // The message that began an attempt is traced before its milestone, and belongs to the same record.
    for (const output of outputs) if (output.type === 'milestone') this.#recordOf(output, now);
    return outputs.flatMap((output) => this.#takeOne(output, now));
  }

  #takeOne(output: IkeOutput, now: Instant): GatewayOutput[] {
    switch (output.type) {
      case 'milestone':
        return [milestoneEntry(this.#recordOf(output, now), output.name, now, output.detail, 'ike')];
      case 'ikeEstablished':
        return this.#established(output, now);
      case 'ikeMoved': {
        const connection = this.#connections.byIkeSa(output.ikeSa);
        return connection === undefined
          ? []
          : this.#events.from(connection, connection.moved(output.local, output.remote, now, waysOf(output)), now);
      }
      case 'ikeSilent':
        return this.#heard(output.ikeSa, now);
      case 'pathProbed': {
        const connection = this.#connections.byIkeSa(output.ikeSa);
        return connection === undefined ? [] : this.#events.from(connection, connection.pathProbed(output, now), now);
      }
      case 'childEstablished': {
        const connection = this.#connections.byIkeSa(output.ikeSa);
        if (connection === undefined || connection.isClosing) return [];
        this.#connections.addChild(connection, output.child);
        if (output.mode === 'tunnel') {
          const session = this.#visitors.take(output.ikeSa);
          if (session !== undefined) connection.carry(session);
          // Who speaks L2TP inside logs in there, and gets an address there.
        } else this.#visitors.release(output.ikeSa);
        return this.#events.from(connection, connection.childEstablished(output, now), now);
      }
      case 'childConfirmed': {
        const connection = this.#connections.byChild(output.child);
        return connection === undefined
          ? []
          : this.#events.from(connection, connection.childConfirmed(output.child), now);
      }
      case 'childClosed': {
        const connection = this.#connections.byChild(output.child);
        this.#connections.removeChild(output.child);
        return connection === undefined ? [] : this.#events.from(connection, connection.childClosed(output, now), now);
      }
      case 'ikeClosed':
        return this.#closed(output, now);
      case 'ikeFailed': {
        const record = this.#knownRecord(output.ikeSa);
        if (record !== undefined) this.#told.set(record, output.failure.code);
        return [passOn(output, record)];
      }
      case 'trace': {
        const ikeSa = output.fields?.ikeSa;
        return [passOn(output, typeof ikeSa === 'number' ? this.#knownRecord(ikeSa) : undefined)];
      }
      case 'dropped':
        return this.#events.dropped(output, now);
      case 'eap': {
        const record = this.#knownRecord(output.ikeSa);
        return record === undefined ? [] : this.#visitors.eap(output, record, now);
      }
      case 'askConfiguration': {
        const record = this.#knownRecord(output.ikeSa);
        return record === undefined ? [] : this.#visitors.configuration(output, record, now);
      }
      case 'configured':
      case 'redirected':
        return [];
      default:
        return [passOn(output, undefined)];
    }
  }

  /** IKE is told when the data plane heard the peer last. */
  #heard(ikeSa: IkeSaId, now: Instant): GatewayOutput[] {
    const at = this.#connections.byIkeSa(ikeSa)?.heardAt;
    return at === undefined ? [] : this.command({ type: 'alive', ikeSa, at }, now);
  }

  #established(ike: IkeEstablished, now: Instant): GatewayOutput[] {
    // A peer that authenticated afresh keeps its connection, which lives on under the new IKE SA.
    const connection =
      (ike.adopts === undefined ? undefined : this.#connections.byIkeSa(ike.adopts)) ??
      this.#maker.newConnection(this.#attemptOf(ike, now));
    this.#attempts.delete(ike.ikeSa);
    if (ike.followsRedirects) this.#followers.add(ike.ikeSa);
    this.#connections.addIkeSa(connection, ike.ikeSa);
    return this.#events.from(connection, connection.ikeEstablished(ike, now), now);
  }

  #closed({ ikeSa, established, reason }: Extract<IkeOutput, { type: 'ikeClosed' }>, now: Instant): GatewayOutput[] {
    const out: GatewayOutput[] = [];
    const refused = this.#visitors.release(ikeSa);
    this.#followers.delete(ikeSa);
    const attempt = this.#attempts.get(ikeSa);
    if (attempt !== undefined) {
      this.#attempts.delete(ikeSa);
      if (refused !== undefined) this.#told.set(attempt, refused.code);
      out.push(...this.#endAttempt(attempt, refused ?? reason, now));
    }
    const connection = this.#connections.byIkeSa(ikeSa);
    this.#connections.removeIkeSa(ikeSa);
    if (connection === undefined || !established || this.#connections.ikeSasOf(connection).length > 0) return out;
    out.push(...this.#events.from(connection, connection.lost(reason, now), now));
    return out;
  }

  #endAttempt(record: SessionRecord, reason: Failure, now: Instant): GatewayOutput[] {
    record.ended = reason;
    record.phase = 'closed';
    this.#events.attemptEnded(record);
    if (this.#told.get(record) === reason.code) return [milestoneEntry(record, 'attempt ended', now, undefined, 'ike')];
    const text = failureText(reason);
    const fields = { code: reason.code, remote: record.peer };
    return [
      milestoneEntry(record, 'attempt ended', now, text, 'ike'),
      { type: 'log', level: 'warn', layer: 'ike', event: 'attempt-failed', text, session: record.id, fields },
    ];
  }

  #knownRecord(ikeSa: IkeSaId): SessionRecord | undefined {
    return this.#connections.byIkeSa(ikeSa)?.record ?? this.#attempts.get(ikeSa);
  }

  #recordOf(of: Pick<IkeEstablished, 'ikeSa' | 'local' | 'remote'>, now: Instant): SessionRecord {
    return this.#connections.byIkeSa(of.ikeSa)?.record ?? this.#attemptOf(of, now);
  }

  #attemptOf(
    { ikeSa, local, remote }: Pick<IkeEstablished, 'ikeSa' | 'local' | 'remote'>,
    now: Instant,
  ): SessionRecord {
    const known = this.#attempts.get(ikeSa);
    if (known !== undefined) return known;
    const record = this.#maker.newRecord(local, remote, now);
    this.#attempts.set(ikeSa, record);
    return record;
  }
}

/** How ESP travels, where IKE has found that out anew. */
const waysOf = ({ udpEncapsulation }: Extract<IkeOutput, { type: 'ikeMoved' }>): 'udp' | 'esp' | undefined =>
  udpEncapsulation === undefined ? undefined : udpEncapsulation ? 'udp' : 'esp';
