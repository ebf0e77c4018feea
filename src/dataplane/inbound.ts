/**
 * From the network: told apart by socket and marker, ESP opened in place, and given to whoever goes on: L2TP, the
 * packets of tunnel mode, or the control plane. RFC 3948 §2, RFC 4301 §5.2.
 */

import { BATCH_PACKETS, EspError, NextHeader, newOpened } from '../esp/index.ts';
import { IPV4_HEADER_BYTES } from '../net/index.ts';
import { viewOf } from '../wire/index.ts';
import type { Channel, SaPair } from './channel.ts';
import type { PathContext } from './context.ts';
import type { Drops } from './drops.ts';
import { decapsulateEcn } from './ecn.ts';
import { FromPeer } from './fromPeer.ts';
import { L2tpReader } from './l2tpData.ts';
import { L2tpInbound } from './l2tpInbound.ts';
import { Counter } from './messages.ts';
import type { Outbound } from './outbound.ts';
import { isFrom, isFromHost, localEndpoint, peerOf, remoteEndpoint } from './peer.ts';
import type { DataPlanePorts, SocketKind, Source } from './ports.ts';
import type { Second } from './second.ts';
import { Strangers } from './strangers.ts';
import type { Tables } from './tables.ts';

const NON_ESP_MARKER_BYTES = 4;
const KEEPALIVE = 0xff;
/** Shortest ESP packet that names an SPI and a sequence number. */
const ESP_LEAST_BYTES = 8;

export class Inbound {
  readonly #ports: DataPlanePorts;
  readonly #tables: Tables;
  readonly #outbound: Outbound;
  readonly #counters: Float64Array;
  readonly #drops: Drops;
  readonly #second: Second;
  readonly #strangers: Strangers;
  readonly #fromPeer: FromPeer;
  readonly #l2tp: L2tpInbound;
  readonly #plainReader = new L2tpReader();
  readonly #opened = newOpened();

  constructor(context: PathContext, tables: Tables, outbound: Outbound, clientToClient: boolean) {
    this.#ports = context.ports;
    this.#tables = tables;
    this.#outbound = outbound;
    this.#counters = context.counters;
    this.#drops = context.drops;
    this.#second = context.second;
    this.#strangers = new Strangers(context);
    this.#fromPeer = new FromPeer(context, tables, outbound, clientToClient);
    this.#l2tp = new L2tpInbound(context, tables, this.#fromPeer, outbound);
  }

  set clientToClient(allowed: boolean) {
    this.#fromPeer.clientToClient = allowed;
  }

  /** Messages that waited for others are passed on where their time is up. */
  expire(): void {
    this.#l2tp.expire();
  }

  fromUdp(socket: SocketKind, bytes: Uint8Array, at: number, length: number, source: Source): void {
    if (socket === 'natT') {
      if (length >= NON_ESP_MARKER_BYTES && u32(bytes, at) !== 0) this.fromEsp(bytes, at, length, source, true);
      else if (length === 1 && bytes[at] === KEEPALIVE) this.#strangers.keepalive(source);
      else this.#strangers.ike(bytes, at + NON_ESP_MARKER_BYTES, length - NON_ESP_MARKER_BYTES, source);
    } else if (socket === 'ike') {
      if (length !== 1 || bytes[at] !== KEEPALIVE) this.#strangers.ike(bytes, at, length, source);
    } else {
      this.#plain(bytes, at, length, source);
    }
  }

  /** What is remembered of packets may no longer hold. */
  forget(): void {
    this.#l2tp.forget();
    this.#fromPeer.forget();
  }

