/**
 * L2TP of a peer: UDP header, data messages in their order, PPP stepped over; what is not a user's packet goes to the
 * control plane. RFC 3193 §4, RFC 2661 §5.4 and §8.1.
 */

import { UDP_HEADER_BYTES } from '../net/index.ts';
import { viewOf } from '../wire/index.ts';
import type { Channel } from './channel.ts';
import type { PathContext } from './context.ts';
import type { Drops } from './drops.ts';
import type { FromPeer } from './fromPeer.ts';
import { L2tpReader, PppProtocol } from './l2tpData.ts';
import { Counter } from './messages.ts';
import { COPY_AT, type Outbound } from './outbound.ts';
import type { DataPlanePorts, Source } from './ports.ts';
import { Arrival } from './reorder.ts';
import { RepeatedHeaders } from './repeatedHeaders.ts';
import type { Second } from './second.ts';
import type { Session } from './session.ts';
import type { Tables } from './tables.ts';

/** RFC 1661 §5.8. */
const LcpCode = { echoRequest: 9, echoReply: 10 } as const;
const ECHO_LEAST_BYTES = 8;
/** What LCP's header may be longer than that of an IP packet with compressed fields. */
const ECHO_MARGIN = 4;

export class L2tpInbound {
  readonly #ports: DataPlanePorts;
  readonly #tables: Tables;
  readonly #fromPeer: FromPeer;
  readonly #outbound: Outbound;
  readonly #counters: Float64Array;
  readonly #drops: Drops;
  readonly #second: Second;
  readonly #l2tp = new L2tpReader();
  readonly #repeated = new RepeatedHeaders();
  readonly #scratch: Uint8Array;
  /** Whose messages have waited. */
  #released: Session | undefined;
  /** From the scratch on they are like those that have just come, but who sent them is not known any more. */
  readonly #release = (bytes: Uint8Array): void => {
    const session = this.#released;
    this.#scratch.set(bytes, COPY_AT);
    if (session === undefined || !this.#l2tp.read(this.#scratch, COPY_AT, bytes.length)) return;
    this.#dataMessage(session, this.#scratch, COPY_AT, bytes.length, undefined);
  };

  constructor(context: PathContext, tables: Tables, fromPeer: FromPeer, outbound: Outbound) {
    this.#ports = context.ports;
    this.#tables = tables;
    this.#fromPeer = fromPeer;
    this.#outbound = outbound;
    this.#counters = context.counters;
    this.#scratch = context.scratch;
    this.#drops = context.drops;
    this.#second = context.second;
  }

  /** The inner UDP checksum is not looked at: ESP has authenticated more, and NAT has spoilt it. RFC 3948 §3.1.2. */
  udp(channel: Channel, bytes: Uint8Array, at: number, length: number, source: Source): void {
    const repeated = this.#repeated;
    const headerBytes = repeated.match(channel, viewOf(bytes), at, length);
    if (headerBytes > 0) {
      this.#repeat(repeated.session!, bytes, at + headerBytes, u16(bytes, at + 4) - headerBytes, source);
      return;
    }
    const udpLength = length < UDP_HEADER_BYTES ? 0 : u16(bytes, at + 4);
    if (udpLength < UDP_HEADER_BYTES || udpLength > length) {
      this.#drops.count('malformed', source);
      return;
    }
    if (u16(bytes, at + 2) !== channel.localL2tpPort) {
      this.#drops.count('inner-port', source);
      return;
    }
    channel.remoteL2tpPort = u16(bytes, at);
    const session = this.message(channel, bytes, at + UDP_HEADER_BYTES, udpLength - UDP_HEADER_BYTES, source);
    if (session === undefined) return;
    const { protocol, payloadAt } = this.#l2tp;
    const isIpv4 = protocol === PppProtocol.ipv4 && session.isIpv4;
    if (!isIpv4 && !(protocol === PppProtocol.ipv6 && session.isIpv6)) return;
    repeated.remember(channel, session, viewOf(bytes), at, payloadAt - at, isIpv4);
  }

  /** What was remembered of messages may no longer hold. */
  forget(): void {
    this.#repeated.forget();
  }

