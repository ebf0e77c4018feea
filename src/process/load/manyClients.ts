/**
 * Any number of clients over one data plane: each is the client that `sallyport connect` runs, with a channel and a
 * slot of its own. IKE messages find theirs by the initiator's cookie, everything else by its channel.
 */

import { type Client, type ClientConfig, type ClientEnvironment, makeClient } from '../../client/index.ts';
import type { ClientOutput } from '../../client/output.ts';
import { Agenda, type Failure, type Instant } from '../../core/index.ts';
import { COUNTERS_PER_SESSION, type DataPlaneCommand, type DataPlaneEvent } from '../../dataplane/messages.ts';
import type { RunnableCore } from '../../driver/runCore.ts';
import type { KeyAnswer, KeyAsk } from '../../ike/output.ts';

export type ClientNumber = number;

export type ManyClientsCommand =
  | { readonly type: 'connect'; readonly client: ClientNumber; readonly config: ClientConfig }
  | { readonly type: 'disconnect'; readonly client: ClientNumber; readonly reason: Failure }
  | { readonly type: 'keyAnswer'; readonly id: number; readonly answer: KeyAnswer };

export type ManyClientsOutput =
  | { readonly type: 'dataPlane'; readonly command: DataPlaneCommand }
  | KeyAsk
  | { readonly type: 'up'; readonly client: ClientNumber }
  | { readonly type: 'closed'; readonly client: ClientNumber; readonly reason: Failure };

interface Member {
  readonly client: Client;
  readonly number: ClientNumber;
  /** Its channel and, less one, its slot. */
  readonly place: number;
  cookie: string | undefined;
}

export class ManyClients implements RunnableCore<ManyClientsCommand, ManyClientsOutput> {
  readonly #environment: ClientEnvironment;
  readonly #counters: Float64Array;
  readonly #agenda = new Agenda<Member>();
  readonly #members = new Map<ClientNumber, Member>();
  readonly #byPlace: (Member | undefined)[] = [];
  readonly #freePlaces: number[] = [];
  readonly #byCookie = new Map<string, Member>();
  readonly #asks = new Map<number, { readonly member: Member; readonly id: number }>();
  #nextAsk = 1;
  /** Packets that the data plane refused or that were for nobody. */
  refused = 0;

  /** @param counters of the data plane, with as many slots as clients may stand at once */
  constructor(environment: ClientEnvironment, counters: Float64Array) {
    this.#environment = environment;
    this.#counters = counters;
  }

  get deadline(): Instant | undefined {
    return this.#agenda.deadline;
  }

  receive(event: DataPlaneEvent, now: Instant): readonly ManyClientsOutput[] {
    const member = this.#memberOf(event);
    if (member === undefined) {
      this.refused += event.type === 'dropped' ? event.count : 1;
      return [];
    }
    // Each client believes that it is alone, on channel 1 and in slot 0.
    const own = 'channel' in event ? { ...event, channel: OWN_CHANNEL } : event;
    return this.#from(member, member.client.receive(own, now));
  }

  command(command: ManyClientsCommand, now: Instant): readonly ManyClientsOutput[] {
    if (command.type === 'connect') return this.#connect(command.client, command.config, now);
    if (command.type === 'disconnect') {
      const member = this.#members.get(command.client);
      if (member === undefined) return [];
      return this.#from(member, member.client.command({ type: 'disconnect', reason: command.reason }, now));
    }
    const asked = this.#asks.get(command.id);
    this.#asks.delete(command.id);
    if (asked === undefined) return [];
    const { member, id } = asked;
    return this.#from(member, member.client.command({ type: 'keyAnswer', id, answer: command.answer }, now));
  }

