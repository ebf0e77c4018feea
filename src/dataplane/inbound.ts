/**
 * From the peer: ESP opened in place, UDP, L2TP and PPP checked and stepped over, the user's packet given to the TUN
 * device. What is not a user's packet goes to the control plane. RFC 3948 §2 and §3, RFC 3193 §4, RFC 2661 §8.1.
 */

import { EspError, NextHeader } from '../esp/index.ts';
import {
  clampMss,
  decrementTtl,
  ipv4Destination,
  ipv4Length,
  ipv4Source,
  ipv4Ttl,
  UDP_HEADER_BYTES,
} from '../net/index.ts';
import type { Channel, SaPair, Session } from './channel.ts';
import type { PathContext } from './context.ts';
import type { DropCode, Drops } from './drops.ts';
import { L2tpReader, PppProtocol } from './l2tpData.ts';
import { Counter } from './messages.ts';
import { COPY_AT, type Outbound } from './outbound.ts';
import { isFrom, isFromHost, localEndpoint, peerOf, remoteEndpoint, remoteHash } from './peer.ts';
import type { DataPlanePorts, SocketKind, Source } from './ports.ts';
import { Rate, type Second } from './second.ts';
import type { Tables } from './tables.ts';

/** Bytes of an ISAKMP header: less is no IKE message. RFC 2408 §3.1. */
const ISAKMP_HEADER_BYTES = 28;
const NON_ESP_MARKER_BYTES = 4;
const KEEPALIVE = 0xff;
/** Shortest ESP packet that names an SPI and a sequence number. */
const ESP_LEAST_BYTES = 8;

/** RFC 1661 §5.8. */
const LcpCode = { echoRequest: 9, echoReply: 10 } as const;
const ECHO_LEAST_BYTES = 8;

/** `unknownSpi` events in a second, and unprotected L2TP messages of unknown peers. */
export const UNKNOWN_SPIS_PER_SECOND = 64;
export const UNKNOWN_L2TP_PER_SECOND = 1000;

/** IKE messages handed up in a second, of all peers: as many as the control plane can look at. */
export const IKE_MESSAGES_PER_SECOND = 10_000;

export class Inbound {
  clientToClient: boolean;
  readonly #ports: DataPlanePorts;
  readonly #tables: Tables;
  readonly #outbound: Outbound;
  readonly #counters: Float64Array;
  readonly #scratch: Uint8Array;
  readonly #drops: Drops;
  readonly #second: Second;
  readonly #l2tp = new L2tpReader();
  readonly #unknownSpis: Rate;
  readonly #unknownL2tp: Rate;
  readonly #ikeMessages: Rate;
  /** Who was told of as sender of an unknown SPI in this second. */
  readonly #unknownTold = new Set<number>();
  #unknownSecond = -1;

  constructor(context: PathContext, tables: Tables, outbound: Outbound, clientToClient: boolean) {
    this.#ports = context.ports;
    this.#tables = tables;
    this.#outbound = outbound;
    this.#counters = context.counters;
    this.#scratch = context.scratch;
    this.#drops = context.drops;
    this.#second = context.second;
    this.#unknownSpis = new Rate(context.second, UNKNOWN_SPIS_PER_SECOND);
    this.#unknownL2tp = new Rate(context.second, UNKNOWN_L2TP_PER_SECOND);
    this.#ikeMessages = new Rate(context.second, IKE_MESSAGES_PER_SECOND);
    this.clientToClient = clientToClient;
  }

  fromUdp(socket: SocketKind, bytes: Uint8Array, at: number, length: number, source: Source): void {
    if (socket === 'natT') {
      if (length >= NON_ESP_MARKER_BYTES && u32(bytes, at) !== 0) this.fromEsp(bytes, at, length, source, true);
      else if (length !== 1 || bytes[at] !== KEEPALIVE) {
        this.#ike(bytes, at + NON_ESP_MARKER_BYTES, length - NON_ESP_MARKER_BYTES, source);
      }
    } else if (socket === 'ike') {
      if (length !== 1 || bytes[at] !== KEEPALIVE) this.#ike(bytes, at, length, source);
    } else {
      this.#plain(bytes, at, length, source);
    }
  }

