/** The Link Control Protocol: its options, and the packets beyond negotiation. RFC 1661 §5-6, RFC 1570 §1. */

import type { Environment, Failure, Instant } from '../core/index.ts';
import { fromUtf8, Reader, Writer } from '../wire/index.ts';
import { State } from './automaton.ts';
import type { Settings } from './config.ts';
import { ControlProtocol, type ControlProtocolOwner } from './controlProtocol.ts';
import { Echo, type EchoOwner } from './echo.ts';
import { Protocol } from './frame.ts';
import type { Line } from './line.ts';
import { accm } from './options/accm.ts';
import { authenticationProtocol, lcpChoices, methodOf } from './options/authenticationProtocol.ts';
import { addressControlFieldCompression, protocolFieldCompression } from './options/fieldCompression.ts';
import { LOOPBACK, LOOPBACK_LIMIT, magicNumber, randomMagic } from './options/magicNumber.ts';
import { DEFAULT_MRU, mru } from './options/mru.ts';
import type { AnyOption } from './options/option.ts';
import type { LcpAuthentication } from './output.ts';
import { Code, PACKET_HEADER_BYTES, type Packet } from './packet.ts';

/** In the order in which they stand in a Configure-Request. */
export const lcpOptions: readonly AnyOption<LcpContext>[] = [
  mru,
  accm,
  authenticationProtocol,
  magicNumber,
  protocolFieldCompression,
  addressControlFieldCompression,
];

/** Protocol-Rejects sent in one window; what comes beyond is ignored without an answer. */
export const PROTOCOL_REJECTS_PER_WINDOW = 16;
export const PROTOCOL_REJECT_WINDOW_MS = 10_000;

const SPEC = { name: 'LCP', protocol: Protocol.LCP, timer: 'lcp', options: lcpOptions } as const;

export interface LcpContext {
  readonly config: Settings;
  readonly random: Environment['random'];
  mru: number;
  magic: number;
  /** Configure-Requests that came with our own magic number. */
  echoesOfOurMagic: number;
  /** What the peer may still be asked to authenticate by, most wanted first. */
  proposals: readonly LcpAuthentication[];
  failure: Failure | undefined;
  /** The method that the peer demanded of us last and that we may not use. */
  refusedDemand: string | undefined;
}

export interface LcpOwner {
  lcpUp(now: Instant): void;
  lcpDown(now: Instant): void;
  /** Nothing more will be sent or expected. */
  lcpFinished(now: Instant): void;
  lcpFailed(failure: Failure, by: 'peer' | 'local' | 'timeout', now: Instant): void;
  terminateReceived(message: string, now: Instant): void;
  protocolRejected(protocol: number, now: Instant): void;
}

export class Lcp implements ControlProtocolOwner, EchoOwner {
  readonly control: ControlProtocol<LcpContext>;
  readonly echo: Echo;
  readonly #context: LcpContext;
  readonly #settings: Settings;
  readonly #line: Line;
  readonly #owner: LcpOwner;
  #rejectWindowEnds: Instant = Number.NEGATIVE_INFINITY;
  #rejectsLeft = 0;

  constructor(settings: Settings, random: Environment['random'], line: Line, owner: LcpOwner) {
    const { timers } = settings;
    this.#context = {
      config: settings,
      random,
      mru: settings.mru,
      magic: randomMagic(random),
      echoesOfOurMagic: 0,
      proposals: lcpChoices(settings.requirePeer),
      failure: undefined,
      refusedDemand: undefined,
    };
    this.#settings = settings;
    this.#line = line;
    this.#owner = owner;
    this.control = new ControlProtocol(SPEC, this.#context, line, timers, this);
    this.echo = new Echo(timers.echoInterval, timers.echoFailures, line.timers, this);
  }

  get opened(): boolean {
    return this.control.state === State.opened;
  }

  get localMru(): number {
    return this.control.negotiation.local(mru) ?? DEFAULT_MRU;
  }

  get peerMru(): number {
    return this.control.negotiation.peer(mru) ?? DEFAULT_MRU;
  }

  get sendAddressControl(): boolean {
    return this.control.negotiation.peer(addressControlFieldCompression) === undefined;
  }

  get compressProtocol(): boolean {
    return this.control.negotiation.peer(protocolFieldCompression) !== undefined;
  }

