/**
 * All L2TP tunnels with one peer over one path: which tunnel a message belongs to, and what begins one.
 * RFC 2661 §3.1, §4.4.3 (Tie Breaker, Assigned Tunnel ID), §7.2; RFC 3193 leaves the path's protection to the owner.
 */

import { type Core, Few, type Instant, Recent } from '../core/index.ts';
import { Malformed } from '../wire/index.ts';
import { acknowledgementOf, NO_CONTROL_CONNECTION, stopOf } from './answers.ts';
import { type L2tpConfig, type L2tpSettings, l2tpConfig } from './config.ts';
import { freshId, type L2tpEnvironment, type Refusal, SocketContext } from './context.ts';
import { encodeData, newDataHeader, readDataHeader } from './dataMessage.ts';
import { type ControlMessage, isControl, readControlMessage } from './header.ts';
import { decodeMessage, type ReceivedMessage } from './messages.ts';
import type { L2tpCommand, L2tpOutput, SessionId, TunnelId } from './output.ts';
import { GeneralError } from './resultCodes.ts';
import { winnerOfTie } from './tieBreaker.ts';
import { Tunnel } from './tunnel.ts';
import { RESTARTED, TIE } from './tunnelFailures.ts';
import { general, refusalOf } from './tunnelMessages.ts';

/** Messages for tunnels that are not there are answered with StopCCN at most once in this time. */
const UNKNOWN_TUNNEL_ANSWER_INTERVAL = 1_000;
/** Data messages may come so long after the end of their session. */
const STRAGGLERS = 30_000;
const MOST_ENDED = 256;

const NOTHING: readonly L2tpOutput[] = [];

/** Of the message at hand. */
const dataHeader = newDataHeader();

export class L2tpSocket implements Core<L2tpCommand, L2tpOutput> {
  readonly config: L2tpConfig;
  readonly #context: SocketContext;
  readonly #tunnels = new Few<TunnelId, Tunnel>();
  /** Tunnels and sessions that have just ended: `tunnel/session`, session 0 for the tunnel. */
  #ended: Recent<string> | undefined;
  #unknownAnsweredAt = Number.NEGATIVE_INFINITY;

  /** @throws RangeError for settings that cannot work */
  constructor(settings: L2tpSettings, environment: L2tpEnvironment) {
    const config = l2tpConfig(settings);
    this.config = config;
    this.#context = new SocketContext(config, environment);
  }

  /** Whether there is no tunnel, not even one that still acknowledges the peer's last words. */
  get idle(): boolean {
    return this.#tunnels.size === 0;
  }

  get deadline(): Instant | undefined {
    const { only } = this.#tunnels;
    if (only !== undefined) return only.deadline;
    let first: Instant | undefined;
    for (const { deadline } of this.#tunnels.values()) {
      if (deadline !== undefined && (first === undefined || deadline < first)) first = deadline;
    }
    return first;
  }

  /** @param bytes a whole L2TP message as UDP carried it; it may be reused afterwards */
  receive(bytes: Uint8Array, now: Instant): readonly L2tpOutput[] {
    try {
      if (isControl(bytes)) this.#control(readControlMessage(bytes), now);
      else this.#data(bytes, now);
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      this.#dropped('malformed', `Malformed L2TP message: ${error.message}.`);
    }
    return this.#take(now);
  }

