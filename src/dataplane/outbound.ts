/**
 * Towards the peer: PPP, L2TP, UDP and ESP put around a packet where it stands.
 * RFC 2661 §8.1, RFC 3193 §4, RFC 3948 §2 and §3.
 */

import { EspError, NextHeader } from '../esp/index.ts';
import {
  clampMss,
  fold,
  fragmentCount,
  ipv4Destination,
  ipv4DontFragment,
  mayAnswerWithIcmp,
  UDP_HEADER_BYTES,
  WordSum,
  writeFragment,
  writeFragmentationNeeded,
  writeTimeExceeded,
} from '../net/index.ts';
import type { Channel, SaPair, Session } from './channel.ts';
import type { PathContext } from './context.ts';
import type { DropCode, Drops } from './drops.ts';
import { Counter } from './messages.ts';
import { type DataPlanePorts, HEADROOM, MOST_PACKET_BYTES, TAILROOM } from './ports.ts';
import { Rate } from './second.ts';

/** ICMP errors sent in a second, whoever causes them. RFC 1812 §4.3.2.8 wants a bound. */
export const ICMP_ERRORS_PER_SECOND = 1000;

/** Where a packet copied out of its buffer stands in the scratch, and where one that the path makes itself does. */
export const COPY_AT = HEADROOM;
export const MADE_AT = COPY_AT + MOST_PACKET_BYTES + TAILROOM + HEADROOM;

const ECHO_REPLY = 10;
/** Address, control and protocol of LCP, which are never compressed. RFC 1661 §6.5 and §6.6. */
const LCP_HEADER = Uint8Array.of(0xff, 0x03, 0xc0, 0x21);

export class Outbound {
  /** Source of ICMP errors into tunnels; signed 32-bit number. */
  localAddress: number | undefined;
  readonly #ports: DataPlanePorts;
  readonly #counters: Float64Array;
  readonly #scratch: Uint8Array;
  readonly #drops: Drops;
  readonly #icmp: Rate;
  #sumBytes: Uint8Array;
  #sum: WordSum;

  constructor({ ports, counters, scratch, drops, second }: PathContext, localAddress: number | undefined) {
    this.#ports = ports;
    this.#counters = counters;
    this.#scratch = scratch;
    this.#drops = drops;
    this.#icmp = new Rate(second, ICMP_ERRORS_PER_SECOND);
    this.#sumBytes = scratch;
    this.#sum = new WordSum(scratch);
    this.localAddress = localAddress;
  }

  /**
   * Sends an IPv4 packet of `length` bytes (as its header says) into a session, where it stands, with the rooms of
   * `ports.ts` around it; fragmented or answered by ICMP where it is too big.
   * @param from the session that it came from; undefined for the TUN device
   */
  toPeer(session: Session, bytes: Uint8Array, at: number, length: number, from: Session | undefined): void {
    if (length > session.mtu) {
      this.#tooBig(session, bytes, at, length, from);
      return;
    }
    clampMss(bytes, at, length, session.mss);
    this.#send(session, bytes, at, length);
  }

