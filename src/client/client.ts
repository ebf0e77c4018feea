/** The client (LAC): one connection to one server, from the first IKE message to the last Delete. */

import {
  type Core,
  type Endpoint,
  earliest,
  type Failure,
  type Instant,
  type Milliseconds,
  Recent,
} from '../core/index.ts';
import type { DataPlaneEvent } from '../dataplane/messages.ts';
import type { EapPeerConfig, TlsAsk, TlsProgress } from '../eap/index.ts';
import type { IkeCommand, IkeOutput, IkeSaId } from '../ike/output.ts';
import type { CommonParts } from '../session/commonParts.ts';
import { Connection } from '../session/connection.ts';
import type { IkeCore } from '../session/connectionParts.ts';
import type { StackEnvironment } from '../session/environment.ts';
import { passOn } from '../session/ikeOutput.ts';
import { failureText, firstPacketEntry, layerEntry, milestoneEntry } from '../session/log.ts';
import type { ConnectionOutput } from '../session/output.ts';
import { SessionRecord, type SessionView } from '../session/record.ts';
import { Slots } from '../session/slots.ts';
import { IkeSas } from './ikeSas.ts';
import type { ClientCommand, ClientOutput } from './output.ts';
import { RemoteAccess } from './remoteAccess.ts';
import { STALL_PATIENCE, Stalls } from './stalls.ts';

export interface ClientParts {
  readonly environment: StackEnvironment;
  readonly common: CommonParts;
  /** Absent: L2TP without IPsec. */
  readonly ike: IkeCore | undefined;
  /** Where IKE (or, without IPsec, L2TP) starts from and goes to. */
  readonly local: Endpoint;
  readonly remote: Endpoint;
  /** Our L2TP port inside the protection. */
  readonly l2tpPort: number;
  /** IKEv2's own remote access instead of L2TP: IP packets stand in ESP themselves. */
  readonly tunnelMode: boolean;
  /** How we log in where an IKEv2 server asks for EAP. */
  readonly eap: EapPeerConfig | undefined;
  readonly id: string;
}

const CHANNEL = 1;
/** ESP may come so long after the end of its SA. */
const STRAGGLERS: Milliseconds = 30_000;
const MOST_REMOVED_SPIS = 256;

type TlsContinuation = (progress: TlsProgress, now: Instant) => ClientOutput[];

export class Client implements Core<ClientCommand, ClientOutput> {
  readonly #parts: ClientParts;
  readonly #record: SessionRecord;
  readonly #connection: Connection;
  readonly #remoteAccess: RemoteAccess;
  /** The end waits for the last of them. */
  readonly #ikeSas: IkeSas;
  #isConfigured = false;
  #redirect: string | undefined;
  readonly #removedSpis = new Recent<number>(STRAGGLERS, MOST_REMOVED_SPIS);
  /** Who waits for steps of EAP-TLS. */
  readonly #tlsAsks = new Map<number, TlsContinuation>();
  #asked = 0;
  #stalls: Stalls | undefined;
  #reason: Failure | undefined;
  #closed = false;

