/** The IKEv1 endpoint of one listener: finds the SA of each message, and lets its exchange act. RFC 2408 §5, RFC 2409. */

import { Agenda, type Core, type Environment, type Instant } from '../../core/index.ts';
import type { Crypto } from '../../crypto/index.ts';
import { Malformed, toHex } from '../../wire/index.ts';
import { FragmentReassembly } from '../fragmentation.ts';
import { decodeMessage, find, type Message } from '../message.ts';
import type { ChildSaId, IkeAnswer, IkeCommand, IkeDatagram, IkeOutput, IkeSaId } from '../output.ts';
import { ExchangeType } from '../payloads/index.ts';
import { PeerTable } from '../peerTable.ts';
import { type Arrival, decode, digestOf, isEncrypted, isZero, type Refusal } from './arrival.ts';
import type { Child } from './childSa.ts';
import { closeAndTell, closeChildAndTell } from './closing.ts';
import { type IkeV1Config, resolveConfig } from './config.ts';
import type { Context } from './context.ts';
import { heardByOwner, probePeer } from './deadPeerDetection.ts';
import { HalfOpenTable, OncePer } from './halfOpen.ts';
import { COOKIE_BYTES, cookieKey, IkeSa, MAX_WAITING, type WantedChild } from './ikeSa.ts';
import { receiveInformational } from './informational.ts';
import { takeInvalidSpiHint, tellInvalidSpi } from './invalidSpi.ts';
import { movePath } from './natTraversal.ts';
import { receiveNewcomer } from './newcomer.ts';
import { UNKNOWN_ABILITIES } from './peerAbilities.ts';
import { initiate, receivePhase1 } from './phase1Exchange.ts';
import { receiveQuickMode } from './quickMode.ts';
import { ANSWERS_KEPT } from './retransmission.ts';
import { onTimer } from './timing.ts';
import { transmit } from './transmission.ts';

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
 * IKEv1 in both roles. Feed it datagrams without the non-ESP marker; do what it returns, in order; answer each `ask` and `askSignature`.
 *
 *     const endpoint = new IkeV1Endpoint({ config, crypto, environment });
 *     perform(endpoint.receive({ local, remote, bytes }, now));
 *     wakeAt(endpoint.deadline);
 */
export class IkeV1Endpoint implements Core<IkeCommand, IkeOutput> {
  readonly #context: Context;
  #outputs: IkeOutput[] = [];
  readonly #sas = new Map<IkeSaId, IkeSa>();
  /** By both cookies; an initiator that awaits its first answer is found by its own and zeros. */
  readonly #byCookies = new Map<string, IkeSa>();
  /** Responders by the initiator's cookie and address, for duplicates of message 1. */
  readonly #byNewcomer = new Map<string, IkeSa>();
  readonly #agenda = new Agenda<IkeSa>();
  readonly #asked = new Map<number, Asked>();
  readonly #fragments = new FragmentReassembly();
  #nextIkeSaId = FIRST_OWN_IKE_SA_ID;
  #nextChildId: ChildSaId = 1;
  #nextAskId = 1;

