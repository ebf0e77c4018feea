/** What a connection does for a session of IKEv2's tunnel mode: its place in the data plane, its limits, its end. */

import { type Endpoint, earliest, type Failure, type Instant, type Milliseconds } from '../core/index.ts';
import type { InnerPath, InnerSelector } from '../dataplane/messages.ts';
import type { ChildEstablished, IkeSaId, PathProbed, Selector, TrafficSelector } from '../ike/output.ts';
import { formatAddress, parsePrefix } from '../net/index.ts';
import type { ConnectionParts, PathPlan } from './connectionParts.ts';
import { failureText, milestoneEntry } from './log.ts';
import { type ConnectionOutput, type SessionNetwork, toDataPlane } from './output.ts';
import type { Path } from './path.ts';
import type { TooBig } from './pathMtu.ts';
import { PathMtuFollower, type PathUsers } from './pathMtuFollower.ts';
import type { Traffic } from './record.ts';
import { SessionClock } from './sessionClock.ts';
import { heardAtOf, trafficOf } from './traffic.ts';
import type { TunnelSession } from './tunnelSession.ts';

export class TunnelMode implements PathUsers<TunnelSession> {
  readonly #parts: ConnectionParts;
  readonly #path: Path;
  #follower: PathMtuFollower<TunnelSession> | undefined;
  #session: TunnelSession | undefined;
  /** Of the newest child SA: it carries the probes of the path. */
  #ikeSa: IkeSaId | undefined;

  constructor(parts: ConnectionParts, path: Path) {
    this.#parts = parts;
    this.#path = path;
  }

  /** The session, from when the peer was given its addresses to the end. */
  get session(): TunnelSession | undefined {
    return this.#session;
  }

  get deadline(): Instant | undefined {
    return this.#session && earliest([this.#session.clock?.deadline, this.#path.pathMtu.deadline]);
  }