  expire(now: Instant): readonly ManyClientsOutput[] {
    const out: ManyClientsOutput[] = [];
    for (const member of this.#agenda.due(now)) {
      for (const output of this.#from(member, member.client.expire(now))) out.push(output);
    }
    return out;
  }

  #connect(number: ClientNumber, config: ClientConfig, now: Instant): readonly ManyClientsOutput[] {
    const place = this.#freePlaces.pop() ?? this.#byPlace.length + 1;
    const at = (place - 1) * COUNTERS_PER_SESSION;
    const counters = this.#counters.subarray(at, at + COUNTERS_PER_SESSION);
    const client = makeClient(config, this.#environment, counters, now);
    const member: Member = { client, number, place, cookie: undefined };
    this.#byPlace[place - 1] = member;
    this.#members.set(number, member);
    return this.#from(member, client.command({ type: 'connect' }, now));
  }

  #memberOf(event: DataPlaneEvent): Member | undefined {
    switch (event.type) {
      case 'ike':
        return this.#byCookie.get(cookieOf(event.bytes));
      case 'firstPacket':
      case 'neighborDiscovery':
        return this.#byPlace[event.slot];
      case 'keepalive':
      case 'pathMtu':
      case 'unknownSpi':
      case 'dropped':
        return undefined;
      default:
        return event.channel === undefined ? undefined : this.#byPlace[event.channel - 1];
    }
  }

  #from(member: Member, outputs: readonly ClientOutput[]): ManyClientsOutput[] {
    const out: ManyClientsOutput[] = [];
    for (const output of outputs) {
      switch (output.type) {
        case 'dataPlane':
          out.push({ type: 'dataPlane', command: this.#placed(member, output.command) });
          break;
        case 'ask':
          this.#asks.set(this.#nextAsk, { member, id: output.id });
          out.push({ ...output, id: this.#nextAsk++ });
          break;
        case 'up':
          out.push({ type: 'up', client: member.number });
          break;
        case 'closed':
          this.#forget(member);
          out.push({ type: 'closed', client: member.number, reason: output.reason });
          break;
      }
    }
    if (this.#members.get(member.number) === member) this.#agenda.set(member, member.client.deadline);
    return out;
  }

  /** The command with the member's own channel and slot in it. */
  #placed(member: Member, command: DataPlaneCommand): DataPlaneCommand {
    const channel = member.place;
    const slot = member.place - 1;
    switch (command.type) {
      case 'openChannel':
      case 'installSa':
        return { ...command, record: { ...command.record, channel } } as DataPlaneCommand;
      case 'openSession':
        return { ...command, session: { ...command.session, channel, slot } };
      case 'openTunnelSession':
        return { ...command, session: { ...command.session, channel, slot } };
      case 'closeSession':
      case 'changeSession':
      case 'sendPacket':
        return { ...command, slot };
      case 'sendIke':
        this.#learnCookie(member, command.bytes);
        return command;
      case 'removeSa':
      case 'sendKeepalive':
      case 'configure':
        return command;
      default:
        return { ...command, channel };
    }
  }

  #learnCookie(member: Member, bytes: Uint8Array): void {
    const cookie = cookieOf(bytes);
    if (this.#byCookie.has(cookie)) return;
    // The cookie of a renewed IKE SA comes in place of the old one, whose last messages nobody waits for.
    if (member.cookie !== undefined) this.#byCookie.delete(member.cookie);
    member.cookie = cookie;
    this.#byCookie.set(cookie, member);
  }

  #forget(member: Member): void {
    this.#agenda.set(member, undefined);
    this.#members.delete(member.number);
    this.#byPlace[member.place - 1] = undefined;
    this.#freePlaces.push(member.place);
    if (member.cookie !== undefined) this.#byCookie.delete(member.cookie);
  }
}

const OWN_CHANNEL = 1;
const COOKIE_BYTES = 8;

function cookieOf(bytes: Uint8Array): string {
  let cookie = '';
  for (let i = 0; i < COOKIE_BYTES; i++) cookie += String.fromCharCode(bytes[i] ?? 0);
  return cookie;
}
