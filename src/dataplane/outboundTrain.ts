/**
 * Towards the peer, many at a time: packets of one flow that are alike but for their payload. What `Outbound` and
 * `Protect` decide and write for each packet is decided once and written once here; whatever is not plain is left to them.
 */

import { NextHeader } from '../esp/index.ts';
import { UDP_HEADER_BYTES } from '../net/index.ts';
import { viewOf } from '../wire/index.ts';
import type { SaPair } from './channel.ts';
import type { PathContext } from './context.ts';
import { PppProtocol } from './l2tpData.ts';
import { Counter } from './messages.ts';
import { outerTos } from './outbound.ts';
import type { DataPlanePorts, PacketTrain, Peer } from './ports.ts';
import { writeL2tpUdp } from './protect.ts';
import type { Second } from './second.ts';
import type { Session } from './session.ts';

export class OutboundTrain implements PacketTrain {
  prefixBytes = 0;
  before = 0;
  sealedBytes = 0;
  readonly #ports: DataPlanePorts;
  readonly #counters: Float64Array;
  readonly #second: Second;
  #session: Session | undefined;
  #pair: SaPair | undefined;
  #peer: Peer | undefined;
  #next = 0;
  /** Bytes of a full packet, whose lengths stand in the headers already. */
  #most = 0;
  /** Offset of L2TP's length field from the UDP header; 0 where there is none. */
  #lengthAt = 0;

  constructor({ ports, counters, second }: PathContext) {
    this.#ports = ports;
    this.#counters = counters;
    this.#second = second;
  }

  /** See `PacketInput.trainFromTun`. */
  begin(
    session: Session | undefined,
    bytes: Uint8Array,
    at: number,
    most: number,
    count: number,
    total: number,
  ): OutboundTrain | undefined {
    const pair = session?.channel.sending;
    if (session === undefined || pair === undefined || this.#ports.sendTrain === undefined) return undefined;
    const isV4 = bytes[at]! >> 4 === 4;
    const { channel, header, toPeer, selectors } = session;
    if (!(isV4 ? session.isIpv4 : session.isIpv6) || most > (isV4 ? session.mtu : session.mtu6)) return undefined;
    if (channel.protection !== 'udp' || !session.seenToPeer || header.sequenceAt >= 0) return undefined;
    if (channel.pseudoSum !== 0 && !session.isTunnel) return undefined;
    if (selectors !== undefined && !selectors.fits(bytes, at, most, false)) return undefined;
    const before = session.isTunnel ? 0 : UDP_HEADER_BYTES + header.bytes.length;
    const { outbound } = pair;
    const sealedBytes = outbound.lengthOf(before + most);
    if (outbound.left <= count || pair.sent + count * sealedBytes >= pair.tellAt) return undefined;
    if (toPeer !== undefined && !toPeer.take(total, this.#second.now)) return undefined;
    this.#session = session;
    this.#pair = pair;
    this.#most = most;
    this.before = before;
    this.prefixBytes = outbound.geometry.prefixBytes + before;
    this.sealedBytes = sealedBytes;
    if (session.isTunnel) this.#asTunnel(session, bytes, at, isV4);
    else this.#asL2tp(session, bytes, at, isV4);
    outbound.begin();
    return this;
  }

  add(bytes: Uint8Array, at: number, length: number): number {
    const { outbound } = this.#pair!;
    const { before } = this;
    const view = viewOf(bytes);
    if (length !== this.#most && before > 0) {
      const udpAt = at + this.prefixBytes - before;
      view.setUint16(udpAt + 4, before + length);
      if (this.#lengthAt > 0) view.setUint16(udpAt + this.#lengthAt, before + length - UDP_HEADER_BYTES);
    }
    const { counter } = this.#session!;
    this.#counters[counter + Counter.packetsToPeer]!++;
    this.#counters[counter + Counter.bytesToPeer]! += length;
    return outbound.add(this.#next, bytes, view, at, before + length);
  }

  send(bytes: Uint8Array, at: number, length: number): void {
    const pair = this.#pair!;
    pair.outbound.finish();
    pair.sent += length;
    this.#ports.sendTrain!('natT', this.#peer!, bytes, at, length, this.sealedBytes);
  }

  #asTunnel(session: Session, bytes: Uint8Array, at: number, isV4: boolean): void {
    this.#peer = session.channel.peerFor(outerTos(session, bytes, at));
    this.#next = isV4 ? NextHeader.ipv4 : NextHeader.ipv6;
  }

  /** UDP without checksum, L2TP and PPP in front of the large packet, as every one gets them. */
  #asL2tp(session: Session, bytes: Uint8Array, at: number, isV4: boolean): void {
    const { channel, header } = session;
    const view = viewOf(bytes);
    const udpAt = at - this.before;
    const udpLength = this.before + this.#most;
    writeL2tpUdp(channel, view, udpAt, udpLength);
    bytes.set(header.bytes, udpAt + UDP_HEADER_BYTES);
    if (!isV4) bytes[at - 1] = PppProtocol.ipv6;
    this.#peer = channel.peer;
    this.#next = NextHeader.udp;
    this.#lengthAt = header.lengthAt < 0 ? 0 : UDP_HEADER_BYTES + header.lengthAt;
    if (this.#lengthAt > 0) view.setUint16(udpAt + this.#lengthAt, udpLength - UDP_HEADER_BYTES);
  }
}