  /** Datagrams of `each` bytes, the last maybe shorter, that stand one behind the other: `length` bytes in all. */
  trainFromUdp(socket: SocketKind, bytes: Uint8Array, at: number, length: number, each: number, source: Source): void {
    const end = at + length;
    for (let next = at; next < end; ) {
      const opened = socket === 'natT' && each < length ? this.#someFromEsp(bytes, next, end, each, source) : 0;
      next += opened * each;
      if (opened === BATCH_PACKETS || next >= end) continue;
      // What ended the batch goes the way of single ones at once: nobody's forgery is to be tried more often than needed.
      this.fromUdp(socket, bytes, next, Math.min(each, end - next), source);
      next += each;
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
      this.#strangers.unknownSpi(u32(bytes, at) >>> 0, length, source);
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
    // Only the newest packet shows where the peer is now: a late one comes from where it was. RFC 4555 §3.5's reason.
    if (inbound.sequence === inbound.replay.highest) this.#followPeer(channel, source, inUdp);
    this.#payload(pair, inbound.nextHeader, bytes, from, payload, source);
  }

  /** Opens packets of one SA together. @returns how many are done with; 0: the first goes the way of single ones */
  #someFromEsp(bytes: Uint8Array, at: number, end: number, each: number, source: Source): number {
    if (end - at < ESP_LEAST_BYTES) return 0;
    const pair = this.#tables.sa(u32(bytes, at));
    if (pair === undefined || !pair.usedTold || pair.unpinned !== undefined) return 0;
    const { inbound } = pair;
    const { lengths, nextHeaders } = this.#opened;
    const before = inbound.replay.highest;
    const count = inbound.openSome(bytes, viewOf(bytes), at, end, each, this.#opened);
    if (inbound.replay.highest !== before) this.#followPeer(pair.channel, source, true);
    const from = at + inbound.geometry.prefixBytes;
    for (let i = 0; i < count; i++) {
      const payload = lengths[i]!;
      if (payload < 0) {
        this.#drops.countEsp(payload, source);
        continue;
      }
      pair.received += Math.min(each, end - at - i * each);
      this.#payload(pair, nextHeaders[i]!, bytes, from + i * each, payload, source);
    }
    return count;
  }

  #payload(pair: SaPair, nextHeader: number, bytes: Uint8Array, from: number, payload: number, source: Source): void {
    const { channel } = pair;
    if (pair.received >= pair.tellAt) this.#outbound.tellBytes(pair);
    if (pair.isTunnelMode) this.#tunnel(channel, nextHeader, bytes, from, payload, source);
    else if (nextHeader === NextHeader.udp) this.#l2tp.udp(channel, bytes, from, payload, source);
    else if (nextHeader !== NextHeader.none) this.#drops.count('next-header', source);
  }

  #tunnel(channel: Channel, next: number, bytes: Uint8Array, at: number, length: number, source: Source): void {
    if (next === NextHeader.none) return;
    const session = channel.tunnelSession;
    if (session === undefined) {
      this.#drops.count('tunnel-mode', source);
      return;
    }
    this.#counters[session.counter + Counter.messagesFromPeer]!++;
    this.#counters[session.counter + Counter.heardAt] = this.#second.now;
    if (source.tos !== 0 && length >= IPV4_HEADER_BYTES && !decapsulateEcn(bytes, at, source.tos)) {
      this.#fromPeer.drop(session, 'outer-congestion', source);
    } else if (next === NextHeader.ipv4) this.#fromPeer.ipv4(session, bytes, at, length, source);
    else if (next === NextHeader.ipv6 && session.isIpv6) this.#fromPeer.ipv6(session, bytes, at, length, source);
    else this.#fromPeer.drop(session, next === NextHeader.ipv6 ? 'session-not-open' : 'next-header', source);
  }

  #plain(bytes: Uint8Array, at: number, length: number, source: Source): void {
    const channel = this.#tables.plain(source);
    if (channel !== undefined) {
      this.#l2tp.message(channel, bytes, at, length, source);
      return;
    }
    const reader = this.#plainReader;
    if (!reader.read(bytes, at, length)) this.#drops.count('malformed', source);
    else if (!reader.isControl) this.#drops.count('unknown-peer', source);
    else this.#strangers.l2tp(bytes, at, length, source);
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
}

/** Signed. */
const u32 = (bytes: Uint8Array, at: number) =>
  (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
