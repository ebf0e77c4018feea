/** The client (LAC): one connection to one server, from the first IKE message to the last Delete. */

import type { Core, Endpoint, Environment, Failure, Instant } from '../core/index.ts';
import type { DataPlaneEvent } from '../dataplane/messages.ts';
import type { IkeOutput, IkeSaId } from '../ike/output.ts';
import { Connection } from '../session/connection.ts';
import type { ConnectionParts, IkeCore } from '../session/connectionParts.ts';
import { failureText, type LogEntry, logEntry, milestoneEntry } from '../session/log.ts';
import type { ConnectionOutput } from '../session/output.ts';
import { SessionRecord, type SessionView } from '../session/record.ts';
import { Slots } from '../session/slots.ts';
import type { ClientCommand, ClientOutput } from './output.ts';

export interface ClientParts
  extends Pick<ConnectionParts, 'times' | 'counters' | 'makeL2tp' | 'makePpp' | 'planPath' | 'encodeFrame'> {
  readonly environment: Environment & { unixTime(): number };
  /** Absent: L2TP without IPsec. */
  readonly ike: IkeCore | undefined;
  /** Where IKE (or, without IPsec, L2TP) starts from and goes to. */
  readonly local: Endpoint;
  readonly remote: Endpoint;
  /** Our L2TP port inside the protection. */
  readonly l2tpPort: number;
  readonly id: string;
}

const IKE_SA: IkeSaId = 1;
const CHANNEL = 1;
const UDP = 17;
const L2TP_PORT = 1701;

export class Client implements Core<ClientCommand, ClientOutput> {
  readonly #parts: ClientParts;
  readonly #record: SessionRecord;
  readonly #connection: Connection;
  /** IKE SAs that stand or are being set up; the end waits for the last. */
  readonly #ikeSas = new Set<IkeSaId>();
  #reason: Failure | undefined;
  #closed = false;