  /** @throws RangeError where the config contradicts itself */
  constructor(given: { readonly config: IkeV1Config; readonly crypto: Crypto; readonly environment: Environment }) {
    const config = resolveConfig(given.config);
    this.#context = {
      config,
      crypto: given.crypto,
      random: (length) => given.environment.random(length),
      emit: (output) => void this.#outputs.push(output),
      untraced: given.environment.untraced ?? false,
      ask: (sa, ask, then) => {
        this.#outputs.push({ type: 'ask', id: this.#asks(sa, then as Asked['then']), ask });
      },
      askSignature: (sa, ask, then) => {
        this.#outputs.push({ type: 'askSignature', id: this.#asks(sa, then as Asked['then']), ask });
      },
      resume: (sa, now) => this.#resume(sa, now),
      nextIkeSaId: () => this.#nextIkeSaId++,
      nextChildId: () => this.#nextChildId++,
      index: (sa) => this.#index(sa),
      unindex: (sa) => this.#unindex(sa),
      onTimer: (sa) => this.#agenda.set(sa, sa.timers.deadline),
      sas: this.#sas,
      children: new Map<ChildSaId, Child>(),
      childByInboundSpi: new Map(),
      halfOpen: new HalfOpenTable(config.halfOpen),
      peers: new PeerTable(),
      notifyLimit: new OncePer(NOTIFY_SPAN),
      hintLimit: new OncePer(NOTIFY_SPAN),
      refusalLimit: new OncePer(REFUSAL_SPAN),
    };
  }

  /** Whatever arrives on the IKE ports. Never throws for what the bytes are. */
  receive(datagram: IkeDatagram, now: Instant): readonly IkeOutput[] {
    this.#receiveOne(datagram, now);
    return this.#drain();
  }

  /** @throws RangeError for `connect` with an id in use, or with addresses that are none */
  command(command: IkeCommand, now: Instant): readonly IkeOutput[] {
    switch (command.type) {
      case 'connect':
        this.#connect(command, now);
        break;
      case 'answer':
        this.#answer(command.id, command.answer, now);
        break;
      case 'closeChild': {
        const child = this.#context.children.get(command.child);
        if (child !== undefined) closeChildAndTell(this.#context, child, command.reason ?? CLOSED_BY_US);
        break;
      }
      case 'renewChild': {
        const child = this.#context.children.get(command.child);
        child?.ikeSa.timers.set(`renewChild:${child.id}`, now);
        break;
      }
      case 'close': {
        const sa = this.#sas.get(command.ikeSa);
        if (sa !== undefined) closeAndTell(this.#context, sa, command.reason, now);
        break;
      }
      case 'alive': {
        const sa = this.#sas.get(command.ikeSa)?.current;
        if (sa !== undefined) heardByOwner(this.#context, sa, command.at ?? now, now);
        break;
      }
      case 'probe': {
        const sa = this.#sas.get(command.ikeSa)?.current;
        if (sa !== undefined) probePeer(this.#context, sa, command.within, now);
        break;
      }
      case 'unknownSpi':
        tellInvalidSpi(this.#context, command, now);
        break;
      case 'moved': {
        const sa = this.#sas.get(command.ikeSa)?.current;
        if (sa?.established) movePath(this.#context, sa, command);
        break;
      }
    }
    return this.#drain();
  }

  expire(now: Instant): readonly IkeOutput[] {
    for (const sa of this.#agenda.due(now)) {
      const due = sa.timers.due(now);
      for (const name of due) if (this.#sas.has(sa.id)) onTimer(this.#context, sa, name, now);
      sa.answered.forgetBefore(now - ANSWERS_KEPT);
      if (sa.established && sa.answered.isEmpty) this.#forgetNewcomer(sa);
      this.#agenda.set(sa, sa.timers.deadline);
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

  #drain(): readonly IkeOutput[] {
    const outputs = this.#outputs;
    this.#outputs = [];
    return outputs;
  }

  /** The one place where what a decoder throws is caught. */
  #receiveOne(datagram: IkeDatagram, now: Instant): void {
    try {
      const refusal = this.#dispatch(datagram, now);
      if (refusal !== undefined) this.#drop(datagram, refusal);
    } catch (error) {
      const code = error instanceof Malformed ? 'malformed' : 'internal-error';
      this.#drop(datagram, { code, reason: error instanceof Error ? error.message : String(error) });
    }
  }

  #drop({ remote }: IkeDatagram, { code, reason }: NonNullable<Refusal>): void {
    this.#outputs.push({ type: 'dropped', layer: 'ike', code, reason, remote });
  }

  #dispatch(datagram: IkeDatagram, now: Instant): Refusal {
    const message = decode(datagram.bytes);
    const sa = this.#find(message, datagram);
    if (sa === undefined) {
      if (takeInvalidSpiHint(this.#context, this.#arrival(message, datagram), now)) return undefined;
      if (!isZero(message.header.responderCookie)) return UNKNOWN_COOKIES;
      return receiveNewcomer(this.#context, this.#arrival(message, datagram), now);
    }
    const fragment = find(message, 'FRAGMENT');
    if (fragment === undefined) return this.#receiveOn(sa, this.#arrival(message, datagram), now);
    const key = `${sa.id}|${datagram.remote.address}|${datagram.remote.port}`;
    const result = this.#fragments.add(key, fragment, now);
    if (result.type === 'waiting') return undefined;
    sa.sendsFragments = true;
    if (result.type === 'refused') return { code: 'bad-fragment', reason: result.reason };
    const whole = { ...datagram, bytes: result.bytes };
    const inner = decodeMessage(whole.bytes);
    if (find(inner, 'FRAGMENT') !== undefined || this.#find(inner, whole) !== sa) {
      return { code: 'bad-fragment', reason: 'the reassembled message belongs to another IKE SA' };
    }
    return this.#receiveOn(sa, this.#arrival(inner, whole), now);
  }

  #receiveOn(sa: IkeSa, arrival: Arrival, now: Instant): Refusal {
    const { message, datagram, digest } = arrival;
    if (sa.answered.has(digest)) {
      const answer = sa.answered.repeat(digest, now);
      if (answer === undefined) return { code: 'duplicate', reason: 'the message has been acted on' };
      transmit(this.#context, sa, { ...answer, summary: `${answer.summary} (to a duplicate)` });
      return undefined;
    }
    const { exchange } = message.header;
    const waits = sa.state.name === 'computing' || sa.undecided !== undefined;
    if (waits && exchange !== ExchangeType.INFORMATIONAL) {
      if (sa.waiting.some(({ bytes }) => digestOf(this.#context.crypto, bytes) === digest)) return BUSY;
      if (sa.waiting.length >= MAX_WAITING) return BUSY;
      sa.waiting = [...sa.waiting, datagram];
      return undefined;
    }
    switch (exchange) {
      case ExchangeType.MAIN_MODE:
      case ExchangeType.AGGRESSIVE_MODE:
        return receivePhase1(this.#context, sa, arrival, now);
      case ExchangeType.QUICK_MODE:
        if (sa.secured === undefined) return NO_KEYS;
        if (!isEncrypted(message)) return CLEAR_TEXT;
        return receiveQuickMode(this.#context, sa, arrival, now);
      case ExchangeType.INFORMATIONAL:
        return receiveInformational(this.#context, sa, arrival, now);
    }
    return { code: 'unknown-exchange', reason: `exchange type ${exchange}` };
  }

  #find({ header }: Message, { remote }: IkeDatagram): IkeSa | undefined {
    const { initiatorCookie, responderCookie } = header;
    const known = this.#byCookies.get(cookieKey(initiatorCookie, responderCookie));
    if (known !== undefined) return known;
    const initiator = toHex(initiatorCookie);
    // The first answer to an initiator brings a cookie that it does not know yet, or none with a refusal.
    const waiting = this.#byCookies.get(initiator);
    if (waiting !== undefined || !isZero(responderCookie)) return waiting;
    return this.#byNewcomer.get(`${initiator}|${remote.address}|${remote.port}`);
  }

  #arrival(message: Message, datagram: IkeDatagram): Arrival {
    return { message, datagram, digest: digestOf(this.#context.crypto, datagram.bytes) };
  }

  #index(sa: IkeSa): void {
    this.#sas.set(sa.id, sa);
    const initiator = toHex(sa.initiatorCookie);
    const known = !isZero(sa.responderCookie);
    if (known) this.#byCookies.delete(initiator);
    this.#byCookies.set(known ? cookieKey(sa.initiatorCookie, sa.responderCookie) : initiator, sa);
    if (sa.role === 'responder') {
      sa.newcomerKey = `${initiator}|${sa.remote.address}|${sa.remote.port}`;
      this.#byNewcomer.set(sa.newcomerKey, sa);
    }
    this.#agenda.set(sa, sa.timers.deadline);
  }

  /** No duplicate of its first message comes any more. */
  #forgetNewcomer(sa: IkeSa): void {
    if (sa.newcomerKey === undefined) return;
    this.#byNewcomer.delete(sa.newcomerKey);
    sa.newcomerKey = undefined;
  }

  #unindex(sa: IkeSa): void {
    this.#byCookies.delete(toHex(sa.initiatorCookie));
    this.#byCookies.delete(cookieKey(sa.initiatorCookie, sa.responderCookie));
    this.#forgetNewcomer(sa);
    if (sa.state.name === 'gone') {
      this.#sas.delete(sa.id);
      this.#agenda.set(sa, undefined);
    }
  }

  #asks(sa: IkeSa, then: Asked['then']): number {
    const id = this.#nextAskId++;
    this.#asked.set(id, { sa, then });
    return id;
  }

  #answer(id: number, answer: IkeAnswer, now: Instant): void {
    const asked = this.#asked.get(id);
    if (asked === undefined) return;
    this.#asked.delete(id);
    if (asked.sa.state.name === 'gone') return;
    asked.then(answer, now);
  }

  #resume(sa: IkeSa, now: Instant): void {
    const { waiting } = sa;
    sa.waiting = [];
    for (const datagram of waiting) this.#receiveOne(datagram, now);
  }

  #connect(command: Extract<IkeCommand, { type: 'connect' }>, now: Instant): void {
    if (this.#sas.has(command.ikeSa)) throw new RangeError(`IKE SA ${command.ikeSa} exists`);
    const { localSelector, remoteSelector } = command;
    const wanted: WantedChild[] = [{ localSelector, remoteSelector }];
    const sa = new IkeSa({
      id: command.ikeSa,
      role: 'initiator',
      exchange: this.#context.config.initiate,
      initiatorCookie: this.#context.random(COOKIE_BYTES),
      local: command.local,
      remote: command.remote,
      abilities: UNKNOWN_ABILITIES,
      wanted,
      now,
      onTimer: this.#context.onTimer,
    });
    initiate(this.#context, sa, now);
  }
}

const CLOSED_BY_US = { code: 'closed', reason: 'this end closed the child SA' };
const UNKNOWN_COOKIES: Refusal = { code: 'unknown-cookies', reason: 'the message belongs to no IKE SA' };
const NO_KEYS: Refusal = { code: 'no-keys', reason: 'Quick Mode before the IKE SA is established' };
const CLEAR_TEXT: Refusal = { code: 'clear-text', reason: 'Quick Mode in the clear' };
const BUSY: Refusal = { code: 'busy', reason: 'public-key work for this IKE SA is under way' };
