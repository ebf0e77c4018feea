/** The automaton at work for one protocol: packets, identifiers, the Restart timer and its counters. RFC 1661 §4, §5. */

import type { Failure, Instant } from '../core/index.ts';
import { utf8 } from '../wire/index.ts';
import { type Action, type Event, State, timerRuns, transition } from './automaton.ts';
import type { PppTimers } from './config.ts';
import type { Line, TimerName } from './line.ts';
import { type ConfigureReply, Negotiation } from './negotiation.ts';
import type { AnyOption } from './options/option.ts';
import { Code, encodePacket, PACKET_HEADER_BYTES, type Packet } from './packet.ts';

/** Configure-Naks in a row after which the two ends are taken not to agree. */
const NAKS_RECEIVED_LIMIT = 10;

/** What an option's policy may leave behind: a reason to end the link. */
export interface NegotiationContext {
  failure: Failure | undefined;
}

export interface ControlProtocolSpec<Context> {
  readonly name: string;
  readonly protocol: number;
  readonly timer: TimerName;
  readonly options: readonly AnyOption<Context>[];
}

/** Who runs a control protocol and hears of what the automaton tells other layers. */
export interface ControlProtocolOwner {
  thisLayerUp(now: Instant): void;
  thisLayerDown(now: Instant): void;
  thisLayerFinished(now: Instant): void;
  /** Negotiation came to an end that no configuration can mend. */
  cannotAgree(failure: Failure, now: Instant): void;
  /** A Terminate-Request came; `message` is the peer's. */
  terminateReceived(message: Uint8Array, now: Instant): void;
  /** The peer does not know a code above Code-Reject. */
  codeRejected(code: number): void;
  /** @returns whether a code above Code-Reject is known, whatever was done about it */
  extended(packet: Packet, now: Instant): boolean;
}

/** In place of an identifier. */
const NONE = -1;

export class ControlProtocol<Context extends NegotiationContext> {
  readonly negotiation: Negotiation<Context>;
  readonly #spec: ControlProtocolSpec<Context>;
  readonly #context: Context;
  readonly #line: Line;
  readonly #limits: PppTimers;
  readonly #owner: ControlProtocolOwner;
  #state: State = State.initial;
  #restartCount = 0;
  /** Transmissions since the restart count was initialized: where the back-off stands. */
  #transmissions = 0;
  #identifier = 0;
  #request: Packet | undefined;
  /** Whether the last Configure-Request has got its valid answer: a duplicate of that must not count again. */
  #answered = false;
  /** Identifier of the peer's Configure-Request that we acknowledged last. */
  #accepted = NONE;
  #naksReceived = 0;
  #terminateMessage = '';
  #terminateRequest: Packet | undefined;

  constructor(
    spec: ControlProtocolSpec<Context>,
    context: Context,
    line: Line,
    limits: PppTimers,
    owner: ControlProtocolOwner,
  ) {
    this.negotiation = new Negotiation(spec.options, context, limits.maxFailure);
    this.#spec = spec;
    this.#context = context;
    this.#line = line;
    this.#limits = limits;
    this.#owner = owner;
  }

  get state(): State {
    return this.#state;
  }

  up(now: Instant) {
    this.#fire('up', now);
  }

  down(now: Instant) {
    this.#fire('down', now);
  }

  open(now: Instant) {
    this.#fire('open', now);
  }

  /** @param message stands in the Terminate-Request for the peer's log */
  close(message: string, now: Instant) {
    this.#terminateMessage = message;
    this.#fire('close', now);
  }

