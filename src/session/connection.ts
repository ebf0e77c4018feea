/**
 * One peer's connection from the first ESP SA to the last PPP frame, for both roles: it joins the path below, the L2TP
 * tunnels and the PPP sessions, and takes them down in order: LCP, CDN, StopCCN, IPsec, IKE.
 */

import { type Endpoint, type Failure, type Instant, sooner, Timers } from '../core/index.ts';
import type { ChannelId, DataPlaneEvent } from '../dataplane/messages.ts';
import type { ChildClosed, ChildEstablished, ChildSaId, IkeEstablished, PathProbed } from '../ike/output.ts';
import type { L2tpFrame, SessionDown, SessionUp, TunnelDown, TunnelUp } from '../l2tp/output.ts';
import { ChildSas } from './childSas.ts';
import { L2TP_TIMEOUT, NO_L2TP, NO_SESSION, PPP_TIMEOUT, UNHEARD } from './connectionFailures.ts';
import { type ConnectionParts, SILENT_L2TP_HINT } from './connectionParts.ts';
import { failureText, milestoneEntry, sessionEntry } from './log.ts';
import type { ConnectionOutput } from './output.ts';
import { Path } from './path.ts';
import type { TooBig } from './pathMtu.ts';
import { endpointText, PeerMoves, type Place } from './peerMoves.ts';
import { PppSession } from './pppSession.ts';
import { type PppAnswer, type PppEvents, PppSessions } from './pppSessions.ts';
import { Recognition } from './recognition.ts';
import type { SessionRecord, Traffic } from './record.ts';
import { trafficOf } from './traffic.ts';
import { TunnelMode } from './tunnelMode.ts';
import type { TunnelSession } from './tunnelSession.ts';
import { type TunnelEvents, Tunnels } from './tunnels.ts';
import type { UserSession } from './userSession.ts';

type TimerName = 'hint' | 'tunnel' | 'network' | 'idle' | 'close' | 'move';

export class Connection implements TunnelEvents, PppEvents {
  readonly record: SessionRecord;
  readonly channel: ChannelId;
  readonly #parts: ConnectionParts;
  readonly #timers = new Timers<TimerName>();
  readonly #path: Path;
  readonly #childSas: ChildSas;
  readonly #tunnels: Tunnels;
  readonly #sessions: PppSessions;
  readonly #tunnelMode: TunnelMode;
  #moves: PeerMoves | undefined;
  readonly #recognition: Recognition;
  #closing: Failure | undefined;
  #ended = false;
  #forks = 0;
  /** When the last L2TP message came that the data plane handed up. */
  #heardAt: Instant = 0;

  constructor(parts: ConnectionParts) {
    const { record, channel } = parts;
    this.#parts = parts;
    this.record = record;
    this.channel = channel;
    this.#path = new Path(channel, record, parts.pathMtu);
    this.#recognition = new Recognition(record);
    this.#childSas = new ChildSas(this.#path, record, parts.times.childless);
    this.#tunnelMode = new TunnelMode(parts, this.#path);
    this.#sessions = new PppSessions(parts, this.#path, this);
    this.#tunnels = new Tunnels(parts.makeL2tp(parts.protectedPath), channel, record, this);
  }

  get sessions(): Iterable<UserSession> {
    const { session } = this.#tunnelMode;
    return session === undefined ? this.#sessions : [...this.#sessions, session];
  }

  get tunnels(): number {
    return this.#tunnels.size;
  }

  get isClosing(): boolean {
    return this.#closing !== undefined;
  }

  get ended(): boolean {
    return this.#ended;
  }