  get #pathFollower(): PathMtuFollower<TunnelSession> {
    this.#follower ??= new PathMtuFollower(this.#parts, this.#path, this);
    return this.#follower;
  }

  /** When the data plane heard the peer last. */
  get heardAt(): Instant {
    return this.#session === undefined ? 0 : heardAtOf(this.#parts.counters, this.#session);
  }

  /** The session that the next child SA of tunnel mode is for. */
  carry(session: TunnelSession): void {
    this.#session ??= session;
  }

  /** A child SA of tunnel mode stands, and is installed: the first makes the session work. */
  childEstablished(child: ChildEstablished, now: Instant): ConnectionOutput[] {
    const session = this.#session;
    this.#ikeSa = child.ikeSa;
    if (session?.network === undefined || session.slot !== undefined) return [];
    const { channel, slots, record } = this.#parts;
    const slot = slots.take();
    if (slot === undefined) return [{ type: 'closeIke', reason: NO_SLOT }];
    session.slot = slot;
    session.clock = new SessionClock(session.limits, now);
    const { network } = session;
    record.phase = 'up';
    const isGateway = record.role === 'gateway';
    record.innerAddress = isGateway ? network.peerAddress : network.localAddress;
    const second = isGateway ? network.peerAddress6 : network.localAddress6;
    if (second !== undefined) record.innerPrefix = `${second}/128`;
    session.plan = this.plan();
    this.#path.pathMtu.begin(this.#parts.pathMtu.most, now + PROBE_AFTER);
    const { user = isGateway ? 'nobody by name' : 'this client' } = record;
    return [
      toDataPlane({
        type: 'openTunnelSession',
        session: {
          slot,
          channel,
          localSelectors: child.localSelectors ?? [wholeOf(child.localSelector)],
          remoteSelectors: child.remoteSelectors ?? [wholeOf(child.remoteSelector)],
          ...this.inner(session),
        },
      }),
      milestoneEntry(record, 'connected', now, `${user} has ${record.innerAddress}`),
      { type: 'sessionUp', session, network, mtu: session.plan.mtu },
    ];
  }

  /** Sends the probe of the path that is due. */
  askPath(now: Instant): ConnectionOutput[] {
    return this.#session === undefined ? [] : this.#pathFollower.expire(now);
  }

  pathProbed({ size, proved }: PathProbed, now: Instant): ConnectionOutput[] {
    return this.#session === undefined ? [] : this.#pathFollower.answered(size, now, proved);
  }

  /** Somebody says that the path carries less. */
  tooBig(error: TooBig, now: Instant): ConnectionOutput[] {
    return this.#pathFollower.tooBig(error, now);
  }

  /** Asks the peer at a place where it may be. */
  askAt({ local, remote }: { readonly local: Endpoint; readonly remote: Endpoint }): ConnectionOutput[] {
    if (this.#ikeSa === undefined) return [];
    return [{ type: 'ikeChild', command: { type: 'askAt', ikeSa: this.#ikeSa, local, remote } }];
  }

  open(): TunnelSession[] {
    return this.#session?.slot === undefined ? [] : [this.#session];
  }

  plan(): PathPlan {
    const { remote, suite, pathMtu } = this.#path;
    const { encapsulation = 'esp' } = this.#parts.record;
    return this.#parts.planTunnel({ remote, encapsulation, suite }, pathMtu.mtu);
  }

  inner(session: TunnelSession): InnerPath {
    const { network, plan, rates, record } = session;
    return {
      ...(record.role === 'gateway' ? peerAddresses(network!) : { ipv6: usesIpv6(session) }),
      mtuToPeer: plan!.mtu,
      mss: plan!.mss,
      ...rates,
    };
  }

  carriesIpv6(session: TunnelSession): boolean {
    return usesIpv6(session);
  }

  probe(size: number): ConnectionOutput {
    return { type: 'ikeChild', command: { type: 'probePath', ikeSa: this.#ikeSa!, size } };
  }

  /** @returns why the session is to end now */
  expire(now: Instant): Failure | undefined {
    const session = this.#session;
    if (session?.clock === undefined) return undefined;
    const { packetsFromPeer, packetsToPeer } = this.traffic(session);
    const reason = session.clock.expire(now, packetsFromPeer + packetsToPeer);
    if (reason !== undefined) delete session.clock;
    return reason;
  }

  /** Ends the session; the SAs are its owner's. */
  drop(reason: Failure, now: Instant): ConnectionOutput[] {
    const session = this.#session;
    if (session === undefined) return [];
    this.#session = undefined;
    this.#path.pathMtu.end();
    const { record, slot } = session;
    const out: ConnectionOutput[] = [];
    if (slot !== undefined) {
      record.traffic = this.traffic(session);
      delete session.slot;
      this.#parts.slots.release(slot);
      out.push(toDataPlane({ type: 'closeSession', slot }));
    }
    record.phase = 'closed';
    record.ended ??= reason;
    const why = record.ended;
    return [
      ...out,
      milestoneEntry(record, 'session ended', now, failureText(why)),
      { type: 'sessionEnded', session, record, reason: why },
    ];
  }

  traffic(session: TunnelSession): Traffic {
    return trafficOf(this.#parts.counters, session);
  }
}

function peerAddresses({ peerAddress, peerAddress6 }: SessionNetwork): Pick<InnerPath, 'peerAddress' | 'peerPrefixes'> {
  const ipv6 = peerAddress6 ?? (isIpv6(peerAddress) ? peerAddress : undefined);
  return {
    ...(isIpv6(peerAddress) ? {} : { peerAddress }),
    peerPrefixes: ipv6 === undefined ? [] : [`${ipv6}/128`],
  };
}

/** Whether the client has an address of IPv6. */
function usesIpv6({ record: { role }, network }: TunnelSession): boolean {
  const { localAddress, localAddress6, peerAddress, peerAddress6 } = network!;
  return isIpv6(role === 'gateway' ? (peerAddress6 ?? peerAddress) : (localAddress6 ?? localAddress));
}

const isIpv6 = (address: string): boolean => address.includes(':');

/** The range of addresses of a selector's address or prefix. */
function wholeOf({ address, protocol, port }: Selector): InnerSelector {
  const ports = port === 0 ? { firstPort: 0, lastPort: 0xffff } : { firstPort: port, lastPort: port };
  const prefix = parsePrefix(address);
  if (prefix === undefined) throw new RangeError(`the selector ${address} is neither an address nor a prefix`);
  const first = prefix.address.slice();
  const last = prefix.address.slice();
  for (let bit = prefix.length; bit < first.length * 8; bit++) {
    first[bit >> 3]! &= ~(0x80 >> (bit & 7));
    last[bit >> 3]! |= 0x80 >> (bit & 7);
  }
  return { first: formatAddress(first), last: formatAddress(last), protocol, ...ports } satisfies TrafficSelector;
}

/** The answer to IKE_AUTH goes first. */
const PROBE_AFTER: Milliseconds = 100;

const NO_SLOT: Failure = {
  code: 'too-many-sessions',
  reason: 'All session slots of the data plane are taken.',
};
