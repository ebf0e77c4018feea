/** IPv6 of the PPP sessions of a connection: from agreed identifiers to packets that pass. RFC 5072 §5, RFC 4862. */

import { type Instant, sooner } from '../core/index.ts';
import type { InnerPath } from '../dataplane/messages.ts';
import { IPV6_LEAST_MTU, parseAddress, parsePrefix } from '../net/index.ts';
import type { Ipv6Up } from '../ppp/output.ts';
import { HostLink, type Ipv6LinkResult, RouterLink } from './ipv6Link.ts';
import { milestoneEntry } from './log.ts';
import { type ConnectionOutput, toDataPlane } from './output.ts';
import type { PppSession } from './pppSession.ts';

/** What the data plane lets pass in a session whose link and path are known. */
export function innerPathOf(session: PppSession): InnerPath {
  const { record, network, prefix6, ipv6, plan, rates } = session;
  const ipv6Opened = ipv6 !== undefined;
  return {
    ...(record.role === 'gateway'
      ? {
          ...(network === undefined ? {} : { peerAddress: network.peerAddress }),
          peerPrefixes: ipv6Opened && prefix6 !== undefined ? [prefix6] : [],
        }
      : {}),
    ipv6: ipv6Opened,
    mtuToPeer: plan?.mtu ?? 0,
    mss: plan?.mss ?? 0,
    ...rates,
  };
}

export function ipv6Up(session: PppSession, { localIdentifier, peerIdentifier }: Ipv6Up, now: Instant) {
  session.identifiers = { local: localIdentifier, peer: peerIdentifier };
  return beginIpv6(session, now);
}

/** Begins as soon as IPv4 is up too, which gives the session its place in the data plane. */
export function beginIpv6(session: PppSession, now: Instant): ConnectionOutput[] {
  const { record, identifiers, prefix6, plan, network, slot } = session;
  if (identifiers === undefined || slot === undefined || plan === undefined || session.ipv6 !== undefined) return [];
  const prefix = prefix6 === undefined ? undefined : parsePrefix(prefix6);
  if (record.role === 'gateway') {
    if (prefix === undefined) return [];
    const dns = network?.dns.map((server) => parseAddress(server)!).filter(({ length }) => length === 16) ?? [];
    session.ipv6 = new RouterLink(identifiers, prefix, dns, Math.max(IPV6_LEAST_MTU, plan.mtu));
    record.innerPrefix = prefix6!;
  } else session.ipv6 = new HostLink(identifiers);
  return [
    toDataPlane({ type: 'changeSession', slot, inner: innerPathOf(session) }),
    ...ipv6Outputs(session, session.ipv6.start(now), now),
  ];
}

export function ipv6Down(session: PppSession): ConnectionOutput[] {
  delete session.identifiers;
  if (session.ipv6 === undefined) return [];
  delete session.ipv6;
  delete session.record.innerPrefix;
  const { slot } = session;
  return slot === undefined ? [] : [toDataPlane({ type: 'changeSession', slot, inner: innerPathOf(session) })];
}

/** What a link of the session wants sent, and what it has learned. */
export function ipv6Outputs(session: PppSession, { send, learned }: Ipv6LinkResult, now: Instant): ConnectionOutput[] {
  const { slot, record, network } = session;
  if (slot === undefined) return [];
  const out: ConnectionOutput[] = send.map((bytes) => toDataPlane({ type: 'sendPacket', slot, bytes }));
  if (learned === undefined || network === undefined) return out;
  const { address, router, dns } = learned;
  record.innerPrefix = `${address}/128`;
  const all = { ...network, localAddress6: address, peerAddress6: router, dns: [...network.dns, ...dns] };
  return [
    ...out,
    milestoneEntry(record, 'IPv6 address', now, address),
    { type: 'networkChanged', session, network: all },
  ];
}

/** When the session's own machines must be woken. */
export function sessionDeadline({ link, clock, ipv6 }: PppSession): Instant | undefined {
  return sooner(sooner(link.deadline, clock?.deadline), ipv6?.deadline);
}
