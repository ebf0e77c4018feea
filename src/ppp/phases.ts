/** The phases of a link, Establish to Terminate: LCP, then authentication, then the networks. RFC 1661 §3. */

import { type Failure, type Instant, Timers } from '../core/index.ts';
import type { TlsAsk } from '../eap/index.ts';
import { type AcceptedAnswer, Authentication, type AuthenticationOwner } from './auth/authentication.ts';
import { State } from './automaton.ts';
import { type PppConfig, type PppEnvironment, type Settings, withDefaults } from './config.ts';
import {
  ESTABLISH_TIMEOUT,
  LCP_TIMEOUT,
  NOT_AUTHENTICATED,
  noCommonMethod,
  peerTerminated,
  rejectedProtocols,
} from './failures.ts';
import { decodeFrame, encodeFrame, Protocol } from './frame.ts';
import { Lcp, type LcpOwner } from './lcp.ts';
import type { Line, TimerName } from './line.ts';
import { NetworkPhase, type NetworkPhaseOwner } from './networkPhase.ts';
import type {
  AuthenticationMethod,
  Credentials,
  LcpAuthentication,
  LcpUp,
  NetworkParameters,
  PppClosed,
  PppCommand,
  PppOutput,
} from './output.ts';
import { Code, decodePacket, encodePacket, type Packet } from './packet.ts';
import { packetText } from './packetText.ts';

const NOTHING: readonly PppOutput[] = [];

type Ending = Pick<PppClosed, 'by' | 'reason'>;

export class Phases implements LcpOwner, NetworkPhaseOwner, AuthenticationOwner, Line {
  readonly timers = new Timers<TimerName>();
  readonly #settings: Settings;
  readonly #untraced: boolean;
  readonly #lcp: Lcp;
  readonly #authentication: Authentication;
  readonly #networks: NetworkPhase;
  #network: NetworkParameters | undefined;
  /** Why the link ends, once it is known; what comes later does not change it. */
  #ending: Ending | undefined;
  /** The peer's Terminate-Request, which a new Configure-Request of the peer takes back. */
  #peerLeft: Ending | undefined;
  /** Only while there are some. */
  #outputs: PppOutput[] | undefined;
  #finished = false;

  constructor(config: PppConfig, env: PppEnvironment) {
    this.#settings = withDefaults(config);
    this.#untraced = env.untraced ?? false;
    this.#lcp = new Lcp(this.#settings, env.random, this, this);
    this.#authentication = new Authentication({ line: this, settings: this.#settings, env }, this);
    this.#networks = new NetworkPhase(this.#settings, env.random, this, this);
    this.#lcp.control.open(0);
  }

  get finished(): boolean {
    return this.#finished;
  }

  /** Takes what was said since the last time. */
  takeOutputs(): readonly PppOutput[] {
    const outputs = this.#outputs;
    this.#outputs = undefined;
    return outputs ?? NOTHING;
  }

  /** Anything of the peer arrived at that time. */
  heard(at: Instant): void {
    this.#lcp.echo.heard(at);
  }