  /** @param inUdp whether it came in a UDP datagram; both forms are taken for any SA */
  fromEsp(bytes: Uint8Array, at: number, length: number, source: Source, inUdp: boolean): void {
    if (length < ESP_LEAST_BYTES) {
      this.#drops.count('malformed', source);
      return;
    }
    const pair = this.#tables.sa(u32(bytes, at));
    if (pair === undefined) {
      this.#unknownSpi(u32(bytes, at) >>> 0, length, source);
      return;
    }
    const { channel } = pair;
    const from = at + pair.inbound.geometry.prefixBytes;
    let payload = pair.inbound.open(bytes, at, length, bytes, from);
    if (payload === EspError.truncated && pair.unpinned !== undefined) {
      // Of AES-CBC's whole blocks and an ICV of 128 bits, one of 96 bits leaves a part of a block.
      payload = this.#tables.openShort(pair, bytes, at, length, from);
    }
    if (payload < 0) {
      this.#drops.countEsp(payload, source);
      return;
    }
    const { inbound } = pair;
    if (!pair.usedTold) {
      pair.unpinned = undefined;
      this.#tellUsed(pair);
    }
    pair.received += length;
    if (pair.received >= pair.tellAt) this.#outbound.tellBytes(pair);
    // Only the newest packet shows where the peer is now: a late one comes from where it was. RFC 4555 §3.5's reason.
    if (inbound.sequence === inbound.replay.highest) this.#followPeer(channel, source, inUdp);
    if (inbound.nextHeader === NextHeader.udp && !pair.isTunnelMode) this.#udp(channel, bytes, from, payload, source);
    else if (inbound.nextHeader !== NextHeader.none) {
      this.#drops.count(pair.isTunnelMode ? 'tunnel-mode' : 'next-header', source);
    }
  }