  constructor(parts: ClientParts, now: Instant) {
    this.#parts = parts;
    const { environment, local, remote } = parts;
    this.#ikeSas = new IkeSas(parts.ike, local, remote);
    this.#record = new SessionRecord(parts.id, 'client', local, remote, now, environment.unixTime());
    this.#connection = new Connection({
      ...parts.common,
      record: this.#record,
      protectedPath: parts.ike !== undefined,
      channel: CHANNEL,
      slots: new Slots(1),
      newId: () => parts.id,
    });
    this.#remoteAccess = new RemoteAccess({
      eap: parts.eap,
      environment,
      record: this.#record,
      ike: (command, at) => this.#toIke(command, at),
      askTls: (ask, then) => this.#askTls(ask, then),
    });
  }

  get deadline(): Instant | undefined {
    if (this.#closed) return undefined;
    return earliest([this.#connection.deadline, this.#ikeSas.deadline, this.#stalls?.deadline]);
  }

  /** The session record as it is now. */
  view(): SessionView {
    const [session] = this.#connection.sessions;
    return this.#record.view(session === undefined ? undefined : this.#connection.traffic(session));
  }

  receive(event: DataPlaneEvent, now: Instant): readonly ClientOutput[] {
    if (this.#closed) return [];
    return this.#finish(this.#receive(event, now), now);
  }

  command(command: ClientCommand, now: Instant): readonly ClientOutput[] {
    if (this.#closed) return [];
    return this.#finish(this.#command(command, now), now);
  }

  expire(now: Instant): readonly ClientOutput[] {
    if (this.#closed) return [];
    const ike = this.#fromIke(this.#ikeSas.expire(now), now);
    return this.#finish([...ike, ...this.#from(this.#connection.expire(now), now), ...this.#askStalled(now)], now);
  }

  #askStalled(now: Instant): ClientOutput[] {
    const [session] = this.#connection.sessions;
    const packets = session === undefined ? 0 : this.#connection.traffic(session).packetsFromPeer;
    return this.#stalls?.look(now, packets) ? this.#command({ type: 'probe', within: STALL_PATIENCE }, now) : [];
  }

  #receive(event: DataPlaneEvent, now: Instant): ClientOutput[] {
    switch (event.type) {
      case 'ike':
        return this.#fromIke(this.#ikeSas.receive(event, now), now);
      case 'l2tp':
        return event.channel === CHANNEL ? this.#from(this.#connection.l2tpReceived(event.bytes, now), now) : [];
      case 'firstPacket':
      case 'neighborDiscovery': {
        const [session] = this.#connection.sessions;
        if (session === undefined) return [];
        if (event.type === 'firstPacket') return [firstPacketEntry(session.record, event.direction, now)];
        return this.#from(this.#connection.neighborDiscovery(session, event.bytes, now), now);
      }
      case 'saUsed':
        return this.#from(this.#connection.saUsed(event.inboundSpi), now);
      case 'saExpiring':
        return this.#from(this.#connection.saExpiring(event), now);
      case 'channelMoved':
        return this.#from(this.#connection.moved(event.local, event.remote, now), now);
      case 'pathMtu':
        return this.#from(this.#connection.tooBig(event, now) ?? [], now);
      case 'unknownSpi':
        return this.#unknownSpi(event, now);
      case 'dropped': {
        const entry = layerEntry(this.#record, { ...event, layer: 'esp' });
        return [{ ...entry, fields: { ...entry.fields, count: event.count } }];
      }
      default:
        return [];
    }
  }

  /** The server sends on an SA that is not there: it is told, so that it need not find out. */
  #unknownSpi(event: Extract<DataPlaneEvent, { type: 'unknownSpi' }>, now: Instant): ClientOutput[] {
    const { spi, remote } = event;
    const isServer = remote.address === this.#record.peer.address;
    // What the server sent before it heard of the end needs no answer.
    if (!isServer || this.#connection.isClosing || this.#removedSpis.has(spi, now)) return [];
    return this.#toIke(event, now);
  }

  #command(command: ClientCommand, now: Instant): ClientOutput[] {
    switch (command.type) {
      case 'connect':
        return this.#connect(now);
      case 'keyAnswer':
      case 'signatureAnswer':
        return this.#toIke({ type: 'answer', id: command.id, answer: command.answer }, now);
      case 'tlsAnswer': {
        const then = this.#tlsAsks.get(command.id);
        this.#tlsAsks.delete(command.id);
        return then?.(command.progress, now) ?? [];
      }
      case 'probe':
        return this.#fromIke(this.#ikeSas.each({ type: 'probe', within: command.within }, now), now);
      case 'moved':
        return this.#fromIke(this.#ikeSas.move(command.address, now), now);
      case 'disconnect':
        this.#reason ??= command.reason;
        return this.#from(this.#connection.close(command.reason, now), now);
    }
  }

  #connect(now: Instant): ClientOutput[] {
    const { ike, local, remote } = this.#parts;
    if (ike === undefined) {
      return this.#from([...this.#connection.openPlain(local, remote, now), ...this.#connection.connect(now)], now);
    }
    return this.#fromIke(this.#ikeSas.connect(this.#parts, now), now);
  }

  #toIke(command: IkeCommand, now: Instant): ClientOutput[] {
    return this.#fromIke(this.#ikeSas.command(command, now), now);
  }

  #fromIke(outputs: readonly IkeOutput[], now: Instant): ClientOutput[] {
    return outputs.flatMap((output) => this.#fromIkeOne(output, now));
  }

  #fromIkeOne(output: IkeOutput, now: Instant): ClientOutput[] {
    const connection = this.#connection;
    switch (output.type) {
      case 'milestone':
        return [milestoneEntry(this.#record, output.name, now, output.detail, 'ike')];
      case 'ikeEstablished':
        return this.#from(connection.ikeEstablished(output, now), now);
      case 'ikeMoved': {
        const { local, remote, udpEncapsulation: inUdp } = output;
        const way = inUdp === undefined ? undefined : inUdp ? 'udp' : 'esp';
        return this.#from(connection.moved(local, remote, now, way), now);
      }
      case 'ikeSilent':
        return this.#heard(output.ikeSa, now);
      case 'pathProbed':
        return this.#from(connection.pathProbed(output, now), now);
      case 'childEstablished': {
        if (connection.isClosing) return [];
        const out = this.#from(connection.childEstablished(output, now), now);
        if (!this.#parts.tunnelMode || this.#isConfigured) return out;
        return [...out, ...this.#from(connection.close(NOT_CONFIGURED, now), now)];
      }
      case 'childConfirmed': {
        const l2tp = this.#parts.tunnelMode ? [] : connection.connect(now);
        return this.#from([...connection.childConfirmed(output.child), ...l2tp], now);
      }
      case 'childClosed':
        return this.#from(connection.childClosed(output, now), now);
      case 'ikeClosed':
        if (this.#ikeSas.size > 0) return [];
        this.#reason ??= output.reason;
        return this.#from(connection.lost(output.reason, now), now);
      case 'ikeFailed': {
        if (this.#record.phase !== 'ike') return [passOn(output, this.#record)];
        // Without its first child SA a client's IKE SA is of no use, and its end says why.
        this.#reason ??= output.failure;
        return this.#from(connection.close(output.failure, now), now);
      }
      case 'dropped':
        return [layerEntry(this.#record, output)];
      case 'askConfiguration':
        return [];
      case 'redirected':
        this.#redirect = output.gateway;
        return [];
      case 'eap':
        return this.#remoteAccess.eap(output, now);
      case 'configured':
        this.#isConfigured = true;
        connection.carry(this.#remoteAccess.configured(output));
        return [];
      default:
        return [passOn(output, this.#record)];
    }
  }

  /** IKE is told when the data plane heard the server last. */
  #heard(ikeSa: IkeSaId, now: Instant): ClientOutput[] {
    const at = this.#connection.heardAt;
    return at === undefined ? [] : this.#toIke({ type: 'alive', ikeSa, at }, now);
  }

  #from(outputs: readonly ConnectionOutput[], now: Instant): ClientOutput[] {
    const out: ClientOutput[] = [];
    for (const output of outputs) {
      switch (output.type) {
        case 'dataPlane':
          if (output.command.type === 'removeSa') this.#removedSpis.note(output.command.inboundSpi, now);
          out.push(output);
          break;
        case 'log':
          out.push(output);
          break;
        case 'sessionUp':
          if (this.#record.nat?.localBehindNat) this.#stalls = new Stalls(now);
          out.push({ type: 'up', network: output.network, view: this.view(), mtu: output.mtu });
          break;
        case 'networkChanged':
          out.push({ type: 'networkChanged', network: output.network, view: this.view() });
          break;
        case 'mtuChanged':
          out.push({ type: 'mtuChanged', mtu: output.mtu });
          break;
        case 'sessionEnded':
          this.#stalls = undefined;
          this.#reason ??= output.reason;
          break;
        case 'ikeChild':
          out.push(...this.#toIke(output.command, now));
          break;
        case 'peerMoved':
          out.push(
            ...this.#fromIke(
              this.#ikeSas.each({ type: 'moved', local: output.local, remote: output.remote }, now),
              now,
            ),
          );
          break;
        case 'closeIke':
          out.push(...this.#fromIke(this.#ikeSas.each({ type: 'close', reason: output.reason }, now), now));
          break;
        case 'ended':
          this.#reason ??= output.reason;
          break;
        case 'askTls': {
          const { session, id, ask } = output;
          const then: TlsContinuation = (progress, at) =>
            this.#from(this.#connection.answer(session, { type: 'tlsAnswer', id, progress }, at), at);
          out.push(...this.#askTls(ask, then));
          break;
        }
        case 'askUser':
          // A client demands no credentials of its server; a link configured so cannot come up.
          break;
      }
    }
    return out;
  }

  #askTls(ask: TlsAsk, then: TlsContinuation): ClientOutput[] {
    this.#tlsAsks.set(++this.#asked, then);
    return [{ type: 'askTls', id: this.#asked, ask }];
  }

  /** Puts `closed` behind everything else, once, when both the connection and the last IKE SA are gone. */
  #finish(out: ClientOutput[], now: Instant): readonly ClientOutput[] {
    if (this.#closed || !this.#connection.ended || this.#ikeSas.isLeaving(now)) return out;
    this.#closed = true;
    const redirect = this.#redirect;
    const reason = this.#reason ?? { code: 'closed', reason: 'The connection ended.' };
    this.#record.ended = reason;
    this.#record.phase = 'closed';
    return [
      ...out,
      milestoneEntry(this.#record, 'closed', now, failureText(reason), 'client'),
      { type: 'closed', reason, view: this.#record.view(), ...(redirect === undefined ? {} : { redirect }) },
    ];
  }
}

const NOT_CONFIGURED: Failure = {
  code: 'no-address',
  reason: 'The server gave this client no address.',
  remedy: 'Let the server give addresses to its clients (strongSwan: pools), or connect with L2TP.',
};
