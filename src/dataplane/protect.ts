/**
 * The last step towards a peer: L2TP messages in UDP, and IP packets of tunnel mode as they are, sealed where they stand
 * and sent as the channel is protected. RFC 3193 §4, RFC 3948 §2 and §3, RFC 4303 §3.1.
 */

import { EspError, NextHeader } from '../esp/index.ts';
import { fold, UDP_HEADER_BYTES, WordSum } from '../net/index.ts';
import { viewOf } from '../wire/index.ts';
import type { Channel, SaPair } from './channel.ts';
import type { PathContext } from './context.ts';
import type { Drops } from './drops.ts';
import type { DataPlanePorts, Peer } from './ports.ts';

export class Protect {
  readonly #ports: DataPlanePorts;
  readonly #drops: Drops;
  #sumBytes: Uint8Array;
  #sum: WordSum;

  constructor({ ports, scratch, drops }: PathContext) {
    this.#ports = ports;
    this.#drops = drops;
    this.#sumBytes = scratch;
    this.#sum = new WordSum(scratch);
  }

  /** Puts an L2TP message on its way as its channel is protected, with `HEADROOM` before and `TAILROOM` behind it. */
  l2tp(channel: Channel, bytes: Uint8Array, at: number, length: number, peer: Peer): boolean {
    if (channel.protection === 'none') {
      this.#ports.sendUdp('l2tp', peer, bytes, at, length);
      return true;
    }
    const udpAt = at - UDP_HEADER_BYTES;
    const udpLength = length + UDP_HEADER_BYTES;
    this.#writeUdp(channel, bytes, udpAt, udpLength);
    return this.#seal(channel, NextHeader.udp, bytes, udpAt, udpLength, peer);
  }

  /** The same for an IP packet of a tunnel-mode session. @param tos of the outer header */
  packet(channel: Channel, bytes: Uint8Array, at: number, length: number, tos: number): boolean {
    const next = bytes[at]! >> 4 === 4 ? NextHeader.ipv4 : NextHeader.ipv6;
    return this.#seal(channel, next, bytes, at, length, channel.peerFor(tos));
  }

  /** The SA has carried as many bytes in one direction as was to be told. */
  tellBytes(pair: SaPair): void {
    const isUsedUp = Math.max(pair.received, pair.sent) >= pair.mostBytes;
    pair.tellAt = isUsedUp ? Number.POSITIVE_INFINITY : pair.mostBytes;
    const { channel, inbound } = pair;
    const why = isUsedUp ? 'usedUp' : 'bytes';
    this.#ports.event({ type: 'saExpiring', channel: channel.id, inboundSpi: inbound.spi, why });
  }

  #seal(channel: Channel, next: number, bytes: Uint8Array, at: number, length: number, peer: Peer): boolean {
    const pair = channel.sending;
    if (pair === undefined) {
      this.#drops.count('no-outbound-sa', undefined);
      return false;
    }
    const { outbound } = pair;
    const espAt = at - outbound.geometry.prefixBytes;
    const sealed = outbound.seal(next, bytes, at, length, bytes, espAt);
    if (outbound.expiring) this.#tellExpiring(pair);
    if (sealed < 0) {
      if (sealed === EspError.exhausted) this.#drops.count('sa-exhausted', undefined);
      else this.#drops.countEsp(sealed, undefined);
      return false;
    }
    pair.sent += sealed;
    if (pair.sent >= pair.tellAt) this.tellBytes(pair);
    if (channel.protection === 'udp') this.#ports.sendUdp('natT', peer, bytes, espAt, sealed);
    else this.#ports.sendEsp(peer, bytes, espAt, sealed);
    return true;
  }

  /** Checksum 0, none, over IPv4, where ESP protects better; over IPv6 there must be one. RFC 768, RFC 8200 §8.1. */
  #writeUdp(channel: Channel, bytes: Uint8Array, at: number, length: number): void {
    const view = viewOf(bytes);
    writeL2tpUdp(channel, view, at, length);
    if (channel.pseudoSum === 0) return;
    if (bytes !== this.#sumBytes) {
      this.#sumBytes = bytes;
      this.#sum = new WordSum(bytes);
    }
    const sum = ~fold(channel.pseudoSum + length + this.#sum.sum(at, length)) & 0xffff;
    view.setUint16(at + 6, sum === 0 ? 0xffff : sum);
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

/** The UDP header of L2TP in ESP, without checksum. */
export function writeL2tpUdp(channel: Channel, view: DataView, at: number, length: number): void {
  view.setUint16(at, channel.localL2tpPort);
  view.setUint16(at + 2, channel.remoteL2tpPort);
  view.setUint16(at + 4, length);
  view.setUint16(at + 6, 0);
}