  /** The inner UDP checksum is not looked at: ESP has authenticated more, and NAT has spoilt it. RFC 3948 §3.1.2. */
  #udp(channel: Channel, bytes: Uint8Array, at: number, length: number, source: Source): void {
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
    this.#message(channel, bytes, at + UDP_HEADER_BYTES, udpLength - UDP_HEADER_BYTES, source);
  }

  #plain(bytes: Uint8Array, at: number, length: number, source: Source): void {
    const channel = this.#tables.plain(source);
    if (channel !== undefined) {
      this.#message(channel, bytes, at, length, source);
      return;
    }
    if (!this.#l2tp.read(bytes, at, length)) this.#drops.count('malformed', source);
    else if (!this.#l2tp.isControl) this.#drops.count('unknown-peer', source);
    else if (!this.#unknownL2tp.take()) this.#drops.count('too-many-messages', source);
    else {
      const local = localEndpoint(source);
      const remote = remoteEndpoint(source);
      this.#ports.event({ type: 'l2tp', channel: undefined, local, remote, bytes: bytes.slice(at, at + length) });
    }
  }

  #message(channel: Channel, bytes: Uint8Array, at: number, length: number, source: Source): void {
    const l2tp = this.#l2tp;
    if (!l2tp.read(bytes, at, length)) {
      this.#drops.count('malformed', source);
      return;
    }
    if (!l2tp.isControl) {
      const session = channel.sessions.get(l2tp.ids);
      if (session !== undefined) {
        this.#counters[session.counter + Counter.messagesFromPeer]!++;
        if (l2tp.protocol === PppProtocol.ipv4) {
          this.#packet(session, bytes, l2tp.payloadAt, l2tp.payloadLength, source);
          return;
        }
        if (l2tp.protocol === PppProtocol.lcp && this.#echo(session, bytes, l2tp.payloadAt, l2tp.payloadLength)) return;
      }
      const isStray = l2tp.protocol === PppProtocol.ipv4 || l2tp.protocol === PppProtocol.ipv6;
      if (isStray && !channel.strays.take()) {
        this.#drops.count('session-not-open', source);
        return;
      }
    }
    if (!channel.messages.take()) {
      this.#drops.count('too-many-messages', source);
      return;
    }
    const { local, remote } = channel;
    this.#ports.event({ type: 'l2tp', channel: channel.id, local, remote, bytes: bytes.slice(at, at + length) });
  }

  /**
   * The counter of messages has told by now that the peer lives, which is all that echoes are for: its requests are
   * answered here, and its replies need no one. RFC 1661 §5.8.
   * @returns false for what the control plane must see
   */
  #echo(session: Session, bytes: Uint8Array, at: number, available: number): boolean {
    if (session.magic === undefined || available < ECHO_LEAST_BYTES) return false;
    const code = bytes[at];
    if (code !== LcpCode.echoRequest && code !== LcpCode.echoReply) return false;
    const length = u16(bytes, at + 2);
    const magic = u32(bytes, at + 4) >>> 0;
    if (length < ECHO_LEAST_BYTES || length > Math.min(available, session.mtu)) return false;
    // Our own magic number means a loop.
    if (magic !== 0 && magic === session.magic) return false;
    if (!session.channel.messages.take()) return true;
    if (code === LcpCode.echoRequest) this.#outbound.echoReply(session, session.magic, bytes, at, length);
    return true;
  }

  #packet(session: Session, bytes: Uint8Array, at: number, available: number, source: Source): void {
    const length = ipv4Length(bytes, at, available);
    if (length === 0) {
      this.#drop(session, 'inner-malformed', source);
      return;
    }
    if (session.address !== undefined && ipv4Source(bytes, at) !== session.address) {
      this.#drop(session, 'inner-source', source);
      return;
    }
    clampMss(bytes, at, length, session.mss);
    const other = this.#tables.client(ipv4Destination(bytes, at));
    if (other !== undefined && !this.clientToClient) {
      this.#drop(session, 'client-to-client', source);
      return;
    }
    this.#counters[session.counter + Counter.packetsFromPeer]!++;
    this.#counters[session.counter + Counter.bytesFromPeer]! += length;
    if (!session.seenFromPeer) {
      session.seenFromPeer = true;
      this.#ports.event({ type: 'firstPacket', slot: session.slot, direction: 'fromPeer' });
    }
    if (other === undefined) this.#ports.writeTun(bytes, at, length);
    else this.#hairpin(session, other, bytes, at, length, source);
  }

  /** The kernel does not see this packet, so what a router does to it is done here. RFC 1812 §5.3.1. */
  #hairpin(from: Session, to: Session, bytes: Uint8Array, at: number, length: number, source: Source): void {
    if (ipv4Ttl(bytes, at) <= 1) {
      this.#drop(from, 'time-exceeded', source);
      this.#outbound.timeExceeded(bytes, at, length, from);
      return;
    }
    // Around it stand other packets of the driver's buffer: the rooms are those of the scratch.
    const scratch = this.#scratch;
    scratch.set(bytes.subarray(at, at + length), COPY_AT);
    decrementTtl(scratch, COPY_AT);
    this.#outbound.toPeer(to, scratch, COPY_AT, length, from);
  }

  #ike(bytes: Uint8Array, at: number, length: number, source: Source): void {
    if (length < ISAKMP_HEADER_BYTES) {
      this.#drops.count('malformed', source);
      return;
    }
    if (!this.#ikeMessages.take()) {
      this.#drops.count('too-many-messages', source);
      return;
    }
    const local = localEndpoint(source);
    const remote = remoteEndpoint(source);
    this.#ports.event({ type: 'ike', local, remote, bytes: bytes.slice(at, at + length) });
  }

  #unknownSpi(spi: number, bytes: number, source: Source): void {
    this.#drops.count('unknown-spi', source);
    if (this.#unknownSecond !== this.#second.number) {
      this.#unknownSecond = this.#second.number;
      this.#unknownTold.clear();
    }
    const hash = remoteHash(source.family, source.remote, source.remotePort);
    if (this.#unknownTold.has(hash) || !this.#unknownSpis.take()) return;
    this.#unknownTold.add(hash);
    const local = localEndpoint(source);
    this.#ports.event({ type: 'unknownSpi', spi, bytes, local, remote: remoteEndpoint(source) });
  }

  #tellUsed(pair: SaPair): void {
    pair.usedTold = true;
    const { channel, inbound } = pair;
    if (channel.sending !== undefined && channel.sending.age >= pair.age) return;
    this.#ports.event({ type: 'saUsed', channel: channel.id, inboundSpi: inbound.spi });
  }

  #followPeer(channel: Channel, source: Source, inUdp: boolean): void {
    if (inUdp !== (channel.protection === 'udp')) return;
    if (inUdp ? isFrom(source, channel.peer) : isFromHost(source, channel.peer)) return;
    if (channel.movedTo !== undefined && isFrom(source, channel.movedTo)) return;
    channel.movedTo = peerOf(source);
    const remote = remoteEndpoint(source);
    this.#ports.event({ type: 'channelMoved', channel: channel.id, local: localEndpoint(source), remote });
  }

  #drop(session: Session, code: DropCode, source: Source): void {
    this.#counters[session.counter + Counter.dropped]!++;
    this.#drops.count(code, source);
  }
}

/** Signed. */
const u32 = (bytes: Uint8Array, at: number) =>
  (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;

const u16 = (bytes: Uint8Array, at: number) => (bytes[at]! << 8) | bytes[at + 1]!;