  command(command: Exclude<PppCommand, { type: 'alive' }>, now: Instant) {
    switch (command.type) {
      case 'up':
        if (this.#lcp.control.state !== State.starting) return;
        this.timers.set('establish', now + this.#settings.timers.establish);
        return this.#lcp.control.up(now);
      case 'answer':
        return this.#authentication.answer(command.id, command.answer, now);
      case 'tlsAnswer':
        return this.#authentication.tlsAnswer(command.id, command.progress, now);
      case 'configureNetwork':
        this.#network = command.network;
        return this.#openNetwork(now);
      case 'close':
        return this.#terminate({ by: 'local', reason: command.reason }, now);
      case 'down':
        this.#ending ??= this.#peerLeft ?? { by: 'local', reason: command.reason };
        this.#lcp.control.down(now);
        return this.#finish();
    }
  }

  expire(timer: TimerName, now: Instant) {
    switch (timer) {
      case 'lcp':
        return this.#lcp.control.expire(now);
      case 'ipcp':
      case 'ipv6cp':
        return this.#networks.expire(timer, now);
      case 'echo':
        return this.#lcp.echo.expire(now);
      case 'linger':
        return this.#lcp.lingered(now);
      case 'establish':
        return this.#terminate({ by: 'timeout', reason: ESTABLISH_TIMEOUT }, now);
      default:
        return this.#authentication.expire(timer, now);
    }
  }

  /** @throws Malformed */
  receive(bytes: Uint8Array, now: Instant) {
    const frame = decodeFrame(bytes);
    if (frame === undefined) return this.drop('malformed', 'A frame without a valid protocol field.');
    const { protocol, information } = frame;
    this.#lcp.echo.heard(now);
    switch (protocol) {
      case Protocol.LCP:
        return this.#lcp.receive(this.#packet(protocol, information), now);
      case Protocol.PAP:
      case Protocol.CHAP:
      case Protocol.EAP:
        if (!this.#lcp.opened) return this.drop('lcp-not-opened', 'Authentication before LCP was opened.');
        return this.#authentication.receive(protocol, this.#packet(protocol, information), now);
      case Protocol.IPv4:
        return this.drop('early-data', 'An IPv4 packet before the network was up.');
      case Protocol.IPv6:
        // The peer's packets may overtake the last of ours that opens its protocol: no reason to reject that.
        if (this.#networks.speaks(Protocol.IPV6CP)) return this.drop('early-data', 'An IPv6 packet before it was up.');
        return this.#rejectUnknown(protocol, information, now);
      default:
        if (this.#networks.speaks(protocol)) return this.#receiveNetwork(protocol, information, now);
        return this.#rejectUnknown(protocol, information, now);
    }
  }

  #rejectUnknown(protocol: number, information: Uint8Array, now: Instant) {
    if (this.#authentication.complete) return this.#lcp.rejectProtocol(protocol, information, now);
    return this.drop('before-authentication', 'A network protocol before authentication was through.');
  }

  #receiveNetwork(protocol: number, information: Uint8Array, now: Instant) {
    const networks = this.#networks;
    if (networks.isOpen) return networks.receive(protocol, this.#packet(protocol, information), now);
    if (!this.#lcp.opened || !networks.keep(protocol, this.#packet(protocol, information))) {
      return this.drop('before-authentication', 'A network protocol before authentication was through.');
    }
    this.#authentication.networkSpoken(now);
  }

  #packet(protocol: number, information: Uint8Array): Packet {
    const packet = decodePacket(information);
    this.#trace('in', protocol, packet);
    return packet;
  }

  // What the protocols tell the link.

  lcpUp(now: Instant) {
    this.#peerLeft = undefined;
    const { localMru, peerMru, sendAddressControl, compressProtocol, localMagic, peerAuthentication } = this.#lcp;
    const up = { type: 'lcpUp', peerMru, localMru, sendAddressControl, compressProtocol, localMagic } as const;
    this.emit(peerAuthentication === undefined ? up : withAuthentication(up, peerAuthentication));
    this.milestone('LCP opened', `mru ${localMru}, peer's mru ${peerMru}`);
    if (peerAuthentication === undefined && this.#settings.requirePeer.length > 0) {
      return this.authenticationFailed(NOT_AUTHENTICATED, 'local', now);
    }
    this.#authentication.start(peerAuthentication, this.#lcp.localAuthentication, now);
  }

  lcpDown(now: Instant): void {
    this.#authentication.stop();
    this.#networks.down(now);
    this.timers.set('establish', now + this.#settings.timers.establish);
  }

  lcpFinished(_now: Instant) {
    this.#ending ??= this.#peerLeft ?? { by: 'timeout', reason: LCP_TIMEOUT };
    this.#finish();
  }

  lcpFailed(reason: Failure, by: Ending['by'], now: Instant) {
    this.#terminate({ by, reason }, now);
  }

  terminateReceived(message: string, _now: Instant) {
    this.milestone('LCP terminate received');
    const authenticating = this.#lcp.opened && !this.#authentication.complete;
    const demanded = this.#lcp.refusedDemand;
    const { credentials, acceptFromPeer } = this.#settings;
    const allowed = credentials === undefined ? [] : acceptFromPeer;
    const refused = demanded !== undefined && !this.#networks.ipv4IsUp;
    const reason = refused ? noCommonMethod(demanded, allowed) : peerTerminated(message, authenticating);
    this.#peerLeft = { by: 'peer', reason };
  }

  protocolRejected(protocol: number, now: Instant) {
    if (protocol === Protocol.IPV6CP || protocol === Protocol.IPv6) return this.#networks.ipv6Rejected(now);
    const reason = rejectedProtocols[protocol];
    if (reason !== undefined) this.#terminate({ by: 'peer', reason }, now);
  }

  ask(id: number, credentials: Credentials) {
    this.emit({ type: 'ask', id, credentials });
  }

  askTls(id: number, ask: TlsAsk) {
    this.emit({ type: 'askTls', id, ask });
  }

  authenticated(who: 'peer' | 'local', user: string, method: AuthenticationMethod, answer?: AcceptedAnswer) {
    if (answer?.network !== undefined) this.#network = answer.network;
    this.emit({ type: 'authenticated', user, method, who });
    this.milestone('authenticated', `${who} as ${user} by ${method}`);
  }

  authenticationComplete(now: Instant) {
    this.#openNetwork(now);
  }

  authenticationRetried(now: Instant) {
    this.timers.set('establish', now + this.#settings.timers.establish);
  }

  authenticationFailed(reason: Failure, by: Ending['by'], now: Instant) {
    this.#terminate({ by, reason }, now);
  }

  ipv4Changed(isUp: boolean, now: Instant) {
    if (isUp) this.timers.clear('establish');
    else this.timers.set('establish', now + this.#settings.timers.establish);
  }

  ipcpFailed(reason: Failure, by: Ending['by'], now: Instant) {
    this.#terminate({ by, reason }, now);
  }

  emit(output: PppOutput) {
    this.#outputs ??= [];
    this.#outputs.push(output);
  }

  milestone(name: string, detail?: string) {
    this.emit({ type: 'milestone', name, ...(detail !== undefined && { detail }) });
  }

  // What the link does for the protocols.

  get peerMru(): number {
    return Math.min(this.#lcp.peerMru, MOST_CONTROL_BYTES);
  }

  send(protocol: number, packet: Packet) {
    this.#trace('out', protocol, packet);
    this.emit({ type: 'send', frame: encodeFrame({ protocol, information: encodePacket(packet) }) });
    if (protocol === Protocol.LCP && packet.code === Code.terminateRequest) this.milestone('LCP terminate sent');
  }

  drop(code: string, reason: string) {
    this.emit({ type: 'dropped', layer: 'ppp', code, reason });
  }

  /** The Network-Layer Protocol phase begins, as soon as the addresses are known. */
  #openNetwork(now: Instant) {
    if (this.#networks.isOpen || !this.#authentication.complete) return;
    const { network } = this.#settings;
    if (network === undefined && this.#network === undefined) return;
    this.#networks.open({ ...network, ...this.#network }, now);
  }

  #terminate(ending: Ending, now: Instant) {
    const { state } = this.#lcp.control;
    this.#ending ??= state === State.stopping && this.#peerLeft !== undefined ? this.#peerLeft : ending;
    if (state < State.closed) return this.#finish();
    this.#lcp.control.close(this.#ending.reason.code, now);
    this.timers.clear('establish');
  }

  #finish() {
    if (this.#finished) return;
    this.#finished = true;
    this.#networks.finish();
    this.timers.clearAll();
    this.emit({ type: 'closed', ...this.#ending! });
  }

  #trace(direction: 'in' | 'out', protocol: number, packet: Packet) {
    if (this.#untraced) return;
    this.emit({ type: 'trace', layer: 'ppp', direction, summary: packetText(protocol, packet) });
  }
}

/** Written out: it is kept for as long as the session stands, and objects of one kind weigh less. */
function withAuthentication(up: LcpUp, authentication: LcpAuthentication): LcpUp {
  const { type, peerMru, localMru, sendAddressControl, compressProtocol, localMagic } = up;
  return { type, peerMru, localMru, sendAddressControl, compressProtocol, localMagic, authentication };
}

/** Control packets are kept below this, whatever the peer says that it takes. */
const MOST_CONTROL_BYTES = 1400;