  /** Answers a packet whose time to live ran out, into the session that it came from. */
  timeExceeded(bytes: Uint8Array, at: number, length: number, from: Session): void {
    if (!mayAnswerWithIcmp(bytes, at, length) || !this.#icmp.take()) return;
    const source = this.localAddress ?? ipv4Destination(bytes, at);
    this.#answer(from, writeTimeExceeded(this.#scratch, MADE_AT, bytes, at, length, source));
  }

  /** Answers an LCP Echo-Request: the same packet under another code, with our magic number. RFC 1661 §5.8. */
  echoReply(session: Session, magic: number, bytes: Uint8Array, at: number, length: number): void {
    const scratch = this.#scratch;
    scratch.set(bytes.subarray(at, at + length), MADE_AT);
    scratch[MADE_AT] = ECHO_REPLY;
    put16(scratch, MADE_AT + 4, magic >>> 16);
    put16(scratch, MADE_AT + 6, magic);
    const pppAt = MADE_AT - LCP_HEADER.length;
    scratch.set(LCP_HEADER, pppAt);
    const { bytes: header, pppAt: l2tpBytes } = session.header;
    const l2tpAt = pppAt - l2tpBytes;
    for (let i = 0; i < l2tpBytes; i++) scratch[l2tpAt + i] = header[i]!;
    this.#finish(session, scratch, l2tpAt, l2tpBytes + LCP_HEADER.length + length);
  }

  /** Puts an L2TP message on its way as its channel is protected, with `HEADROOM` before and `TAILROOM` behind it. */
  protect(channel: Channel, bytes: Uint8Array, at: number, length: number): boolean {
    if (channel.protection === 'none') {
      this.#ports.sendUdp('l2tp', channel.peer, bytes, at, length);
      return true;
    }
    const pair = channel.sending;
    if (pair === undefined) {
      this.#drops.count('no-outbound-sa', undefined);
      return false;
    }
    const udpAt = at - UDP_HEADER_BYTES;
    const udpLength = length + UDP_HEADER_BYTES;
    this.#writeUdp(channel, bytes, udpAt, udpLength);
    const { outbound } = pair;
    const espAt = udpAt - outbound.geometry.prefixBytes;
    const sealed = outbound.seal(NextHeader.udp, bytes, udpAt, udpLength, bytes, espAt);
    if (outbound.expiring) this.#tellExpiring(pair);
    if (sealed < 0) {
      if (sealed === EspError.exhausted) this.#drops.count('sa-exhausted', undefined);
      else this.#drops.countEsp(sealed, undefined);
      return false;
    }
    pair.sent += sealed;
    if (pair.sent >= pair.tellAt) this.tellBytes(pair);
    if (channel.protection === 'udp') this.#ports.sendUdp('natT', channel.peer, bytes, espAt, sealed);
    else this.#ports.sendEsp(channel.peer, bytes, espAt, sealed);
    return true;
  }

  /** The SA has carried as many bytes in one direction as was to be told. */
  tellBytes(pair: SaPair): void {
    const isUsedUp = Math.max(pair.received, pair.sent) >= pair.mostBytes;
    pair.tellAt = isUsedUp ? Number.POSITIVE_INFINITY : pair.mostBytes;
    const { channel, inbound } = pair;
    const why = isUsedUp ? 'usedUp' : 'bytes';
    this.#ports.event({ type: 'saExpiring', channel: channel.id, inboundSpi: inbound.spi, why });
  }

  #send(session: Session, bytes: Uint8Array, at: number, length: number): void {
    const { bytes: header } = session.header;
    const l2tpAt = at - header.length;
    for (let i = 0; i < header.length; i++) bytes[l2tpAt + i] = header[i]!;
    if (!this.#finish(session, bytes, l2tpAt, length + header.length)) {
      this.#counters[session.counter + Counter.dropped]!++;
      return;
    }
    this.#counters[session.counter + Counter.packetsToPeer]!++;
    this.#counters[session.counter + Counter.bytesToPeer]! += length;
    if (session.seenToPeer) return;
    session.seenToPeer = true;
    this.#ports.event({ type: 'firstPacket', slot: session.slot, direction: 'toPeer' });
  }

  /** Fills in the variable fields of a data message of `length` bytes, and sends it. */
  #finish(session: Session, bytes: Uint8Array, at: number, length: number): boolean {
    const { lengthAt, sequenceAt } = session.header;
    if (lengthAt >= 0) put16(bytes, at + lengthAt, length);
    if (sequenceAt >= 0) {
      put16(bytes, at + sequenceAt, session.sequence);
      session.sequence = (session.sequence + 1) & 0xffff;
    }
    return this.protect(session.channel, bytes, at, length);
  }

  #tooBig(session: Session, bytes: Uint8Array, at: number, length: number, from: Session | undefined): void {
    if (!ipv4DontFragment(bytes, at)) {
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
    // The kernel takes no packet from the TUN device that claims to come from the host itself. So the packet's own
    // destination speaks, which lies behind the device and passes reverse path filters.
    const source = from === undefined ? undefined : this.localAddress;
    const written = writeFragmentationNeeded(
      this.#scratch,
      MADE_AT,
      bytes,
      at,
      length,
      source ?? ipv4Destination(bytes, at),
      session.mtu,
    );
    if (from === undefined) this.#ports.writeTun(this.#scratch, MADE_AT, written);
    else this.#answer(from, written);
  }

  #answer(session: Session, length: number): void {
    if (length <= session.mtu) this.#send(session, this.#scratch, MADE_AT, length);
  }

  /** Checksum 0, none, over IPv4, where ESP protects better; over IPv6 there must be one. RFC 768, RFC 8200 §8.1. */
  #writeUdp(channel: Channel, bytes: Uint8Array, at: number, length: number): void {
    put16(bytes, at, channel.localL2tpPort);
    put16(bytes, at + 2, channel.remoteL2tpPort);
    put16(bytes, at + 4, length);
    put16(bytes, at + 6, 0);
    if (channel.pseudoSum === 0) return;
    if (bytes !== this.#sumBytes) {
      this.#sumBytes = bytes;
      this.#sum = new WordSum(bytes);
    }
    const sum = ~fold(channel.pseudoSum + length + this.#sum.sum(at, length)) & 0xffff;
    put16(bytes, at + 6, sum === 0 ? 0xffff : sum);
  }

  #drop(session: Session, code: DropCode): void {
    this.#counters[session.counter + Counter.dropped]!++;
    this.#drops.count(code, undefined);
  }

  #tellExpiring(pair: SaPair): void {
    const { channel, inbound, outbound } = pair;
    const isExhausted = outbound.exhausted;
    if (isExhausted ? pair.exhaustedTold : pair.expiringTold) return;
    pair.expiringTold = true;
    pair.exhaustedTold ||= isExhausted;
    const why = isExhausted ? 'exhausted' : 'sequence';
    this.#ports.event({ type: 'saExpiring', channel: channel.id, inboundSpi: inbound.spi, why });
  }
}

function put16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >> 8;
  bytes[at + 1] = value & 255;
}
