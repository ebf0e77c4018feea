/**
 * A user's packet that came out of its tunnel: its source, its size and its rate are checked, then it goes to the TUN
 * device or to another client. RFC 1812 §5.3, RFC 4291 §2.5.6, RFC 4301 §5.2.
 */

import {
  clampMss,
  decrementHopLimit,
  decrementTtl,
  IPV4_HEADER_BYTES,
  IPV6_DESTINATION,
  IPV6_HEADER_BYTES,
  IPV6_SOURCE,
  icmpv6Checksum,
  ipv4Destination,
  ipv4Length,
  ipv4Ttl,
  ipv6HopLimit,
  ipv6Length,
  isLinkLocal,
  isMulticast,
  isNeighborDiscovery,
  isUnspecifiedOrLoopback,
} from '../net/index.ts';
import { viewOf } from '../wire/index.ts';
import type { PathContext } from './context.ts';
import type { DropCode, Drops } from './drops.ts';
import { Counter } from './messages.ts';
import { Tcp, TcpFlag } from './offload/transport.ts';
import { COPY_AT, type Outbound } from './outbound.ts';
import type { DataPlanePorts, Source } from './ports.ts';
import type { Second } from './second.ts';
import type { Session } from './session.ts';
import type { Tables } from './tables.ts';

/** IPv4 without options. */
const PLAIN_HEADER = 0x45;
const TCP_FLAGS = IPV4_HEADER_BYTES + Tcp.flags;

/** Packets of neighbor discovery that the control plane is shown are no longer than this: no path makes them so long. */
const MOST_ND_BYTES = 1280;

export class FromPeer {
  clientToClient: boolean;
  readonly #ports: DataPlanePorts;
  readonly #tables: Tables;
  readonly #outbound: Outbound;
  readonly #counters: Float64Array;
  readonly #scratch: Uint8Array;
  readonly #drops: Drops;
  readonly #second: Second;
  /** Whose packet to the TUN device was the last one, with nothing to hold it to but its addresses, and these. */
  #plain: Session | undefined;
  #plainSource = 0;
  #plainDestination = 0;

  constructor(context: PathContext, tables: Tables, outbound: Outbound, clientToClient: boolean) {
    this.#ports = context.ports;
    this.#tables = tables;
    this.#outbound = outbound;
    this.#counters = context.counters;
    this.#scratch = context.scratch;
    this.#drops = context.drops;
    this.#second = context.second;
    this.clientToClient = clientToClient;
  }

  /** What is remembered of packets may no longer hold. */
  forget(): void {
    this.#plain = undefined;
  }

