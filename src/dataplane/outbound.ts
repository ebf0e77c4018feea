/**
 * Towards the peer: a packet is checked against the session's limits, then PPP and L2TP, or nothing, are put around it
 * where it stands. RFC 2661 §8.1, RFC 4301 §5.1, RFC 8200 §5.
 */

import {
  clampMss,
  fragmentCount,
  type Icmpv6ErrorName,
  IPV6_DESTINATION,
  ipv4Destination,
  ipv4DontFragment,
  mayAnswerWithIcmp,
  mayAnswerWithIcmpv6,
  writeFragment,
  writeFragmentationNeeded,
  writeIcmpv6Error,
  writeProhibited,
  writeTimeExceeded,
} from '../net/index.ts';
import type { Channel, SaPair } from './channel.ts';
import type { PathContext } from './context.ts';
import type { DropCode, Drops } from './drops.ts';
import { trafficClass } from './ecn.ts';
import { PppProtocol } from './l2tpData.ts';
import { Counter } from './messages.ts';
import { type DataPlanePorts, HEADROOM, MOST_PACKET_BYTES, type Peer, TAILROOM } from './ports.ts';
import { Protect } from './protect.ts';
import { Rate, type Second } from './second.ts';
import type { Session } from './session.ts';

/** ICMP errors sent in a second, whoever causes them. RFC 1812 §4.3.2.8 and RFC 4443 §2.4 (f) want a bound. */
export const ICMP_ERRORS_PER_SECOND = 1000;

/** Where a packet copied out of its buffer stands in the scratch, and where one that the path makes itself does. */
export const COPY_AT = HEADROOM;
export const MADE_AT = COPY_AT + MOST_PACKET_BYTES + TAILROOM + HEADROOM;

const ECHO_REPLY = 10;
/** Address, control and protocol of LCP, which are never compressed. RFC 1661 §6.5 and §6.6. */
const LCP_HEADER = Uint8Array.of(0xff, 0x03, 0xc0, 0x21);
const ECN_MASK = 3;

export class Outbound {
  /** Source of ICMP errors into tunnels; signed 32-bit number. */
  localAddress: number | undefined;
  /** The same for IPv6, 16 bytes. */
  localAddress6: Uint8Array | undefined = undefined;
  readonly #ports: DataPlanePorts;
  readonly #counters: Float64Array;
  readonly #scratch: Uint8Array;
  readonly #drops: Drops;
  readonly #second: Second;
  readonly #icmp: Rate;
  readonly #protect: Protect;

  constructor(context: PathContext, localAddress: number | undefined) {
    const { ports, counters, scratch, drops, second } = context;
    this.#ports = ports;
    this.#counters = counters;
    this.#scratch = scratch;
    this.#drops = drops;
    this.#second = second;
    this.#icmp = new Rate(second, ICMP_ERRORS_PER_SECOND);
    this.#protect = new Protect(context);
    this.localAddress = localAddress;
  }