  command(command: L2tpCommand, now: Instant): readonly L2tpOutput[] {
    if (command.type === 'alive') {
      for (const tunnel of this.#tunnels.values()) tunnel.heard(command.at ?? now);
      return NOTHING;
    }
    if (command.type === 'connect') this.#connect(now);
    else {
      const tunnel = this.#tunnels.get(command.tunnel);
      if (tunnel !== undefined) this.#toTunnel(tunnel, command, now);
    }
    return this.#take(now);
  }

  expire(now: Instant): readonly L2tpOutput[] {
    for (const tunnel of this.#tunnels.values()) {
      const { deadline } = tunnel;
      if (deadline !== undefined && deadline <= now) tunnel.expire(now);
    }
    return this.#take(now);
  }

  /**
   * Wraps a PPP frame for an established session: a whole L2TP message, with the L bit, and numbered where the session
   * demands it. @returns undefined where the session is not established
   */
  encapsulate(tunnel: TunnelId, session: SessionId, frame: Uint8Array): Uint8Array | undefined {
    const from = this.#tunnels.get(tunnel);
    const call = from?.calls.session(session);
    if (from === undefined || call?.state !== 'established') return undefined;
    const header = { tunnel: from.peerId, session: call.peerSession, length: true, frame };
    if (!call.sequencing) return encodeData(header);
    const ns = call.nextNs;
    call.nextNs = (ns + 1) & 0xffff;
    return encodeData({ ...header, ns });
  }

  #connect(now: Instant): void {
    const { config } = this.#context;
    if (this.#tunnels.size >= config.maximumTunnels) {
      this.#dropped('too-many-tunnels', 'No further tunnel: the limit is reached.');
      return;
    }
    const tunnel = this.#add(true, now);
    if (config.role === 'lac') tunnel.calls.open('incomingLac', now);
    tunnel.open(now);
  }