  get deadline(): Instant | undefined {
    const own = sooner(this.#timers.deadline, this.#childSas.deadline);
    return sooner(sooner(own, this.#tunnels.deadline), sooner(this.#sessions.deadline, this.#tunnelMode.deadline));
  }

  /** Opens the path without IPsec. */
  openPlain(local: Endpoint, remote: Endpoint, now: Instant): ConnectionOutput[] {
    this.#timers.set('tunnel', now + this.#parts.times.tunnel);
    return this.#path.openPlain(local, remote);
  }

  ikeEstablished(ike: IkeEstablished, now: Instant): ConnectionOutput[] {
    const { record } = this;
    record.setIke(`IKEv${ike.version} ${ike.algorithms}`);
    record.nat = ike.nat;
    record.vendorIds = ike.vendorIds;
    record.peer = ike.remote;
    record.local = ike.local;
    this.#recognition.add({ vendorIds: ike.vendorIds, offers: ike.offers });
    this.#path.quirks = ike.quirks;
    this.#childSas.ikeEstablished(ike, now);
    return this.#path.authenticatedAt(ike.local, ike.remote, now);
  }

  /** An authenticated message of the peer came from another address or port: a NAT has moved it, or it has moved. */
  moved(local: Endpoint, remote: Endpoint, now: Instant, told?: 'udp' | 'esp'): ConnectionOutput[] {
    const place = this.#path.placeOf(local, remote, told);
    if (place === undefined || this.#ended) return [];
    if (!this.#parts.followPeers) {
      const text = `The peer's packets come from ${endpointText(remote)} now, which is not followed.`;
      return [sessionEntry(this.record, 'warn', 'peer-not-followed', text)];
    }
    this.#moves ??= new PeerMoves();
    const waitUntil = this.#moves.take(place, now);
    if (waitUntil === undefined) return this.#move(place, now);
    this.#timers.set('move', waitUntil);
    return [];
  }

  /** The peer was given addresses: the next ESP SAs of tunnel mode are for this session. */
  carry(session: TunnelSession): void {
    this.#tunnelMode.carry(session);
  }

  childEstablished(child: ChildEstablished, now: Instant): ConnectionOutput[] {
    this.#childSas.established(now);
    if (child.mode === 'tunnel') {
      return [...this.#path.install(child, now), ...this.#tunnelMode.childEstablished(child, now)];
    }
    if (!this.#path.isOpen) {
      this.#timers.set('tunnel', now + this.#parts.times.tunnel);
      this.#timers.set('hint', now + SILENT_L2TP_HINT);
      this.record.phase = 'ipsec';
    }
    return this.#path.install(child, now);
  }

  childConfirmed(child: ChildSaId): ConnectionOutput[] {
    return this.#path.confirm(child);
  }

  /** The peer's traffic came on the SA with this SPI: send there too. */
  saUsed(inboundSpi: number): ConnectionOutput[] {
    return this.#path.used(inboundSpi);
  }

  /** An ESP SA has carried what it may, or nearly so. */
  saExpiring(event: Extract<DataPlaneEvent, { type: 'saExpiring' }>): ConnectionOutput[] {
    return this.#childSas.expiring(event);
  }

  childClosed(child: ChildClosed, now: Instant): ConnectionOutput[] {
    const removed = this.#path.remove(child);
    if (removed === undefined) return [];
    const next = this.#path.children > 0 ? [] : this.#childSas.lastClosed(child, this.isClosing, now);
    return [...removed, ...('code' in next ? this.lost(next, now) : next)];
  }

  /** LAC: asks for a tunnel and a session. */
  connect(now: Instant): ConnectionOutput[] {
    return this.#tunnels.size > 0 ? [] : this.#tunnels.command({ type: 'connect' }, now);
  }

  /** When something of the peer came through the path last; undefined where nothing has. */
  get heardAt(): Instant | undefined {
    const heardAt = Math.max(this.#heardAt, this.#sessions.heardAt, this.#tunnelMode.heardAt);
    return heardAt > 0 ? heardAt : undefined;
  }

  l2tpReceived(bytes: Uint8Array, now: Instant): ConnectionOutput[] {
    this.#heardAt = now;
    return this.#tunnels.receive(bytes, now);
  }

  answer(session: PppSession, answer: PppAnswer, now: Instant): ConnectionOutput[] {
    return this.#sessions.answer(session, answer, now);
  }

  /** A packet of neighbor discovery came in a session that carries IPv6. */
  neighborDiscovery(session: UserSession, bytes: Uint8Array, now: Instant): ConnectionOutput[] {
    return session instanceof PppSession ? this.#sessions.neighborDiscovery(session, bytes, now) : [];
  }

  /** An ICMP error, which nobody authenticated, says that a packet was too long for its path. */
  tooBig(error: TooBig, now: Instant): ConnectionOutput[] | undefined {
    if (!this.#path.concerns(error)) return undefined;
    return (this.#tunnelMode.session === undefined ? this.#sessions : this.#tunnelMode).tooBig(error, now);
  }

  /** The peer has answered IKE what the path carries. */
  pathProbed(probed: PathProbed, now: Instant): ConnectionOutput[] {
    return this.#tunnelMode.pathProbed(probed, now);
  }

  /** The peer may be at that place, which nobody has proved: it is asked there. */
  askAt(place: Pick<Place, 'local' | 'remote'>): ConnectionOutput[] {
    return (this.#tunnelMode.session === undefined ? this.#sessions : this.#tunnelMode).askAt(place);
  }

  /** Ends one session in order: LCP Terminate, then CDN; the tunnel goes when it was the last. */
  closeSession(session: UserSession, reason: Failure, now: Instant): ConnectionOutput[] {
    return session instanceof PppSession ? this.#sessions.close(session, reason, now) : this.close(reason, now);
  }

  /** Ends everything in order: LCP Terminate → CDN → StopCCN → `closeIke`. Repeated calls change nothing. */
  close(reason: Failure, now: Instant): ConnectionOutput[] {
    if (this.#closing !== undefined) return [];
    this.#closing = reason;
    this.record.phase = 'closing';
    this.#timers.clearAll();
    this.#timers.set('close', now + this.#parts.times.close);
    const out = [...this.#sessions].flatMap((session) => this.#sessions.close(session, reason, now));
    out.push(...this.#tunnelMode.drop(reason, now));
    out.push(...this.#continueClose(now));
    return out;
  }

  /** The path below is gone: no goodbye is possible any more. */
  lost(reason: Failure, now: Instant): ConnectionOutput[] {
    return [...this.#sessions.dropAll(reason, now), ...this.#tunnelMode.drop(reason, now), ...this.#end(reason, now)];
  }

  expire(now: Instant): ConnectionOutput[] {
    // Traffic of users proves the peer alive to L2TP and PPP, which then need not ask.
    const heardAt = this.#sessions.noteTraffic(now);
    const out = heardAt === undefined ? [] : this.#tunnels.command({ type: 'alive', at: heardAt }, now);
    out.push(...this.#tunnels.expire(now), ...this.#sessions.expire(now), ...this.#tunnelMode.askPath(now));
    const childless = this.#childSas.expire(now);
    if (childless !== undefined) out.push(...this.lost(childless, now));
    const over = this.#tunnelMode.expire(now);
    if (over !== undefined) out.push(...this.close(over, now));
    for (const name of this.#timers.due(now)) out.push(...this.#timedOut(name, now));
    return out;
  }

  /** Bytes and packets of a session so far. */
  traffic(session: UserSession): Traffic {
    return trafficOf(this.#parts.counters, session);
  }

  #move(place: Place, now: Instant): ConnectionOutput[] {
    const { local, remote } = place;
    const from = endpointText(this.#path.remote);
    const out = this.#path.move(place, now);
    for (const record of new Set([this.record, ...[...this.#sessions].map((session) => session.record)])) {
      record.peer = remote;
      record.local = local;
      out.push(milestoneEntry(record, 'peer moved', now, `from ${from} to ${endpointText(remote)}`));
    }
    return [...out, { type: 'peerMoved', local, remote }];
  }

  frame(frame: L2tpFrame, now: Instant): ConnectionOutput[] {
    return this.#sessions.receive(frame, now);
  }

  networkUp(): void {
    this.#timers.clear('network');
  }

  linkClosed({ call: { tunnel, session } }: PppSession, reason: Failure, now: Instant): ConnectionOutput[] {
    return this.#tunnels.command({ type: 'disconnect', tunnel, session, reason }, now);
  }

  tunnelUp(tunnel: TunnelUp, now: Instant): void {
    const { record } = this;
    this.#timers.clear('tunnel');
    this.#timers.clear('hint');
    this.#timers.set('idle', now + this.#parts.times.idle);
    if (record.phase === 'ike' || record.phase === 'ipsec') record.phase = 'tunnel';
    record.peerHostName = tunnel.peerHostName;
    this.#recognition.add({ hostName: tunnel.peerHostName, l2tpVendor: tunnel.peerVendorName });
  }

  tunnelDown({ tunnel, reason, by }: TunnelDown, now: Instant): ConnectionOutput[] {
    const out: ConnectionOutput[] = [];
    for (const session of [...this.#sessions]) {
      if (session.call.tunnel === tunnel) out.push(...this.#sessions.drop(session, reason, now));
    }
    if (this.#closing !== undefined) out.push(...this.#continueClose(now));
    else if (this.#tunnels.size === 0) out.push(...this.#afterLastTunnel(by, reason, now));
    return out;
  }

  /** A LAC, or a LNS whose peer is silent, has nothing to wait for; else the peer may well call again. */
  #afterLastTunnel(endedBy: TunnelDown['by'], reason: Failure, now: Instant): ConnectionOutput[] {
    if (endedBy !== 'peer' || this.record.role === 'client') return this.close(reason, now);
    this.#timers.set('idle', now + this.#parts.times.idle);
    return [];
  }

  sessionUp(call: SessionUp, now: Instant): ConnectionOutput[] {
    const own = this.#forks++ === 0 ? this.record : this.record.fork(this.#parts.newId());
    if (this.#closing === undefined) own.phase = 'session';
    this.#timers.clear('idle');
    this.#timers.set('network', now + this.#parts.times.network);
    return this.#sessions.open(call, own, now);
  }

  sessionDown(down: SessionDown, now: Instant): ConnectionOutput[] {
    const out = this.#sessions.dropCall(down, now);
    if (this.#closing !== undefined) out.push(...this.#continueClose(now));
    else if (this.#sessions.size === 0) {
      this.#timers.set('idle', now + this.#parts.times.idle);
      if (this.record.role === 'client') out.push(...this.close(down.reason, now));
    }
    return out;
  }

  /** The next step of an orderly end. */
  #continueClose(now: Instant): ConnectionOutput[] {
    const reason = this.#closing;
    if (reason === undefined || this.#ended || this.#sessions.size > 0) return [];
    return this.#tunnels.size > 0 ? this.#tunnels.closeFirst(reason, now) : this.#end(reason, now);
  }

  /** Forgets everything above IKE. */
  #end(reason: Failure, now: Instant): ConnectionOutput[] {
    if (this.#ended) return [];
    this.#ended = true;
    this.#closing ??= reason;
    this.#timers.clearAll();
    const { record } = this;
    record.phase = 'closed';
    record.ended ??= reason;
    return [
      ...(this.#forks === 0 ? [milestoneEntry(record, 'connection ended', now, failureText(reason))] : []),
      // The SAs go with the IKE SA; the channel is closed behind them so that their Deletes can still be told apart.
      { type: 'closeIke', reason },
      ...this.#path.close(),
      { type: 'ended', reason },
    ];
  }

  #timedOut(name: TimerName, now: Instant): ConnectionOutput[] {
    switch (name) {
      case 'hint':
        return [sessionEntry(this.record, 'warn', 'no-l2tp', NO_L2TP)];
      case 'tunnel':
        return this.close(L2TP_TIMEOUT, now);
      case 'network':
        return this.#sessions.anyWithoutNetwork ? this.close(PPP_TIMEOUT, now) : [];
      case 'idle':
        return this.#sessions.size > 0 ? [] : this.close(NO_SESSION, now);
      case 'move': {
        const place = this.#moves?.takeWaiting();
        return place === undefined ? [] : this.moved(place.local, place.remote, now, place.encapsulation);
      }
      case 'close':
        return [sessionEntry(this.record, 'warn', 'close-timeout', UNHEARD.reason), ...this.lost(this.#closing!, now)];
    }
  }
}