  /** @returns the session of a data message without number */
  message(channel: Channel, bytes: Uint8Array, at: number, length: number, source: Source): Session | undefined {
    const l2tp = this.#l2tp;
    this.#repeated.forget();
    if (!l2tp.read(bytes, at, length)) {
      this.#drops.count('malformed', source);
      return undefined;
    }
    const session = l2tp.isControl ? undefined : channel.sessions.get(l2tp.ids);
    if (session === undefined) {
      if (this.#isWelcome(channel, source)) this.#handUp(channel, bytes, at, length, source);
      return undefined;
    }
    this.#heard(session);
    if (l2tp.sequenceAt !== 0) {
      this.#numbered(session, bytes, at, length, source);
      return undefined;
    }
    if (session.reorder!.size > 0) this.#giveAll(session);
    session.follow(false);
    l2tp.read(bytes, at, length);
    this.#dataMessage(session, bytes, at, length, source);
    return session;
  }

  /** Messages that have waited long enough are passed on. */
  expire(): void {
    for (const session of this.#tables.waiting) {
      this.#released = session;
      session.reorder!.expire(this.#second.now, this.#release);
      if (session.reorder!.size === 0) this.#tables.waiting.delete(session);
    }
  }

  /** A user's packet behind headers that are remembered. */
  #repeat(session: Session, bytes: Uint8Array, at: number, length: number, source: Source): void {
    this.#heard(session);
    if (this.#repeated.isIpv4) this.#fromPeer.ipv4(session, bytes, at, length, source);
    else this.#fromPeer.ipv6(session, bytes, at, length, source);
  }

  #heard(session: Session): void {
    this.#counters[session.counter + Counter.messagesFromPeer]!++;
    this.#counters[session.counter + Counter.heardAt] = this.#second.now;
  }

  #numbered(session: Session, bytes: Uint8Array, at: number, length: number, source: Source): void {
    const l2tp = this.#l2tp;
    const reorder = session.reorder!;
    session.follow(true);
    this.#released = session;
    const wasWaiting = reorder.size > 0;
    const arrival = reorder.take(u16(bytes, l2tp.sequenceAt), bytes, at, length, this.#second.now, this.#release);
    if (arrival === Arrival.next) {
      // Those before it were read meanwhile.
      if (wasWaiting) l2tp.read(bytes, at, length);
      this.#dataMessage(session, bytes, at, length, source);
      if (wasWaiting) reorder.release(this.#release);
    } else if (arrival === Arrival.late) {
      this.#counters[session.counter + Counter.late]!++;
      this.#fromPeer.drop(session, 'late-message', source);
    }
    if (reorder.size > 0) this.#tables.waiting.add(session);
    else if (wasWaiting) this.#tables.waiting.delete(session);
  }

  #giveAll(session: Session): void {
    this.#released = session;
    session.reorder!.flush(this.#release);
    this.#tables.waiting.delete(session);
  }

  /** The message that was read last, of an open session. */
  #dataMessage(session: Session, bytes: Uint8Array, at: number, length: number, source: Source | undefined): void {
    const { protocol, payloadAt, payloadLength } = this.#l2tp;
    if (protocol === PppProtocol.ipv4 && session.isIpv4) {
      this.#fromPeer.ipv4(session, bytes, payloadAt, payloadLength, source);
      return;
    }
    if (protocol === PppProtocol.ipv6 && session.isIpv6) {
      this.#fromPeer.ipv6(session, bytes, payloadAt, payloadLength, source);
      return;
    }
    if (protocol === PppProtocol.lcp && this.#echo(session, bytes, payloadAt, payloadLength)) return;
    if (this.#isWelcome(session.channel, source)) this.#handUp(session.channel, bytes, at, length, source);
  }

  /** Packets of protocols that are not open would fill the way to the control plane. */
  #isWelcome(channel: Channel, source: Source | undefined): boolean {
    const { isControl, protocol } = this.#l2tp;
    const isStray = !isControl && (protocol === PppProtocol.ipv4 || protocol === PppProtocol.ipv6);
    if (!isStray || channel.strays.take()) return true;
    this.#drops.count('session-not-open', source);
    return false;
  }

  #handUp(channel: Channel, bytes: Uint8Array, at: number, length: number, source: Source | undefined): void {
    if (!channel.messages.take()) {
      this.#drops.count('too-many-messages', source);
      return;
    }
    const { local, remote } = channel;
    this.#ports.event({ type: 'l2tp', channel: channel.id, local, remote, bytes: bytes.slice(at, at + length) });
  }

  /**
   * The counter of messages has told by now that the peer lives, which is all that echoes are for: its requests are
   * answered here, and its replies need no one, but those with data, which are to probes of the path. RFC 1661 §5.8.
   * @returns false for what the control plane must see
   */
  #echo(session: Session, bytes: Uint8Array, at: number, available: number): boolean {
    if (session.magic === undefined || available < ECHO_LEAST_BYTES) return false;
    const code = bytes[at];
    if (code !== LcpCode.echoRequest && code !== LcpCode.echoReply) return false;
    const length = u16(bytes, at + 2);
    const magic = u32(bytes, at + 4);
    if (length < ECHO_LEAST_BYTES || length > available) return false;
    if (code === LcpCode.echoReply && length > ECHO_LEAST_BYTES) return false;
    // Our own magic number means a loop.
    if (magic !== 0 && magic === session.magic) return false;
    if (!session.channel.messages.take()) return true;
    if (code === LcpCode.echoRequest)
      this.#outbound.echoReply(session, session.magic, bytes, at, Math.min(length, session.mtu - ECHO_MARGIN));
    return true;
  }
}

const u32 = (bytes: Uint8Array, at: number) =>
  ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;

const u16 = (bytes: Uint8Array, at: number) => (bytes[at]! << 8) | bytes[at + 1]!;