  /**
   * Sends an IP packet of `length` bytes (as its header says) into a session, where it stands, with the rooms of
   * `ports.ts` around it; fragmented or answered by ICMP where it is too big.
   * @param from the session that it came from; undefined for the TUN device
   */
  toPeer(session: Session, bytes: Uint8Array, at: number, length: number, from: Session | undefined): void {
    const isV4 = bytes[at]! >> 4 === 4;
    if (!(isV4 ? session.isIpv4 : session.isIpv6)) {
      this.#drop(session, 'session-not-open');
      return;
    }
    if (session.selectors !== undefined && !session.selectors.fits(bytes, at, length, false)) {
      this.#drop(session, 'selectors');
      this.prohibited(from, bytes, at, length);
      return;
    }
    if (length > (isV4 ? session.mtu : session.mtu6)) {
      this.#tooBig(session, bytes, at, length, from, isV4);
      return;
    }
    if (session.toPeer !== undefined && !this.#hasTokens(session, length)) return;
    clampMss(bytes, at, length, session.mss);
    this.#send(session, bytes, at, length);
  }

  /** Sends an IP packet of the control plane's, whatever its size and the session's rate. */
  send(session: Session, bytes: Uint8Array, at: number, length: number): void {
    this.#send(session, bytes, at, length);
  }

  /** Answers a packet whose time to live ran out, into the session that it came from. */
  timeExceeded(bytes: Uint8Array, at: number, length: number, from: Session): void {
    if (bytes[at]! >> 4 === 6) {
      this.answer6(from, 'hopLimitExceeded', bytes, at, length);
      return;
    }
    if (!mayAnswerWithIcmp(bytes, at, length) || !this.#icmp.take()) return;
    const source = this.localAddress ?? ipv4Destination(bytes, at);
    this.#answer(from, writeTimeExceeded(this.#scratch, MADE_AT, bytes, at, length, source));
  }

  /** Answers a packet that may not pass, to where it came from: a session, or undefined for the TUN device. */
  prohibited(to: Session | undefined, bytes: Uint8Array, at: number, length: number): void {
    if (bytes[at]! >> 4 === 6) {
      this.answer6(to, 'prohibited', bytes, at, length);
      return;
    }
    if (!mayAnswerWithIcmp(bytes, at, length) || !this.#icmp.take()) return;
    const source = this.#source4(to, bytes, at);
    this.#answer(to, writeProhibited(this.#scratch, MADE_AT, bytes, at, length, source));
  }

  /** Answers an IPv6 packet with an error. @param mtu for a packet that is too big */
  answer6(
    to: Session | undefined,
    error: Icmpv6ErrorName,
    bytes: Uint8Array,
    at: number,
    length: number,
    mtu = 0,
  ): void {
    if (!mayAnswerWithIcmpv6(bytes, at, length, error === 'packetTooBig') || !this.#icmp.take()) return;
    const own = to === undefined ? undefined : this.localAddress6;
    const source = own ?? bytes.subarray(at + IPV6_DESTINATION, at + IPV6_DESTINATION + 16);
    this.#answer(to, writeIcmpv6Error(this.#scratch, MADE_AT, bytes, at, length, source, error, mtu));
  }

  /**
   * Answers an LCP Echo-Request: the same packet under another code, with our magic number, cut to `length` where our
   * path carries less than the peer's. RFC 1661 §5.8.
   */
  echoReply(session: Session, magic: number, bytes: Uint8Array, at: number, length: number): void {
    const scratch = this.#scratch;
    scratch.set(bytes.subarray(at, at + length), MADE_AT);
    scratch[MADE_AT] = ECHO_REPLY;
    put16(scratch, MADE_AT + 2, length);
    put16(scratch, MADE_AT + 4, magic >>> 16);
    put16(scratch, MADE_AT + 6, magic);
    const pppAt = MADE_AT - LCP_HEADER.length;
    scratch.set(LCP_HEADER, pppAt);
    const { bytes: header, pppAt: l2tpBytes } = session.header;
    const l2tpAt = pppAt - l2tpBytes;
    for (let i = 0; i < l2tpBytes; i++) scratch[l2tpAt + i] = header[i]!;
    this.#finish(session, scratch, l2tpAt, l2tpBytes + LCP_HEADER.length + length);
  }

  /** An L2TP message of the control plane, with the rooms around it. */
  message(channel: Channel, bytes: Uint8Array, at: number, length: number, peer: Peer): void {
    this.#protect.l2tp(channel, bytes, at, length, peer);
  }

  /** The SA has carried as many bytes in one direction as was to be told. */
  tellBytes(pair: SaPair): void {
    this.#protect.tellBytes(pair);
  }

  #hasTokens(session: Session, length: number): boolean {
    if (session.toPeer!.take(length, this.#second.now)) return true;
    this.#counters[session.counter + Counter.limited]!++;
    this.#drop(session, 'rate-limited');
    return false;
  }

  #send(session: Session, bytes: Uint8Array, at: number, length: number): void {
    const isSent = session.isTunnel
      ? this.#protect.packet(session.channel, bytes, at, length, outerTos(session, bytes, at))
      : this.#wrap(session, bytes, at, length);
    if (!isSent) {
      this.#counters[session.counter + Counter.dropped]!++;
      return;
    }
    this.#counters[session.counter + Counter.packetsToPeer]!++;
    this.#counters[session.counter + Counter.bytesToPeer]! += length;
    if (session.seenToPeer) return;
    session.seenToPeer = true;
    this.#ports.event({ type: 'firstPacket', slot: session.slot, direction: 'toPeer' });
  }

  #wrap(session: Session, bytes: Uint8Array, at: number, length: number): boolean {
    const { bytes: header } = session.header;
    const isV6 = bytes[at]! >> 4 === 6;
    const l2tpAt = at - header.length;
    for (let i = 0; i < header.length; i++) bytes[l2tpAt + i] = header[i]!;
    if (isV6) bytes[at - 1] = PppProtocol.ipv6;
    return this.#finish(session, bytes, l2tpAt, length + header.length);
  }

  /** Fills in the variable fields of a data message of `length` bytes, and sends it. */
  #finish(session: Session, bytes: Uint8Array, at: number, length: number): boolean {
    const { lengthAt, sequenceAt } = session.header;
    if (lengthAt >= 0) put16(bytes, at + lengthAt, length);
    if (sequenceAt >= 0) {
      put16(bytes, at + sequenceAt, session.sequence);
      session.sequence = (session.sequence + 1) & 0xffff;
    }
    return this.#protect.l2tp(session.channel, bytes, at, length, session.channel.peer);
  }

  #tooBig(
    session: Session,
    bytes: Uint8Array,
    at: number,
    length: number,
    from: Session | undefined,
    isV4: boolean,
  ): void {
    if (!isV4) {
      this.#drop(session, 'too-big');
      this.answer6(from, 'packetTooBig', bytes, at, length, session.mtu6);
      return;
    }
    if (!ipv4DontFragment(bytes, at)) {
      if (session.toPeer !== undefined && !this.#hasTokens(session, length)) return;
      clampMss(bytes, at, length, session.mss);
      const count = fragmentCount(bytes, at, length, session.mtu);
      for (let i = 0; i < count; i++) {
        const written = writeFragment(this.#scratch, MADE_AT, bytes, at, length, session.mtu, i);
        this.#send(session, this.#scratch, MADE_AT, written);
      }
      return;
    }
    this.#drop(session, 'too-big');
    if (!mayAnswerWithIcmp(bytes, at, length) || !this.#icmp.take()) return;
    const source = this.#source4(from, bytes, at);
    const scratch = this.#scratch;
    this.#answer(from, writeFragmentationNeeded(scratch, MADE_AT, bytes, at, length, source, session.mtu));
  }

  /**
   * The kernel takes no packet from the TUN device that claims to come from the host itself. So there the packet's own
   * destination speaks, which lies behind the device and passes reverse path filters.
   */
  #source4(to: Session | undefined, bytes: Uint8Array, at: number): number {
    return (to === undefined ? undefined : this.localAddress) ?? ipv4Destination(bytes, at);
  }

  /** Sends what stands at `MADE_AT` back. */
  #answer(to: Session | undefined, length: number): void {
    if (to === undefined) this.#ports.writeTun(this.#scratch, MADE_AT, length);
    else if (length <= to.mtu) this.#send(to, this.#scratch, MADE_AT, length);
  }

  #drop(session: Session, code: DropCode): void {
    this.#counters[session.counter + Counter.dropped]!++;
    this.#drops.count(code, undefined);
  }
}

/** DSCP as the session has it, ECN of the packet. RFC 6040 §4.1, RFC 4301 §5.1.2.1. */
export function outerTos(session: Session, bytes: Uint8Array, at: number): number {
  const inner = trafficClass(bytes, at);
  return session.dscp < 0 ? inner : session.dscp | (inner & ECN_MASK);
}

function put16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >> 8;
  bytes[at + 1] = value & 255;
}
