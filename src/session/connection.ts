/**
 * One peer's connection from the first ESP SA to the last PPP frame, for both roles: it joins the child SAs, the L2TP
 * socket and the PPP links of one protected path, and takes them down in order: LCP, CDN, StopCCN, IPsec, IKE.
 */

import {
  Agenda,
  type Core,
  type Endpoint,
  type Failure,
  type Instant,
  type Milliseconds,
  Timers,
} from '../core/index.ts';
import { type ChannelId, COUNTERS_PER_SESSION, Counter, type DataPlaneCommand } from '../dataplane/messages.ts';
import type { EspSuite } from '../esp/suite.ts';
import type {
  ChildClosed,
  ChildEstablished,
  ChildSaId,
  IkeCommand,
  IkeDatagram,
  IkeEstablished,
  IkeOutput,
} from '../ike/output.ts';
import type {
  L2tpCommand,
  L2tpFrame,
  L2tpOutput,
  SessionDown,
  SessionUp,
  TunnelDown,
  TunnelId,
  TunnelUp,
} from '../l2tp/output.ts';
import type { AuthenticationAnswer, LcpUp, NetworkUp, PppOutput } from '../ppp/output.ts';
import { failureText, type LogEntry, logEntry, milestoneEntry } from './log.ts';
import type { ConnectionOutput } from './output.ts';
import { type PppCore, PppSession, sessionKey } from './pppSession.ts';
import type { SessionRecord, Traffic } from './record.ts';
import type { Slots } from './slots.ts';

export interface IkeCore extends Core<IkeCommand, IkeOutput> {
  receive(datagram: IkeDatagram, now: Instant): readonly IkeOutput[];
}

export interface L2tpCore extends Core<L2tpCommand, L2tpOutput> {
  receive(bytes: Uint8Array, now: Instant): readonly L2tpOutput[];
}

/** How long each stage may take. Milliseconds. */
export interface ConnectionTimes {
  /** From the first ESP SA (or the first L2TP message) to an L2TP tunnel. Default 30 s. */
  readonly tunnel: Milliseconds;
  /** From the L2TP session to the first network protocol. Default 60 s. */
  readonly network: Milliseconds;
  /** How long a path without any L2TP session is kept. Default 10 s. */
  readonly idle: Milliseconds;
  /** How long an orderly end may take altogether. Default 8 s. */
  readonly close: Milliseconds;
}

export const CONNECTION_TIMES: ConnectionTimes = { tunnel: 30_000, network: 60_000, idle: 10_000, close: 8_000 };

/** After this long without an L2TP message the log says what that usually means. */
const SILENT_L2TP_HINT: Milliseconds = 10_000;

/** What the inner path can carry: bytes of the largest inner IP packet, and of the largest TCP segment over IPv4. */
export interface PathPlan {
  readonly mtu: number;
  readonly mss: number;
}

/** What decides how large an inner packet may be. `suite` is absent without IPsec. */
export interface PathShape {
  readonly remote: Endpoint;
  readonly encapsulation: 'none' | 'udp' | 'esp';
  readonly suite: EspSuite | undefined;
  readonly sequencing: boolean;
  readonly lcp: LcpUp;
}

export interface ConnectionParts {
  /** Whether the path is IPsec's. */
  readonly protectedPath: boolean;
  readonly record: SessionRecord;
  readonly channel: ChannelId;
  readonly times: ConnectionTimes;
  readonly slots: Slots;
  /** The data plane's counters, read to learn whether the peer is alive. */
  readonly counters: Float64Array;
  /** @param protectedPath whether IPsec has proved where the peer is */
  makeL2tp(protectedPath: boolean): L2tpCore;
  makePpp(): PppCore;
  newId(): string;
  planPath(path: PathShape): PathPlan;
  /** Writes a frame of a session as an L2TP data message. */
  encodeFrame(call: SessionUp, frame: Uint8Array): Uint8Array;
}

type TimerName = 'hint' | 'tunnel' | 'network' | 'idle' | 'close';

interface Child {
  readonly inboundSpi: number;
  readonly outboundSpi: number;
  readonly suite: EspSuite;
}

