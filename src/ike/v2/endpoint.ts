/** The IKEv2 endpoint of one listener: finds the IKE SA of each message, and lets its exchange act. RFC 7296. */

import { Agenda, type Core, type Environment, type Instant } from '../../core/index.ts';
import type { Crypto } from '../../crypto/index.ts';
import { Malformed } from '../../wire/index.ts';
import type { ChildSaId, IkeAnswer, IkeCommand, IkeDatagram, IkeOutput, IkeSaId } from '../output.ts';
import { PeerTable } from '../peerTable.ts';
import { HalfOpenTable, OncePer } from '../v1/halfOpen.ts';
import { ANSWERS_KEPT } from '../v1/retransmission.ts';
import { type Association, isZeroSpi, NO_SPI, spiKey } from './association.ts';
import type { Child } from './childSa.ts';
import { closeAndTell, closeChildAndTell, closed } from './closing.ts';
import { type IkeV2Config, resolveConfig } from './config.ts';
import type { Context, Question } from './context.ts';
import { CookieJar } from './cookie.ts';
import { createAnew } from './exchanges/createChild.ts';
import { onEapCommand } from './exchanges/eapRun.ts';
import { onMoved } from './exchanges/mobike.ts';
import { receiveNewcomer, refuseVersion } from './exchanges/newcomer.ts';
import { sendRedirect } from './exchanges/redirect.ts';
import { begin } from './exchanges/saInitInitiator.ts';
import { failureOfError } from './failures.ts';
import { IkeSa } from './ikeSa.ts';
import { askAt, heardByOwner, probePeer } from './liveness.ts';
import { probePath } from './pathProbe.ts';
import { receiveOn } from './receiving.ts';
import { outOfState, type Refusal } from './refusal.ts';
import { freshSpi } from './spis.ts';
import { TicketSealer } from './ticket.ts';
import { onTimer } from './timing.ts';
import { tellUnknownSpi } from './unknownSpi.ts';
import {
  decodeMessage,
  FragmentReassembly,
  isFromInitiator,
  isResponse,
  type Message,
  majorVersionOf,
} from './wire/index.ts';

/** IKE SAs that the endpoint names itself start here; those that `connect` names stay below. */
export const FIRST_OWN_IKE_SA_ID = 2 ** 32;

/** Unsolicited answers to one source: at most one in this time. */
const NOTIFY_SPAN = 1000;
/** The same peer's refusal is told at most once in this time. */
const REFUSAL_SPAN = 30_000;

interface Asked {
  readonly sa: IkeSa;
  readonly then: (answer: IkeAnswer, now: Instant) => void;
}

/**
 * IKEv2 in both roles. Feed it datagrams without the non-ESP marker; do what it returns, in order; answer each `ask`,
 * `askSignature`, `askConfiguration` and `eap`.
 *
 *     const endpoint = new IkeV2Endpoint({ config, crypto, environment });
 *     perform(endpoint.receive({ local, remote, bytes }, now));
 *     wakeAt(endpoint.deadline);
 */
export class IkeV2Endpoint implements Core<IkeCommand, IkeOutput> {
  readonly #context: Context;
  #outputs: IkeOutput[] = [];
  readonly #sas = new Map<IkeSaId, IkeSa>();
  /** By the SPI that we chose. */
  readonly #bySpi = new Map<string, Association>();
  /** Responders by the initiator's SPI and address, for duplicates of the first message. */
  readonly #byNewcomer = new Map<string, IkeSa>();
  readonly #agenda = new Agenda<IkeSa>();
  readonly #asked = new Map<number, Asked>();
  #nextIkeSaId = FIRST_OWN_IKE_SA_ID;
  #nextChildId: ChildSaId = 1;
  #nextAskId = 1;