  /** @param available bytes there are: the packet and what the link padded */
  ipv4(session: Session, bytes: Uint8Array, at: number, available: number, source: Source | undefined): void {
    if (session === this.#plain) {
      const repeated = this.#repeatedLength(viewOf(bytes), at, available);
      if (repeated > 0) {
        this.#count(session, repeated);
        this.#ports.writeTun(bytes, at, repeated);
        return;
      }
    }
    const length = ipv4Length(bytes, at, available);
    if (length === 0) {
      this.drop(session, 'inner-malformed', source);
      return;
    }
    if (!session.owns4(bytes, at)) {
      this.drop(session, 'inner-source', source);
      return;
    }
    const other = this.#tables.client(ipv4Destination(bytes, at));
    if (!this.#mayPass(session, other, bytes, at, length, source)) return;
    this.#count(session, length);
    if (other === undefined) {
      this.#remember(session, viewOf(bytes), at);
      this.#ports.writeTun(bytes, at, length);
    } else if (ipv4Ttl(bytes, at) <= 1) this.#expired(session, bytes, at, length, source);
    else {
      this.#copy(bytes, at, length);
      decrementTtl(this.#scratch, COPY_AT);
      this.#outbound.toPeer(other, this.#scratch, COPY_AT, length, session);
    }
  }

  /** As `ipv4`, in a session that carries IPv6. */
  ipv6(session: Session, bytes: Uint8Array, at: number, available: number, source: Source | undefined): void {
    const length = ipv6Length(bytes, at, available);
    if (length === 0) {
      this.drop(session, 'inner-malformed', source);
      return;
    }
    if (isOfLink(bytes, at)) {
      this.#ofLink(session, bytes, at, length, source);
      return;
    }
    if (!session.owns6(bytes, at)) {
      this.drop(session, 'inner-source', source);
      return;
    }
    const other = this.#tables.client6(bytes, at + IPV6_DESTINATION);
    if (!this.#mayPass(session, other, bytes, at, length, source)) return;
    this.#count(session, length);
    if (other === undefined) this.#ports.writeTun(bytes, at, length);
    else if (ipv6HopLimit(bytes, at) <= 1) this.#expired(session, bytes, at, length, source);
    else if (other === session) {
      // Sent back it would come again, up to 255 times. RFC 4443 §3.1, code 3.
      this.drop(session, 'no-session', source);
      this.#outbound.answer6(session, 'addressUnreachable', bytes, at, length);
    } else {
      this.#copy(bytes, at, length);
      decrementHopLimit(this.#scratch, COPY_AT);
      this.#outbound.toPeer(other, this.#scratch, COPY_AT, length, session);
    }
  }

  drop(session: Session, code: DropCode, source: Source | undefined): void {
    this.#counters[session.counter + Counter.dropped]!++;
    this.#drops.count(code, source);
  }

  #remember(session: Session, view: DataView, at: number): void {
    const isPlain = session.selectors === undefined && session.fromPeer === undefined;
    this.#plain = isPlain ? session : undefined;
    this.#plainSource = view.getUint32(at + 12);
    this.#plainDestination = view.getUint32(at + 16);
  }

  /** @returns length of a packet for which nothing is decided in another way than for the one before; 0 otherwise */
  #repeatedLength(view: DataView, at: number, available: number): number {
    if (available <= TCP_FLAGS) return 0;
    const first = view.getUint32(at);
    const length = first & 0xffff;
    if (first >>> 24 !== PLAIN_HEADER || length > available || length <= TCP_FLAGS) return 0;
    if (view.getUint32(at + 12) !== this.#plainSource || view.getUint32(at + 16) !== this.#plainDestination) return 0;
    // An MSS is clamped, wherever something may be a SYN.
    return (view.getUint8(at + TCP_FLAGS) & TcpFlag.syn) === 0 ? length : 0;
  }

  /** Clamps the MSS of what may. */
  #mayPass(
    session: Session,
    other: Session | undefined,
    bytes: Uint8Array,
    at: number,
    length: number,
    source: Source | undefined,
  ): boolean {
    if (session.selectors !== undefined && !session.selectors.fits(bytes, at, length, true)) {
      this.drop(session, 'selectors', source);
      return false;
    }
    if (session.fromPeer !== undefined && !session.fromPeer.take(length, this.#second.now)) {
      this.#counters[session.counter + Counter.limited]!++;
      this.drop(session, 'rate-limited', source);
      return false;
    }
    clampMss(bytes, at, length, session.mss);
    if (other === undefined || this.clientToClient) return true;
    this.drop(session, 'client-to-client', source);
    this.#outbound.prohibited(session, bytes, at, length);
    return false;
  }

  #count(session: Session, length: number): void {
    this.#counters[session.counter + Counter.packetsFromPeer]!++;
    this.#counters[session.counter + Counter.bytesFromPeer]! += length;
    if (session.seenFromPeer) return;
    session.seenFromPeer = true;
    this.#ports.event({ type: 'firstPacket', slot: session.slot, direction: 'fromPeer' });
  }

  /** The kernel does not see a packet between two clients, so what a router does to it is done here. RFC 1812 §5.3.1. */
  #expired(from: Session, bytes: Uint8Array, at: number, length: number, source: Source | undefined): void {
    this.drop(from, 'time-exceeded', source);
    this.#outbound.timeExceeded(bytes, at, length, from);
  }

  /** Around a received packet stand others of the driver's buffer: the rooms are those of the scratch. */
  #copy(bytes: Uint8Array, at: number, length: number): void {
    this.#scratch.set(bytes.subarray(at, at + length), COPY_AT);
  }

  /** Never forwarded: it is for this end of the link, or for nobody here. */
  #ofLink(session: Session, bytes: Uint8Array, at: number, length: number, source: Source | undefined): void {
    if (!session.isTunnel && length <= MOST_ND_BYTES && isNeighborDiscovery(bytes, at, length)) {
      if (icmpv6Checksum(bytes, at, length - IPV6_HEADER_BYTES) !== 0) this.drop(session, 'inner-malformed', source);
      else if (!session.channel.messages.take()) this.drop(session, 'too-many-messages', source);
      else this.#ports.event({ type: 'neighborDiscovery', slot: session.slot, bytes: bytes.slice(at, at + length) });
      return;
    }
    this.drop(session, 'link-scope', source);
  }
}

/** Whether the IPv6 packet at `at` must not leave its link, or names no host of another. RFC 4291 §2.4 to §2.7. */
export function isOfLink(bytes: Uint8Array, at: number): boolean {
  // Global addresses begin with none of these bytes, which spares most packets the rest.
  const from = bytes[at + IPV6_SOURCE]!;
  const to = bytes[at + IPV6_DESTINATION]!;
  if (from !== 0 && from < 0xfe && to !== 0 && to < 0xfe) return false;
  const source = at + IPV6_SOURCE;
  const destination = at + IPV6_DESTINATION;
  return (
    isLinkLocal(bytes, source) ||
    isMulticast(bytes, source) ||
    isUnspecifiedOrLoopback(bytes, source) ||
    isLinkLocal(bytes, destination) ||
    isMulticast(bytes, destination) ||
    isUnspecifiedOrLoopback(bytes, destination)
  );
}