export class Connection {
  readonly record: SessionRecord;
  readonly channel: ChannelId;
  readonly #parts: ConnectionParts;
  readonly #l2tp: L2tpCore;
  readonly #timers = new Timers<TimerName>();
  readonly #links = new Agenda<PppSession>();
  readonly #sessions = new Map<string, PppSession>();
  readonly #tunnels = new Set<TunnelId>();
  readonly #children = new Map<ChildSaId, Child>();
  #channelOpen = false;
  #remote: Endpoint;
  #closing: Failure | undefined;
  #ended = false;
  #forks = 0;

  constructor(parts: ConnectionParts) {
    this.#parts = parts;
    this.record = parts.record;
    this.channel = parts.channel;
    this.#remote = parts.record.peer;
    this.#l2tp = parts.makeL2tp(parts.protectedPath);
  }

  get sessions(): Iterable<PppSession> {
    return this.#sessions.values();
  }

  get isClosing(): boolean {
    return this.#closing !== undefined;
  }

  get ended(): boolean {
    return this.#ended;
  }

  get deadline(): Instant | undefined {
    return earliest(earliest(this.#timers.deadline, this.#l2tp.deadline), this.#links.deadline);
  }

  /** Opens the path without IPsec. */
  openPlain(local: Endpoint, remote: Endpoint, now: Instant): ConnectionOutput[] {
    this.record.encapsulation = 'none';
    this.#timers.set('tunnel', now + this.#parts.times.tunnel);
    return this.#openChannel('none', local, remote, local.port, remote.port);
  }

  ikeEstablished(ike: IkeEstablished): void {
    const { record } = this;
    record.ike = `IKEv${ike.version} ${ike.algorithms}`;
    record.nat = ike.nat;
    record.vendorIds = ike.vendorIds;
    record.peer = ike.remote;
    record.local = ike.local;
    this.#remote = ike.remote;
  }

  childEstablished(child: ChildEstablished, now: Instant): ConnectionOutput[] {
    const out: ConnectionOutput[] = [];
    if (!this.#channelOpen) {
      this.record.encapsulation = child.udpEncapsulation ? 'udp' : 'esp';
      out.push(
        ...this.#openChannel(
          this.record.encapsulation,
          child.local,
          child.remote,
          child.localSelector.port || L2TP_PORT,
          child.remoteSelector.port || L2TP_PORT,
        ),
      );
      this.#timers.set('tunnel', now + this.#parts.times.tunnel);
      this.#timers.set('hint', now + SILENT_L2TP_HINT);
      this.record.phase = 'ipsec';
    }
    const { inboundSpi, outboundSpi, mode, suite, inboundKeys, outboundKeys } = child;
    this.#children.set(child.child, { inboundSpi, outboundSpi, suite });
    this.record.setEsp(suite);
    out.push(
      this.#post({
        type: 'installSa',
        record: {
          channel: this.channel,
          inboundSpi,
          outboundSpi,
          mode,
          suite,
          inboundKeys,
          outboundKeys,
          replayWindow: REPLAY_WINDOW,
        },
      }),
      this.#stamp(
        child.replaces === undefined ? 'ESP SA installed' : 'ESP SA rekeyed',
        now,
        `${this.record.esp} ${this.record.encapsulation === 'udp' ? 'in UDP' : 'native'}`,
      ),
    );
    return out;
  }

  childConfirmed(child: ChildSaId): ConnectionOutput[] {
    const known = this.#children.get(child);
    return known === undefined ? [] : [this.#useSa(known.outboundSpi)];
  }

  /** The peer's traffic came on the SA with this SPI: send there too. */
  saUsed(inboundSpi: number): ConnectionOutput[] {
    for (const child of this.#children.values()) {
      if (child.inboundSpi === inboundSpi) return [this.#useSa(child.outboundSpi)];
    }
    return [];
  }

  childClosed(child: ChildClosed, now: Instant): ConnectionOutput[] {
    if (!this.#children.delete(child.child)) return [];
    const out: ConnectionOutput[] = [this.#post({ type: 'removeSa', inboundSpi: child.inboundSpi })];
    if (this.#children.size === 0) out.push(...this.lost(child.reason, now));
    return out;
  }

  /** LAC: asks for a tunnel and a session. */
  connect(now: Instant): ConnectionOutput[] {
    return this.#tunnels.size > 0 ? [] : this.#fromL2tp(this.#l2tp.command({ type: 'connect' }, now), now);
  }

  l2tpReceived(bytes: Uint8Array, now: Instant): ConnectionOutput[] {
    return this.#fromL2tp(this.#l2tp.receive(bytes, now), now);
  }

  answer(session: PppSession, id: number, answer: AuthenticationAnswer, now: Instant): ConnectionOutput[] {
    if (this.#sessions.get(session.key) !== session) return [];
    return this.#fromPpp(session, session.link.command({ type: 'answer', id, answer }, now), now);
  }

  firstPacket(session: PppSession, direction: 'fromPeer' | 'toPeer', now: Instant): ConnectionOutput[] {
    return [
      this.#stamp(
        direction === 'fromPeer' ? 'first packet from the peer' : 'first packet to the peer',
        now,
        undefined,
        session.record,
      ),
    ];
  }

  /** Ends one session in order: LCP Terminate, then CDN; the tunnel goes when it was the last. */
  closeSession(session: PppSession, reason: Failure, now: Instant): ConnectionOutput[] {
    session.record.phase = 'closing';
    return this.#fromPpp(session, session.link.command({ type: 'close', reason }, now), now);
  }

  /** Ends everything in order: LCP Terminate → CDN → StopCCN → `closeIke`. Repeated calls change nothing. */
  close(reason: Failure, now: Instant): ConnectionOutput[] {
    if (this.#closing !== undefined) return [];
    this.#closing = reason;
    this.record.phase = 'closing';
    this.#timers.clearAll();
    this.#timers.set('close', now + this.#parts.times.close);
    const out: ConnectionOutput[] = [];
    for (const session of [...this.#sessions.values()]) out.push(...this.closeSession(session, reason, now));
    out.push(...this.#continueClose(now));
    return out;
  }

  /** The path below is gone: no goodbye is possible any more. */
  lost(reason: Failure, now: Instant): ConnectionOutput[] {
    const out: ConnectionOutput[] = [];
    for (const session of [...this.#sessions.values()]) out.push(...this.#dropSession(session, reason, now));
    out.push(...this.#end(reason, now));
    return out;
  }

  expire(now: Instant): ConnectionOutput[] {
    const out: ConnectionOutput[] = [];
    this.#readCounters(now, out);
    const l2tpDeadline = this.#l2tp.deadline;
    if (l2tpDeadline !== undefined && l2tpDeadline <= now) out.push(...this.#fromL2tp(this.#l2tp.expire(now), now));
    for (const session of this.#links.due(now)) out.push(...this.#fromPpp(session, session.link.expire(now), now));
    for (const name of this.#timers.due(now)) out.push(...this.#timedOut(name, now));
    return out;
  }

  /** Bytes and packets of a session so far, from the data plane's counters. */
  traffic(session: PppSession): Traffic {
    if (session.slot === undefined) return session.record.traffic;
    const at = session.slot * COUNTERS_PER_SESSION;
    const { counters } = this.#parts;
    return {
      bytesFromPeer: counters[at + Counter.bytesFromPeer] ?? 0,
      bytesToPeer: counters[at + Counter.bytesToPeer] ?? 0,
      packetsFromPeer: counters[at + Counter.packetsFromPeer] ?? 0,
      packetsToPeer: counters[at + Counter.packetsToPeer] ?? 0,
    };
  }

  #openChannel(
    protection: 'none' | 'udp' | 'esp',
    local: Endpoint,
    remote: Endpoint,
    localL2tpPort: number,
    remoteL2tpPort: number,
  ): ConnectionOutput[] {
    this.#channelOpen = true;
    this.#remote = remote;
    const record = { channel: this.channel, protection, local, remote, localL2tpPort, remoteL2tpPort };
    return [this.#post({ type: 'openChannel', record })];
  }

  #useSa(outboundSpi: number): ConnectionOutput {
    return this.#post({ type: 'useSa', channel: this.channel, outboundSpi });
  }

  #fromL2tp(outputs: readonly L2tpOutput[], now: Instant): ConnectionOutput[] {
    const out: ConnectionOutput[] = [];
    for (const output of outputs) {
      switch (output.type) {
        case 'send':
          out.push(this.#post({ type: 'sendL2tp', channel: this.channel, bytes: output.bytes }));
          break;
        case 'tunnelUp':
          out.push(...this.#tunnelUp(output, now));
          break;
        case 'tunnelDown':
          out.push(...this.#tunnelDown(output, now));
          break;
        case 'sessionUp':
          out.push(...this.#sessionUp(output, now));
          break;
        case 'sessionDown':
          out.push(...this.#sessionDown(output, now));
          break;
        case 'frame':
          out.push(...this.#frame(output, now));
          break;
        case 'milestone':
          out.push(this.#stamp(output.name, now, output.detail));
          break;
        default:
          out.push(this.#log(output));
      }
    }
    return out;
  }

  #tunnelUp(tunnel: TunnelUp, now: Instant): ConnectionOutput[] {
    this.#tunnels.add(tunnel.tunnel);
    this.#timers.clear('tunnel');
    this.#timers.clear('hint');
    this.#timers.set('idle', now + this.#parts.times.idle);
    if (this.record.phase === 'ike' || this.record.phase === 'ipsec') this.record.phase = 'tunnel';
    this.record.peerHostName = tunnel.peerHostName;
    return [];
  }

  #tunnelDown(tunnel: TunnelDown, now: Instant): ConnectionOutput[] {
    this.#tunnels.delete(tunnel.tunnel);
    const out: ConnectionOutput[] = [this.#info('tunnel-down', `L2TP tunnel ended: ${failureText(tunnel.reason)}`)];
    for (const session of [...this.#sessions.values()]) {
      if (session.call.tunnel === tunnel.tunnel) out.push(...this.#dropSession(session, tunnel.reason, now));
    }
    if (this.#closing !== undefined) out.push(...this.#continueClose(now));
    else if (this.#tunnels.size === 0) out.push(...this.#afterLastTunnel(tunnel, now));
    return out;
  }

  /** A LAC, or a LNS whose peer is silent, has nothing to wait for; else the peer may well call again. */
  #afterLastTunnel(tunnel: TunnelDown, now: Instant): ConnectionOutput[] {
    if (tunnel.by !== 'peer' || this.record.role === 'client') return this.close(tunnel.reason, now);
    this.#timers.set('idle', now + this.#parts.times.idle);
    return [];
  }

  #sessionUp(call: SessionUp, now: Instant): ConnectionOutput[] {
    const { record } = this;
    const own = this.#forks++ === 0 ? record : record.fork(this.#parts.newId());
    if (this.#closing === undefined) own.phase = 'session';
    const session = new PppSession(call, own, this.#parts.makePpp());
    this.#sessions.set(session.key, session);
    this.#timers.clear('idle');
    this.#timers.set('network', now + this.#parts.times.network);
    return this.#fromPpp(session, session.link.command({ type: 'up' }, now), now);
  }

  #sessionDown(down: SessionDown, now: Instant): ConnectionOutput[] {
    const session = this.#sessions.get(sessionKey(down.tunnel, down.session));
    const out: ConnectionOutput[] = session === undefined ? [] : this.#dropSession(session, down.reason, now);
    if (this.#closing !== undefined) out.push(...this.#continueClose(now));
    else if (this.#sessions.size === 0) this.#timers.set('idle', now + this.#parts.times.idle);
    if (this.#closing === undefined && this.#sessions.size === 0 && this.record.role === 'client')
      out.push(...this.close(down.reason, now));
    return out;
  }

  #frame(output: L2tpFrame, now: Instant): ConnectionOutput[] {
    const session = this.#sessions.get(sessionKey(output.tunnel, output.session));
    return session === undefined ? [] : this.#fromPpp(session, session.link.receive(output.frame, now), now);
  }

  #fromPpp(session: PppSession, outputs: readonly PppOutput[], now: Instant): ConnectionOutput[] {
    const out: ConnectionOutput[] = [];
    for (const output of outputs) {
      switch (output.type) {
        case 'send':
          out.push(
            this.#post({
              type: 'sendL2tp',
              channel: this.channel,
              bytes: this.#parts.encodeFrame(session.call, output.frame),
            }),
          );
          break;
        case 'ask':
          out.push({ type: 'askUser', session, id: output.id, credentials: output.credentials });
          break;
        case 'lcpUp':
          session.lcp = output;
          break;
        case 'authenticated':
          if (output.who === 'peer' || session.record.role === 'client') session.record.user = output.user;
          session.record.authentication = output.method;
          session.record.phase = 'authenticated';
          break;
        case 'networkUp':
          out.push(...this.#networkUp(session, output, now));
          break;
        case 'networkDown':
          out.push(...this.#closeSlot(session));
          break;
        case 'closed':
          out.push(...this.#linkClosed(session, output.reason, now));
          break;
        case 'milestone':
          out.push(this.#stamp(output.name, now, output.detail, session.record));
          break;
        default:
          out.push(this.#log(output, session.record));
      }
    }
    this.#links.set(session, this.#sessions.has(session.key) ? session.link.deadline : undefined);
    return out;
  }

  #networkUp(session: PppSession, network: NetworkUp, now: Instant): ConnectionOutput[] {
    const { record, call } = session;
    const slot = this.#parts.slots.take();
    if (slot === undefined || session.lcp === undefined) {
      return this.closeSession(
        session,
        { code: 'too-many-sessions', reason: 'All session slots of the data plane are taken.' },
        now,
      );
    }
    session.slot = slot;
    session.seenMessages = 0;
    session.network = network;
    record.phase = 'up';
    record.innerAddress = record.role === 'gateway' ? network.peerAddress : network.localAddress;
    this.#timers.clear('network');
    const { lcp } = session;
    const { mtu, mss } = this.#parts.planPath({
      remote: this.#remote,
      encapsulation: this.record.encapsulation ?? 'none',
      suite: this.#suite(),
      sequencing: call.sequencing,
      lcp,
    });
    return [
      this.#post({
        type: 'openSession',
        session: {
          slot,
          channel: this.channel,
          localTunnel: call.tunnel,
          localSession: call.session,
          peerTunnel: call.peerTunnel,
          peerSession: call.peerSession,
          sequencing: call.sequencing,
          lengthBit: true,
          sendAddressControl: lcp.sendAddressControl,
          compressProtocol: lcp.compressProtocol,
          ...(record.role === 'gateway' ? { peerAddress: network.peerAddress } : {}),
          mtuToPeer: mtu,
          mss: Math.min(mss, lcp.localMru - IPV4_AND_TCP_HEADERS),
        },
      }),
      this.#stamp('connected', now, `${record.user ?? 'no user'} has ${record.innerAddress}`, record),
      { type: 'sessionUp', session, network, mtu },
    ];
  }

  #suite(): EspSuite | undefined {
    let suite: EspSuite | undefined;
    for (const child of this.#children.values()) suite = child.suite;
    return suite;
  }

  /** PPP is done: say so to L2TP. */
  #linkClosed(session: PppSession, reason: Failure, now: Instant): ConnectionOutput[] {
    if (session.linkClosed) return [];
    session.linkClosed = true;
    session.record.ended ??= reason;
    const out = this.#closeSlot(session);
    const { tunnel, session: id } = session.call;
    out.push(...this.#fromL2tp(this.#l2tp.command({ type: 'disconnect', tunnel, session: id, reason }, now), now));
    return out;
  }

  /** A session is gone from L2TP: nothing can be sent on it. */
  #dropSession(session: PppSession, reason: Failure, now: Instant): ConnectionOutput[] {
    if (!this.#sessions.delete(session.key)) return [];
    const out: ConnectionOutput[] = [];
    const { record } = session;
    if (!session.linkClosed) {
      session.linkClosed = true;
      for (const output of session.link.command({ type: 'down', reason }, now)) {
        // Where PPP knew before why it would end, that is the better reason.
        if (output.type === 'closed') record.ended ??= output.reason;
        if (output.type === 'milestone') out.push(this.#stamp(output.name, now, output.detail, record));
      }
    }
    this.#links.set(session, undefined);
    out.push(...this.#closeSlot(session));
    record.phase = 'closed';
    out.push(this.#stamp('session ended', now, failureText(record.ended ?? reason), record));
    out.push({ type: 'sessionEnded', session, record, reason: record.ended ?? reason });
    return out;
  }

  #closeSlot(session: PppSession): ConnectionOutput[] {
    const { slot } = session;
    if (slot === undefined) return [];
    session.record.traffic = this.traffic(session);
    delete session.slot;
    this.#parts.slots.release(slot);
    return [this.#post({ type: 'closeSession', slot })];
  }

  /** The next step of an orderly end. */
  #continueClose(now: Instant): ConnectionOutput[] {
    const reason = this.#closing;
    if (reason === undefined || this.#ended || this.#sessions.size > 0) return [];
    const [tunnel] = this.#tunnels;
    if (tunnel !== undefined) return this.#fromL2tp(this.#l2tp.command({ type: 'close', tunnel, reason }, now), now);
    return this.#end(reason, now);
  }

  /** Forgets everything above IKE. */
  #end(reason: Failure, now: Instant): ConnectionOutput[] {
    if (this.#ended) return [];
    this.#ended = true;
    this.#closing ??= reason;
    this.#timers.clearAll();
    this.record.phase = 'closed';
    this.record.ended ??= reason;
    const out: ConnectionOutput[] = [];
    if (this.#forks === 0) out.push(this.#stamp('connection ended', now, failureText(reason)));
    // The SAs go with the IKE SA; the channel is closed behind them so that their Deletes can still be told apart.
    out.push({ type: 'closeIke', reason });
    for (const child of this.#children.values())
      out.push(this.#post({ type: 'removeSa', inboundSpi: child.inboundSpi }));
    this.#children.clear();
    if (this.#channelOpen) out.push(this.#post({ type: 'closeChannel', channel: this.channel }));
    out.push({ type: 'ended', reason });
    return out;
  }

  #timedOut(name: TimerName, now: Instant): ConnectionOutput[] {
    switch (name) {
      case 'hint':
        return [this.#warn('no-l2tp', NO_L2TP)];
      case 'tunnel':
        return this.close({ code: 'l2tp-timeout', reason: 'No L2TP tunnel was set up in time.', remedy: NO_L2TP }, now);
      case 'network':
        return this.#anyWithoutNetwork()
          ? this.close({ code: 'ppp-timeout', reason: 'PPP did not come up in time.' }, now)
          : [];
      case 'idle':
        return this.#sessions.size > 0
          ? []
          : this.close({ code: 'no-session', reason: 'The tunnel carried no session any more.' }, now);
      case 'close': {
        const reason = this.#closing ?? {
          code: 'close-timeout',
          reason: 'The peer did not acknowledge the end in time.',
        };
        const out: ConnectionOutput[] = [
          this.#warn('close-timeout', 'The peer did not acknowledge the end of the connection in time.'),
        ];
        for (const session of [...this.#sessions.values()]) out.push(...this.#dropSession(session, reason, now));
        out.push(...this.#end(reason, now));
        return out;
      }
    }
  }

  #anyWithoutNetwork(): boolean {
    for (const session of this.#sessions.values()) if (session.network === undefined) return true;
    return false;
  }

  /** Traffic of users proves the peer alive to L2TP and PPP, which then need not ask. */
  #readCounters(now: Instant, out: ConnectionOutput[]): void {
    let alive = false;
    for (const session of this.#sessions.values()) {
      if (session.slot === undefined) continue;
      const seen = this.#parts.counters[session.slot * COUNTERS_PER_SESSION + Counter.messagesFromPeer] ?? 0;
      if (seen === session.seenMessages) continue;
      session.seenMessages = seen;
      alive = true;
      out.push(...this.#fromPpp(session, session.link.command({ type: 'alive' }, now), now));
    }
    if (alive) out.push(...this.#fromL2tp(this.#l2tp.command({ type: 'alive' }, now), now));
  }

  #post(command: DataPlaneCommand): ConnectionOutput {
    return { type: 'dataPlane', command };
  }

  #stamp(name: string, now: Instant, detail?: string, record: SessionRecord = this.record): LogEntry {
    return milestoneEntry(record, name, now, detail);
  }

  #info(event: string, text: string): LogEntry {
    return { type: 'log', level: 'info', layer: 'session', event, text, session: this.record.id };
  }

  #warn(event: string, text: string): LogEntry {
    return { type: 'log', level: 'warn', layer: 'session', event, text, session: this.record.id };
  }

  #log(
    output: Extract<L2tpOutput | PppOutput, { type: 'trace' | 'dropped' }>,
    record: SessionRecord = this.record,
  ): LogEntry {
    return { ...logEntry(output), session: record.id };
  }
}

const L2TP_PORT = 1701;
/** Packets that the anti-replay window spans: multi-gigabit paths reorder over hundreds. */
const REPLAY_WINDOW = 2048;
const IPV4_AND_TCP_HEADERS = 40;

const NO_L2TP =
  'IPsec is up but the peer sent no L2TP: usually a firewall or another program holds UDP 1701 at the peer, or its L2TP client did not start.';

function earliest(a: Instant | undefined, b: Instant | undefined): Instant | undefined {
  if (a === undefined) return b;
  return b === undefined || a < b ? a : b;
}