  /** @throws RangeError where the config contradicts itself */
  constructor(given: { readonly config: IkeV2Config; readonly crypto: Crypto; readonly environment: Environment }) {
    const config = resolveConfig(given.config);
    const random = (length: number) => given.environment.random(length);
    this.#context = {
      config,
      crypto: given.crypto,
      random,
      emit: (output) => void this.#outputs.push(output),
      untraced: given.environment.untraced ?? false,
      ask: (sa, question, then) => this.#ask(sa, question, then as Asked['then']),
      nextIkeSaId: () => this.#nextIkeSaId++,
      nextChildId: () => this.#nextChildId++,
      index: (association) => this.#index(association),
      unindex: (association) => this.#unindex(association),
      remove: (sa) => this.#remove(sa),
      isFreeSpi: (spi) => !isZeroSpi(spi) && !this.#bySpi.has(spiKey(spi)),
      onTimer: (sa) => this.#agenda.set(sa, sa.timers.deadline),
      sas: this.#sas,
      children: new Map<ChildSaId, Child>(),
      childByInboundSpi: new Map(),
      halfOpen: new HalfOpenTable(config.halfOpen),
      cookies: new CookieJar(given.crypto, random),
      tickets: new TicketSealer(given.crypto, random),
      keptTickets: config.keptTickets,
      fragments: new FragmentReassembly(),
      parting: new Set(),
      peers: new PeerTable(),
      notifyLimit: new OncePer(NOTIFY_SPAN),
      hintLimit: new OncePer(NOTIFY_SPAN),
      refusalLimit: new OncePer(REFUSAL_SPAN),
    };
  }

  /** Whatever arrives on the IKE ports. Never throws for what the bytes are. */
  receive(datagram: IkeDatagram, now: Instant): readonly IkeOutput[] {
    try {
      const refusal = this.#dispatch(datagram, now);
      if (refusal !== undefined) this.#drop(datagram, refusal);
    } catch (error) {
      const code = error instanceof Malformed ? 'malformed' : 'internal-error';
      this.#drop(datagram, { code, reason: error instanceof Error ? error.message : String(error) });
    }
    return this.#drain();
  }

  /** @throws RangeError for `connect` with an id in use, or with addresses that are none */
  command(command: IkeCommand, now: Instant): readonly IkeOutput[] {
    this.#command(command, now);
    return this.#drain();
  }

  expire(now: Instant): readonly IkeOutput[] {
    for (const sa of this.#agenda.due(now)) {
      for (const name of sa.timers.due(now)) {
        if (this.#sas.has(sa.id)) this.#guard(sa, () => onTimer(this.#context, sa, name, now));
      }
      for (const association of sa.associations) {
        const { answered } = association;
        // No network delivers a duplicate so late.
        if (answered !== undefined && answered.last < now - ANSWERS_KEPT) association.answered = undefined;
      }
      if (this.#sas.has(sa.id)) this.#agenda.set(sa, sa.timers.deadline);
    }
    return this.#drain();
  }

  get deadline(): Instant | undefined {
    return this.#agenda.deadline;
  }

  /** How many IKE SAs there are, and how many of them are not authenticated. */
  get population(): { readonly ikeSas: number; readonly halfOpen: number; readonly children: number } {
    const { halfOpen, children } = this.#context;
    return { ikeSas: this.#sas.size, halfOpen: halfOpen.size, children: children.size };
  }

  /** Whether a Delete of an IKE SA waits behind a request that is under way: an end now would leave it unsaid. */
  get owesGoodbye(): boolean {
    for (const { association } of this.#context.parting) if (association.queue.length > 0) return true;
    return false;
  }

  #command(command: IkeCommand, now: Instant): void {
    const context = this.#context;
    switch (command.type) {
      case 'connect':
        this.#connect(command, now);
        break;
      case 'answer':
        this.#answer(command.id, command.answer, now);
        break;
      case 'eap': {
        const sa = this.#sas.get(command.ikeSa);
        if (sa !== undefined) this.#guard(sa, () => onEapCommand(context, sa, command, now));
        break;
      }
      case 'closeChild': {
        const child = context.children.get(command.child);
        if (child !== undefined) closeChildAndTell(context, child, command.reason ?? CLOSED_BY_US, now);
        break;
      }
      case 'renewChild': {
        const child = context.children.get(command.child);
        if (child !== undefined) child.sa.timers.set(`renewChild:${child.id}`, now);
        break;
      }
      case 'createChild': {
        const sa = this.#sas.get(command.ikeSa);
        if (sa?.established) createAnew(context, sa, now);
        break;
      }
      case 'close': {
        const sa = this.#sas.get(command.ikeSa);
        if (sa !== undefined) closeAndTell(context, sa, command.reason, now);
        break;
      }
      case 'alive': {
        const sa = this.#sas.get(command.ikeSa);
        if (sa !== undefined) this.#guard(sa, () => heardByOwner(this.#context, sa, command.at ?? now, now));
        break;
      }
      case 'probe': {
        const sa = this.#sas.get(command.ikeSa);
        if (sa !== undefined) probePeer(context, sa, command.within, now);
        break;
      }
      case 'askAt': {
        const sa = this.#sas.get(command.ikeSa);
        if (sa !== undefined) askAt(context, sa, command, now);
        break;
      }
      case 'probePath': {
        const sa = this.#sas.get(command.ikeSa);
        if (sa !== undefined) this.#guard(sa, () => probePath(context, sa, command.size, now));
        break;
      }
      case 'unknownSpi':
        tellUnknownSpi(context, command, now);
        break;
      case 'redirect': {
        const sa = this.#sas.get(command.ikeSa);
        if (sa !== undefined) sendRedirect(context, sa, command, now);
        break;
      }
      case 'moved': {
        const sa = this.#sas.get(command.ikeSa);
        if (sa?.established) onMoved(context, sa, command, now);
        break;
      }
    }
  }

  /** What goes wrong with one IKE SA ends that one. */
  #guard(sa: IkeSa, act: () => void): void {
    try {
      act();
    } catch (error) {
      closed(this.#context, sa, failureOfError(error));
    }
  }

  #drain(): readonly IkeOutput[] {
    const outputs = this.#outputs;
    this.#outputs = [];
    return outputs;
  }

  #drop({ remote }: IkeDatagram, { code, reason }: NonNullable<Refusal>): void {
    this.#outputs.push({ type: 'dropped', layer: 'ike', code, reason, remote });
  }

  #dispatch(datagram: IkeDatagram, now: Instant): Refusal {
    if (refuseVersion(this.#context, datagram, now)) {
      return { code: 'version-not-served', reason: `IKE of version ${majorVersionOf(datagram.bytes)}` };
    }
    const message = decodeMessage(datagram.bytes);
    const association = this.#find(message, datagram);
    if (association !== undefined) return receiveOn(this.#context, association, { message, datagram }, now);
    if (isResponse(message.header)) return outOfState('an answer to a request that nobody made');
    return receiveNewcomer(this.#context, { message, datagram }, now);
  }

  #find({ header }: Message, { remote }: IkeDatagram): Association | undefined {
    const { initiatorSpi, responderSpi } = header;
    const fromInitiator = isFromInitiator(header);
    if (fromInitiator && isZeroSpi(responderSpi)) {
      return this.#byNewcomer.get(newcomerKey(initiatorSpi, remote))?.associations[0];
    }
    const association = this.#bySpi.get(spiKey(fromInitiator ? responderSpi : initiatorSpi));
    if (association === undefined || association.initiated === fromInitiator) return undefined;
    const known = association.remoteSpi;
    const theirs = fromInitiator ? initiatorSpi : responderSpi;
    // The first answer to an initiator brings an SPI that it does not know yet, or none with a refusal.
    const fits = spiKey(known) === spiKey(theirs) || (association.initiated && isZeroSpi(known));
    return fits ? association : undefined;
  }

  #index(association: Association): void {
    const { sa } = association;
    this.#sas.set(sa.id, sa);
    association.indexedAs = spiKey(association.localSpi);
    this.#bySpi.set(association.indexedAs, association);
    if (sa.role === 'responder' && association.serial === 0) {
      sa.newcomerKey = newcomerKey(association.initiatorSpi, sa.remote);
      this.#byNewcomer.set(sa.newcomerKey, sa);
    }
    this.#agenda.set(sa, sa.timers.deadline);
  }

  #unindex(association: Association): void {
    if (association.indexedAs === undefined) return;
    this.#bySpi.delete(association.indexedAs);
    this.#context.fragments.drop(association.indexedAs);
    association.indexedAs = undefined;
  }

  #remove(sa: IkeSa): void {
    for (const association of sa.associations) this.#unindex(association);
    const { newcomerKey: key } = sa;
    if (key !== undefined && this.#byNewcomer.get(key) === sa) this.#byNewcomer.delete(key);
    this.#sas.delete(sa.id);
    this.#context.parting.delete(sa);
    this.#agenda.set(sa, undefined);
  }

  #ask(sa: IkeSa, question: Question, then: Asked['then']): void {
    const id = this.#nextAskId++;
    this.#asked.set(id, { sa, then });
    this.#outputs.push({ ...question, id } as IkeOutput);
  }

  #answer(id: number, answer: IkeAnswer, now: Instant): void {
    const asked = this.#asked.get(id);
    if (asked === undefined) return;
    this.#asked.delete(id);
    if (asked.sa.phase === 'gone' || asked.sa.phase === 'closing') return;
    this.#guard(asked.sa, () => asked.then(answer, now));
  }

  #connect(command: Extract<IkeCommand, { type: 'connect' }>, now: Instant): void {
    if (this.#sas.has(command.ikeSa)) throw new RangeError(`IKE SA ${command.ikeSa} exists`);
    const { localSelector, remoteSelector } = command;
    const sa = new IkeSa({
      id: command.ikeSa,
      role: 'initiator',
      initiatorSpi: freshSpi(this.#context),
      responderSpi: NO_SPI,
      local: command.local,
      remote: command.remote,
      wanted: [{ localSelector, remoteSelector }],
      now,
      onTimer: this.#context.onTimer,
    });
    this.#context.index(sa.association);
    begin(this.#context, sa, now);
  }
}

const newcomerKey = (initiatorSpi: Uint8Array, { address, port }: { address: string; port: number }): string =>
  `${spiKey(initiatorSpi)}|${address}|${port}`;

const CLOSED_BY_US = { code: 'closed', reason: 'this end closed the child SA' };
