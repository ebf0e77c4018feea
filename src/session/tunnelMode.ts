/** What a connection does for a session of IKEv2's tunnel mode: its place in the data plane, its limits, its end. */

import type { Failure, Instant } from '../core/index.ts';
import type { InnerPath, InnerSelector } from '../dataplane/messages.ts';
import type { ChildEstablished, Selector, TrafficSelector } from '../ike/output.ts';
import { formatAddress, parsePrefix } from '../net/index.ts';
import type { ConnectionParts } from './connectionParts.ts';
import { failureText, milestoneEntry } from './log.ts';
import { type ConnectionOutput, type SessionNetwork, toDataPlane } from './output.ts';
import type { Path } from './path.ts';
import type { Traffic } from './record.ts';
import { SessionClock } from './sessionClock.ts';
import { heardAtOf, trafficOf } from './traffic.ts';
import type { TunnelSession } from './tunnelSession.ts';

export class TunnelMode {
  readonly #parts: ConnectionParts;
  readonly #path: Path;
  #session: TunnelSession | undefined;

  constructor(parts: ConnectionParts, path: Path) {
    this.#parts = parts;
    this.#path = path;
  }

  /** The session, from when the peer was given its addresses to the end. */
  get session(): TunnelSession | undefined {
    return this.#session;
  }

  get deadline(): Instant | undefined {
    return this.#session?.clock?.deadline;
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
    const { mtu, mss } = this.#parts.planTunnel(
      {
        remote: this.#path.remote,
        encapsulation: child.udpEncapsulation ? 'udp' : 'esp',
        suite: child.suite,
      },
      this.#path.pathMtu.mtu,
    );
    const { user = isGateway ? 'nobody by name' : 'this client' } = record;
    return [
      toDataPlane({
        type: 'openTunnelSession',
        session: {
          slot,
          channel,
          localSelectors: child.localSelectors ?? [wholeOf(child.localSelector)],
          remoteSelectors: child.remoteSelectors ?? [wholeOf(child.remoteSelector)],
          ...(isGateway ? peerAddresses(network) : { ipv6: isIpv6(network.localAddress6 ?? network.localAddress) }),
          mtuToPeer: mtu,
          mss,
          ...session.rates,
        },
      }),
      milestoneEntry(record, 'connected', now, `${user} has ${record.innerAddress}`),
      { type: 'sessionUp', session, network, mtu },
    ];
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

const NO_SLOT: Failure = {
  code: 'too-many-sessions',
  reason: 'All session slots of the data plane are taken.',
};