  /** How the peer must prove itself. */
  get peerAuthentication(): LcpAuthentication | undefined {
    const choice = this.control.negotiation.local(authenticationProtocol);
    return choice && methodOf(choice);
  }

  /** How we must prove ourselves. */
  get localAuthentication(): LcpAuthentication | undefined {
    const choice = this.control.negotiation.peer(authenticationProtocol);
    return choice && methodOf(choice);
  }

  /** Answers a packet of a protocol that is not spoken here. */
  rejectProtocol(protocol: number, information: Uint8Array, now: Instant) {
    if (now >= this.#rejectWindowEnds) {
      this.#rejectWindowEnds = now + PROTOCOL_REJECT_WINDOW_MS;
      this.#rejectsLeft = PROTOCOL_REJECTS_PER_WINDOW;
    }
    if (this.#rejectsLeft === 0) return this.#line.drop('unknown-protocol', 'Too many packets of unknown protocols.');
    this.#rejectsLeft--;
    const most = this.#line.peerMru - PACKET_HEADER_BYTES - 2;
    const data = new Writer().u16(protocol).bytes(information.subarray(0, most)).finish();
    this.control.send(Code.protocolReject, data);
  }

  receive(packet: Packet, now: Instant): void {
    // A peer that terminated a negotiation and begins a new one is welcome.
    if (packet.code === Code.configureRequest) this.#line.timers.clear('linger');
    this.control.receive(packet, now);
  }

  lingered(now: Instant): void {
    this.#owner.lcpFinished(now);
  }

  thisLayerUp(now: Instant): void {
    this.echo.start(now);
    this.#owner.lcpUp(now);
  }

  thisLayerDown(now: Instant): void {
    this.echo.stop();
    this.#owner.lcpDown(now);
  }

  thisLayerFinished(now: Instant): void {
    this.#owner.lcpFinished(now);
  }

  /** What the peer demanded that we prove ourselves by, where we may not. */
  get refusedDemand(): string | undefined {
    return this.#context.refusedDemand;
  }

  cannotAgree(failure: Failure, now: Instant): void {
    this.#owner.lcpFailed(failure, 'local', now);
  }

  terminateReceived(message: Uint8Array, now: Instant): void {
    const { state } = this.control;
    if (state >= State.requestSent && state < State.opened) {
      // The automaton goes on asking in these states; a peer that does not ask too has left.
      this.#line.timers.set('linger', now + this.#settings.timers.linger);
    }
    this.#owner.terminateReceived(fromUtf8(message), now);
  }

  codeRejected(code: number): void {
    if (code === Code.echoRequest) this.echo.stop();
  }

  extended(packet: Packet, now: Instant): boolean {
    switch (packet.code) {
      case Code.protocolReject:
        if (this.opened) this.#owner.protocolRejected(new Reader(packet.data, 'Protocol-Reject').u16(), now);
        return true;
      case Code.echoRequest:
        this.#echoRequest(packet, now);
        return true;
      case Code.echoReply:
      case Code.discardRequest:
      case Code.identification:
      case Code.timeRemaining:
        return true;
      default:
        return false;
    }
  }

  sendEchoRequest(): void {
    this.control.send(Code.echoRequest, new Writer().u32(this.localMagic).finish());
  }

  echoUnanswered(failures: number, now: Instant): void {
    const failure: Failure = {
      code: 'echo-timeout',
      reason: `The peer was silent and answered none of ${failures} LCP Echo-Requests.`,
      remedy: 'Check the network between the two ends.',
    };
    this.#owner.lcpFailed(failure, 'timeout', now);
  }

  #echoRequest({ identifier, data }: Packet, now: Instant): void {
    if (!this.opened) return;
    const magic = new Reader(data, 'Echo-Request').u32();
    if (magic !== 0 && magic === this.localMagic) {
      if (++this.#context.echoesOfOurMagic >= LOOPBACK_LIMIT) this.#owner.lcpFailed(LOOPBACK, 'local', now);
      return;
    }
    const reply = data.slice(0, this.#line.peerMru - PACKET_HEADER_BYTES);
    new DataView(reply.buffer).setUint32(0, this.localMagic);
    this.#line.send(Protocol.LCP, { code: Code.echoReply, identifier, data: reply });
  }

  /** Zero where the peer rejected the option. RFC 1661 §6.4. */
  get localMagic(): number {
    return this.control.negotiation.local(magicNumber) ?? 0;
  }
}