  #toTunnel(tunnel: Tunnel, command: Extract<L2tpCommand, { readonly tunnel: TunnelId }>, now: Instant): void {
    const { calls } = tunnel;
    if (command.type === 'close') tunnel.close(command.reason, now);
    else if (command.type === 'disconnect') calls.disconnect(command.session, command.reason, now);
    else if (command.type === 'setLinkInfo') {
      calls.setLinkInfo(command.session, command.sendAccm, command.receiveAccm);
    } else if (command.type === 'reportErrors') calls.reportErrors(command.session, command.errors);
    else if (tunnel.phase === 'live') {
      const machine = command.type === 'call' ? 'incomingLac' : 'outgoingLns';
      const number = command.type === 'call' ? undefined : command.calledNumber;
      if (machine === 'outgoingLns' && tunnel.established && tunnel.peer.bearer === 0) {
        this.#dropped('no-bearer', 'The peer has not said that it can place outgoing calls.');
      } else if (calls.open(machine, now, number) === undefined) {
        this.#dropped('too-many-sessions', 'No further session in this tunnel: the limit is reached.');
      } else if (tunnel.established) calls.tunnelOpen(now);
    }
  }

  #data(bytes: Uint8Array, now: Instant): void {
    const header = dataHeader;
    if (!readDataHeader(bytes, 0, bytes.length, header)) {
      this.#dropped('malformed', 'Malformed L2TP data message.');
      return;
    }
    const tunnel = this.#tunnels.get(header.tunnel);
    if (tunnel?.calls.session(header.session) === undefined && this.#hasEnded(header.tunnel, header.session, now))
      return;
    if (tunnel === undefined) {
      this.#dropped('unknown-tunnel', `A data message for tunnel ${header.tunnel}, which does not exist.`);
      return;
    }
    tunnel.heard(now);
    tunnel.calls.data(header.session, header.ns, bytes.subarray(header.frameStart, header.frameEnd));
  }

  /** What the peer sent before it heard of the end is nobody's fault. */
  #hasEnded(tunnel: TunnelId, session: SessionId, now: Instant): boolean {
    const ended = this.#ended;
    return ended !== undefined && (ended.has(`${tunnel}/0`, now) || ended.has(`${tunnel}/${session}`, now));
  }

  #control(header: ControlMessage, now: Instant): void {
    const tunnel = this.#tunnels.get(header.tunnel);
    if (tunnel !== undefined) tunnel.receive(header, now);
    else if (header.tunnel === 0) this.#toNoTunnel(header, now);
    else this.#toUnknownTunnel(header, now);
  }

  /** Tunnel ID 0: SCCRQ, or StopCCN of a peer that does not know our id yet. */
  #toNoTunnel(header: ControlMessage, now: Instant): void {
    const only = this.#only();
    const quirk = this.config.acceptTunnelIdZero && only !== undefined;
    if (header.body.length === 0 && !quirk) {
      this.#dropped('unknown-tunnel', 'An acknowledgement for tunnel 0.');
      return;
    }
    const message = header.body.length === 0 ? undefined : decodeMessage(header.body, this.#context.hiding);
    const peerId = message?.avps.assignedTunnelId ?? 0;
    if (message?.name === 'SCCRQ') this.#request(message, header, peerId, now);
    else if (quirk) only.receive(header, now);
    else {
      const tunnel = message?.name === 'StopCCN' && peerId !== 0 ? this.#stopped(peerId) : undefined;
      if (tunnel !== undefined) tunnel.receive(header, now);
      else this.#dropped('unknown-tunnel', `${message?.name ?? 'A control message'} for tunnel 0.`);
    }
  }

  #request(message: ReceivedMessage, header: ControlMessage, peerId: TunnelId, now: Instant): void {
    const former = this.#ofPeer(peerId);
    if (former?.isRepeatedRequest(header.body, now)) {
      former.receive(header, now);
      return;
    }
    if (header.ns !== 0) {
      this.#dropped('malformed', `SCCRQ with Ns ${header.ns}.`);
      return;
    }
    const waitingCalls = this.#breakTie(message, now);
    if (waitingCalls === undefined) return;
    const refusal = this.#refusal(message);
    if (refusal !== undefined) {
      this.#refuse(header, peerId, refusal);
      return;
    }
    // Without protection, anybody can name a tunnel id: the former tunnel then has to find out for itself.
    if (former !== undefined && this.config.protectedPath) former.drop('peer', RESTARTED);
    const tunnel = this.#add(false, now, peerId);
    for (let calls = 0; calls < waitingCalls; calls++) tunnel.calls.open('incomingLac', now);
    tunnel.receive(header, now);
  }

  /** @returns how many calls of ours the peer's tunnel takes over; undefined where there shall be no such tunnel */
  #breakTie(message: ReceivedMessage, now: Instant): number | undefined {
    let waitingCalls = 0;
    for (const ours of this.#tunnels.values()) {
      if (ours.phase !== 'live' || ours.connection.state !== 'waitCtlReply') continue;
      const winner = winnerOfTie(ours.connection.tieBreaker, message.avps.tieBreaker);
      if (winner === 'both') continue;
      if (winner === 'peer') {
        waitingCalls += ours.calls.size;
        ours.loseTie(now);
        continue;
      }
      if (winner === 'none') ours.drop('local', TIE);
      this.#dropped('tie-breaker', 'The SCCRQ of the peer lost against ours, or both lost.');
      return undefined;
    }
    return waitingCalls;
  }

  #refusal(message: ReceivedMessage): Refusal | undefined {
    const { maximumTunnels, maximumHalfOpenTunnels } = this.config;
    let halfOpen = 0;
    const challenges: Uint8Array[] = [];
    for (const { connection } of this.#tunnels.values()) {
      if (connection.state === 'waitCtlConn') halfOpen++;
      if (connection.challenge !== undefined) challenges.push(connection.challenge);
    }
    if (halfOpen >= maximumHalfOpenTunnels || this.#tunnels.size >= maximumTunnels) {
      return general(GeneralError.insufficientResources, 'too-many-tunnels', 'Too many tunnels.');
    }
    return refusalOf('SCCRQ', message, this.#context, undefined, challenges);
  }

  /** Answers an SCCRQ with StopCCN and forgets it: if the answer is lost, the request comes again. */
  #refuse(header: ControlMessage, peerId: TunnelId, { result, failure }: Refusal): void {
    this.#dropped(failure.code, `SCCRQ refused: ${failure.reason}`);
    const id = freshId(this.#context.environment, (taken) => this.#tunnels.has(taken));
    this.#emit(stopOf(header, peerId, id, this.config.protectedPath ? result : { result: result.result }));
  }

  /** A peer that uses ids of a former life is told so, at most once in an interval, and never at greater length. */
  #toUnknownTunnel(header: ControlMessage, now: Instant): void {
    this.#dropped('unknown-tunnel', `A control message for tunnel ${header.tunnel}, which does not exist.`);
    if (header.body.length === 0 || !this.config.protectedPath) return;
    if (now - this.#unknownAnsweredAt < UNKNOWN_TUNNEL_ANSWER_INTERVAL) return;
    const message = decodeMessage(header.body, this.#context.hiding);
    // A StopCCN only waits for its acknowledgement.
    if (message.name === 'StopCCN') this.#emit(acknowledgementOf(header, message));
    else {
      const peerTunnel = message.avps.assignedTunnelId ?? header.tunnel;
      this.#emit(stopOf(header, peerTunnel, header.tunnel, NO_CONTROL_CONNECTION));
    }
    this.#unknownAnsweredAt = now;
  }

  #emit(outputs: readonly L2tpOutput[]): void {
    for (const output of outputs) this.#context.emit(output);
  }

  #only(): Tunnel | undefined {
    const [first, second] = this.#tunnels.values();
    return second === undefined ? first : undefined;
  }

  /** The tunnel that a peer ends without our id for it: one that it asked for and withdraws, or knows no more. */
  #stopped(peerId: TunnelId): Tunnel | undefined {
    const asked = this.#ofPeer(peerId);
    if (asked !== undefined) return asked;
    for (const tunnel of this.#tunnels.values()) {
      if (tunnel.originator && tunnel.peerId === peerId && tunnel.phase === 'live') return tunnel;
    }
    return undefined;
  }

  #ofPeer(peerId: TunnelId): Tunnel | undefined {
    for (const tunnel of this.#tunnels.values()) {
      if (!tunnel.originator && tunnel.peerId === peerId && tunnel.phase !== 'gone') return tunnel;
    }
    return undefined;
  }

  /**
   * @param peerId inside IPsec, where an id is no secret, ours is the peer's: when we have forgotten the tunnel, what
   * comes for it tells the id by which the peer finds it
   */
  #add(originator: boolean, now: Instant, peerId: TunnelId = 0): Tunnel {
    const takesPeerId = this.config.protectedPath && peerId !== 0 && !this.#tunnels.has(peerId);
    const id = takesPeerId ? peerId : freshId(this.#context.environment, (taken) => this.#tunnels.has(taken));
    const tunnel = new Tunnel(this.#context, id, originator, now);
    this.#tunnels.set(id, tunnel);
    return tunnel;
  }

  #dropped(code: string, reason: string): void {
    this.#context.emit({ type: 'dropped', layer: 'l2tp', code, reason });
  }

  #noteEnd(which: string, now: Instant): void {
    this.#ended ??= new Recent(STRAGGLERS, MOST_ENDED);
    this.#ended.note(which, now);
  }

  /** Lets every tunnel send what it may, forgets those that are gone, and hands out what came of the call. */
  #take(now: Instant): readonly L2tpOutput[] {
    const told = this.#context.take();
    for (const tunnel of this.#tunnels.values()) {
      tunnel.flush(now);
      if (tunnel.phase === 'gone') this.#tunnels.delete(tunnel.id);
    }
    const sent = this.#context.take();
    if (told.length === 0) return sent;
    for (const output of told) {
      if (output.type === 'sessionDown') this.#noteEnd(`${output.tunnel}/${output.session}`, now);
      else if (output.type === 'tunnelDown') this.#noteEnd(`${output.tunnel}/0`, now);
    }
    // The owner answers `sessionUp` with the first PPP frame, which a peer that has no ICCN yet would throw away.
    const up = told.findIndex(({ type }) => type === 'sessionUp');
    return up < 0 ? [...told, ...sent] : [...told.slice(0, up), ...sent, ...told.slice(up)];
  }
}