  constructor(parts: ClientParts, now: Instant) {
    this.#parts = parts;
    const { environment, local, remote, times, counters, makeL2tp, makePpp, planPath, encodeFrame } = parts;
    this.#record = new SessionRecord(parts.id, 'client', local, remote, now, environment.unixTime());
    this.#connection = new Connection({
      record: this.#record,
      protectedPath: parts.ike !== undefined,
      channel: CHANNEL,
      times,
      counters,
      slots: new Slots(1),
      makeL2tp,
      makePpp,
      planPath,
      encodeFrame,
      newId: () => parts.id,
    });
  }

  get deadline(): Instant | undefined {
    if (this.#closed) return undefined;
    const ike = this.#parts.ike?.deadline;
    const own = this.#connection.deadline;
    if (own === undefined) return ike;
    return ike === undefined || own < ike ? own : ike;
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
    const ike = this.#fromIke(this.#parts.ike?.expire(now) ?? [], now);
    return this.#finish([...ike, ...this.#from(this.#connection.expire(now), now)], now);
  }

  #receive(event: DataPlaneEvent, now: Instant): ClientOutput[] {
    switch (event.type) {
      case 'ike':
        return this.#fromIke(this.#parts.ike?.receive(event, now) ?? [], now);
      case 'l2tp':
        return event.channel === CHANNEL ? this.#from(this.#connection.l2tpReceived(event.bytes, now), now) : [];
      case 'firstPacket': {
        const [session] = this.#connection.sessions;
        return session === undefined
          ? []
          : this.#from(this.#connection.firstPacket(session, event.direction, now), now);
      }
      case 'saUsed':
        return this.#from(this.#connection.saUsed(event.inboundSpi), now);
      case 'dropped': {
        const { code, reason, remote, count } = event;
        const fields = { code, count, ...(remote === undefined ? {} : { remote }) };
        return [
          {
            type: 'log',
            level: 'warn',
            layer: 'esp',
            event: 'dropped',
            text: reason,
            session: this.#record.id,
            fields,
          },
        ];
      }
      default:
        return [];
    }
  }

  #command(command: ClientCommand, now: Instant): ClientOutput[] {
    switch (command.type) {
      case 'connect':
        return this.#connect(now);
      case 'keyAnswer':
        return this.#fromIke(
          this.#parts.ike?.command({ type: 'answer', id: command.id, answer: command.answer }, now) ?? [],
          now,
        );
      case 'disconnect':
        this.#reason ??= command.reason;
        return this.#from(this.#connection.close(command.reason, now), now);
    }
  }

  #connect(now: Instant): ClientOutput[] {
    const { ike, local, remote, l2tpPort } = this.#parts;
    if (ike === undefined) {
      return this.#from([...this.#connection.openPlain(local, remote, now), ...this.#connection.connect(now)], now);
    }
    this.#ikeSas.add(IKE_SA);
    const selector = { protocol: UDP };
    const outputs = ike.command(
      {
        type: 'connect',
        ikeSa: IKE_SA,
        local,
        remote,
        localSelector: { ...selector, address: local.address, port: l2tpPort },
        remoteSelector: { ...selector, address: remote.address, port: L2TP_PORT },
      },
      now,
    );
    return this.#fromIke(outputs, now);
  }

  #fromIke(outputs: readonly IkeOutput[], now: Instant): ClientOutput[] {
    const out: ClientOutput[] = [];
    for (const output of outputs) this.#fromIkeOne(output, out, now);
    return out;
  }

  #fromIkeOne(output: IkeOutput, out: ClientOutput[], now: Instant): void {
    const connection = this.#connection;
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
      case 'milestone':
        out.push(milestoneEntry(this.#record, output.name, now, output.detail, 'ike'));
        return;
      case 'ikeEstablished':
        this.#ikeSas.add(output.ikeSa);
        connection.ikeEstablished(output);
        return;
      case 'childEstablished':
        if (!connection.isClosing) out.push(...this.#from(connection.childEstablished(output, now), now));
        return;
      case 'childConfirmed':
        out.push(...this.#from([...connection.childConfirmed(output.child), ...connection.connect(now)], now));
        return;
      case 'childClosed':
        out.push(...this.#from(connection.childClosed(output, now), now));
        return;
      case 'ikeClosed':
        this.#ikeSas.delete(output.ikeSa);
        if (this.#ikeSas.size > 0) return;
        this.#reason ??= output.reason;
        out.push(...this.#from(connection.lost(output.reason, now), now));
        return;
      case 'ikeFailed':
        // Without its first child SA a client's IKE SA is of no use.
        out.push(this.#warn('ike-failed', output.failure));
        if (this.#record.phase !== 'ike') return;
        this.#reason ??= output.failure;
        out.push(...this.#from(connection.close(output.failure, now), now));
        return;
      default:
        out.push({ ...logEntry(output), session: this.#record.id });
    }
  }

  #from(outputs: readonly ConnectionOutput[], now: Instant): ClientOutput[] {
    const out: ClientOutput[] = [];
    for (const output of outputs) {
      switch (output.type) {
        case 'dataPlane':
        case 'log':
          out.push(output);
          break;
        case 'sessionUp':
          out.push({ type: 'up', network: output.network, view: this.view(), mtu: output.mtu });
          break;
        case 'sessionEnded':
          this.#reason ??= output.reason;
          break;
        case 'closeIke':
          for (const ikeSa of [...this.#ikeSas]) {
            out.push(
              ...this.#fromIke(
                this.#parts.ike?.command({ type: 'close', ikeSa, reason: output.reason }, now) ?? [],
                now,
              ),
            );
          }
          break;
        case 'ended':
          this.#reason ??= output.reason;
          break;
        case 'askUser':
          // A client demands no credentials of its server; a link configured so cannot come up.
          break;
      }
    }
    return out;
  }

  /** Puts `closed` behind everything else, once, when both the connection and the last IKE SA are gone. */
  #finish(out: ClientOutput[], now: Instant): readonly ClientOutput[] {
    if (this.#closed || !this.#connection.ended || this.#ikeSas.size > 0) return out;
    this.#closed = true;
    const reason = this.#reason ?? { code: 'closed', reason: 'The connection ended.' };
    this.#record.ended = reason;
    this.#record.phase = 'closed';
    return [
      ...out,
      milestoneEntry(this.#record, 'closed', now, failureText(reason), 'client'),
      { type: 'closed', reason, view: this.#record.view() },
    ];
  }

  #warn(event: string, failure: Failure): LogEntry {
    return {
      type: 'log',
      level: 'warn',
      layer: 'ike',
      event,
      text: failureText(failure),
      session: this.#record.id,
      fields: { ...failure },
    };
  }
}