  /** The Restart timer expired. */
  expire(now: Instant) {
    if (timerRuns(this.#state)) this.#fire(this.#restartCount > 0 ? 'to+' : 'to-', now);
  }

  /** The peer rejected this protocol or a code that it cannot do without. */
  rejected(now: Instant) {
    this.#fire('rxj-', now);
  }

  /** @throws Malformed where an option list does not parse; the automaton has not moved then */
  receive(packet: Packet, now: Instant) {
    switch (packet.code) {
      case Code.configureRequest:
        return this.#configureRequest(packet, now);
      case Code.configureAck:
      case Code.configureNak:
      case Code.configureReject:
        return this.#configureReply(packet, now);
      case Code.terminateRequest:
        this.#owner.terminateReceived(packet.data, now);
        return this.#fire('rtr', now, packet);
      case Code.terminateAck:
        return this.#fire('rta', now);
      case Code.codeReject:
        return this.#codeReject(packet, now);
      default:
        if (!this.#owner.extended(packet, now)) this.#fire('ruc', now, packet);
    }
  }

  /** A packet of ours outside the negotiation, with an identifier of its own. */
  send(code: number, data: Uint8Array) {
    this.#line.send(this.#spec.protocol, { code, identifier: this.#nextIdentifier(), data });
  }

  #configureRequest(packet: Packet, now: Instant) {
    const state = this.#state;
    if (state < State.closed) return;
    if (state === State.closed || state === State.closing || state === State.stopping) {
      return this.#fire('rcr+', now, packet);
    }
    if (state === State.opened && this.#isRepeated(packet)) {
      return this.#reply(Code.configureAck, packet, packet.data);
    }
    const reply = this.negotiation.judge(packet.data);
    if (this.#failed(now)) return;
    this.#fire(reply.code === Code.configureAck ? 'rcr+' : 'rcr-', now, packet, reply);
  }

  /**
   * Whether a request is the acknowledged one once more, which is no wish to begin anew: it was sent again before our
   * answer came. Where the way there and back takes longer than the peer's patience, the link would never stay open.
   * A new request has a new identifier. RFC 1661 §5.1.
   */
  #isRepeated({ identifier, data }: Packet): boolean {
    return this.#accepted === identifier && this.negotiation.isAgreed(data);
  }

  #configureReply(packet: Packet, now: Instant) {
    const event = packet.code === Code.configureAck ? 'rca' : 'rcn';
    if (this.#state < State.requestSent) return this.#fire(event, now, packet);
    if (this.#answered || packet.identifier !== this.#request?.identifier || !this.#takes(packet)) {
      return this.#line.drop('stale-reply', `${this.#spec.name}: a reply to no outstanding Configure-Request.`);
    }
    this.#answered = true;
    this.#request = undefined;
    if (this.#naksReceived > NAKS_RECEIVED_LIMIT) {
      this.#context.failure ??= {
        code: `${this.#spec.name.toLowerCase()}-not-converging`,
        reason: `The peer refused every ${this.#spec.name} configuration that was tried.`,
      };
    }
    if (!this.#failed(now)) this.#fire(event, now, packet);
  }

  /** Gives a reply to the negotiation. @returns whether it is a valid one */
  #takes({ code, data }: Packet): boolean {
    if (code === Code.configureAck) {
      this.#naksReceived = 0;
      return this.negotiation.acked(data);
    }
    if (code === Code.configureReject) return this.negotiation.rejected(data);
    this.#naksReceived++;
    this.negotiation.naked(data);
    return true;
  }

  #codeReject(packet: Packet, now: Instant) {
    const rejected = packet.data[0] ?? 0;
    const fundamental = rejected >= Code.configureRequest && rejected <= Code.codeReject;
    if (!fundamental) {
      this.#owner.codeRejected(rejected);
      return this.#fire('rxj+', now);
    }
    this.#owner.cannotAgree(
      {
        code: `${this.#spec.name.toLowerCase()}-rejected`,
        reason: `The peer does not understand ${this.#spec.name} packets of code ${rejected}.`,
      },
      now,
    );
  }

  #failed(now: Instant): boolean {
    const { failure } = this.#context;
    if (failure === undefined) return false;
    this.#owner.cannotAgree(failure, now);
    return true;
  }

  #fire(event: Event, now: Instant, packet?: Packet, reply?: ConfigureReply) {
    const step = transition(this.#state, event);
    if (step === undefined) return;
    this.#state = step.next;
    if (!timerRuns(step.next)) this.#line.timers.clear(this.#spec.timer);
    for (const action of step.actions) {
      if (action === 'irc') this.#initializeRestartCount(step.actions);
      else this.#perform(action, event, now, packet, reply);
    }
  }

  #initializeRestartCount(actions: readonly Action[]) {
    this.#restartCount = actions.includes('str') ? this.#limits.maxTerminate : this.#limits.maxConfigure;
    this.#transmissions = 0;
  }

  #perform(action: Action, event: Event, now: Instant, packet?: Packet, reply?: ConfigureReply) {
    switch (action) {
      case 'tlu':
        return this.#owner.thisLayerUp(now);
      case 'tld':
        return this.#owner.thisLayerDown(now);
      case 'tlf':
        return this.#owner.thisLayerFinished(now);
      case 'zrc':
        this.#restartCount = 0;
        return this.#line.timers.set(this.#spec.timer, now + this.#limits.linger);
      case 'scr':
        return this.#sendConfigureRequest(event === 'to+', now);
      case 'str':
        return this.#sendTerminateRequest(event === 'to+', now);
      case 'sca':
        this.#accepted = packet!.identifier;
        return this.#reply(reply!.code, packet!, reply!.options);
      case 'scn':
        return this.#reply(reply!.code, packet!, reply!.options);
      case 'sta':
        return this.#reply(Code.terminateAck, packet!, new Uint8Array(0));
      case 'scj':
        return this.send(Code.codeReject, encodePacket(packet!).subarray(0, this.#line.peerMru - PACKET_HEADER_BYTES));
      // `tls` has nobody to tell, and `ser` is the owner's, who knows the magic numbers.
    }
  }

  /** A retransmission keeps identifier and contents, so that an answer which was only late still counts. */
  #sendConfigureRequest(again: boolean, now: Instant) {
    if (!again || this.#request === undefined) {
      this.#request = {
        code: Code.configureRequest,
        identifier: this.#nextIdentifier(),
        data: this.negotiation.request(),
      };
      this.#answered = false;
    }
    this.#line.send(this.#spec.protocol, this.#request);
    this.#restart(now);
  }

  #sendTerminateRequest(again: boolean, now: Instant) {
    if (!again || this.#terminateRequest === undefined) {
      const data = utf8(this.#terminateMessage);
      this.#terminateRequest = { code: Code.terminateRequest, identifier: this.#nextIdentifier(), data };
    }
    this.#line.send(this.#spec.protocol, this.#terminateRequest);
    this.#restart(now);
  }

  #restart(now: Instant) {
    const { restart } = this.#limits;
    const wait = restart[Math.min(this.#transmissions, restart.length - 1)] ?? 3000;
    this.#transmissions++;
    this.#restartCount--;
    this.#line.timers.set(this.#spec.timer, now + wait);
  }

  #reply(code: number, { identifier }: Packet, data: Uint8Array) {
    this.#line.send(this.#spec.protocol, { code, identifier, data });
  }

  #nextIdentifier(): number {
    this.#identifier = (this.#identifier + 1) & 0xff;
    return this.#identifier;
  }
}
