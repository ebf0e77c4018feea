/**
 * The packet path: UDP ⇄ ESP ⇄ L2TP ⇄ PPP ⇄ TUN over flat buffers, synchronous, with no object per packet once
 * traffic flows. It knows no socket and no clock; a driver hands packets in and `DataPlanePorts` takes them out.
 */

import { type Environment, earliest, type Instant } from '../core/index.ts';
import type { NewPacketCipher } from '../esp/index.ts';
import { IPV6_DESTINATION, ipv4Destination, ipv4Length, ipv6Length, parseIpv6 } from '../net/index.ts';
import type { Channel } from './channel.ts';
import { Drops } from './drops.ts';
import { isOfLink } from './fromPeer.ts';
import { Inbound } from './inbound.ts';
import { L2tpReader } from './l2tpData.ts';
import type { DataPlaneCommand } from './messages.ts';
import { MADE_AT, Outbound } from './outbound.ts';
import { OutboundTrain } from './outboundTrain.ts';
import { newPeer } from './peer.ts';
import {
  type DataPlanePorts,
  HEADROOM,
  MOST_PACKET_BYTES,
  type PacketInput,
  SCRATCH_BYTES,
  type SocketKind,
  type Source,
  TAILROOM,
} from './ports.ts';
import { Second } from './second.ts';
import { addressKey, type Session } from './session.ts';
import { Tables } from './tables.ts';

export interface PacketPathOptions {
  /** Shared with the control plane; `COUNTERS_PER_SESSION` for each slot. */
  readonly counters: Float64Array;
  readonly newCipher: NewPacketCipher;
  /** For the IVs of CBC. */
  readonly environment: Environment;
  /** `SCRATCH_BYTES` where the path makes packets; of the driver's arena, where the ciphers want that. */
  readonly scratch?: Uint8Array;
  /** Our NAT-T port: an IKE message from it wears the non-ESP marker. 4500 unless told. */
  readonly natTPort?: number;
  /** See the command `configure`. */
  readonly clientToClient?: boolean;
  readonly localAddress?: string;
}

const NAT_T_PORT = 4500;
const NON_ESP_MARKER_BYTES = 4;
const KEEPALIVE = 0xff;

function readIpv6(address: string): Uint8Array {
  const bytes = parseIpv6(address);
  if (bytes === undefined) throw new RangeError(`not an IPv6 address: ${address}`);
  return bytes;
}

export class PacketPath implements PacketInput {
  readonly #ports: DataPlanePorts;
  readonly #scratch: Uint8Array;
  readonly #natTPort: number;
  readonly #second = new Second();
  readonly #drops = new Drops();
  readonly #tables: Tables;
  readonly #inbound: Inbound;
  readonly #outbound: Outbound;
  readonly #train: OutboundTrain;
  readonly #l2tp = new L2tpReader();

  /** @throws RangeError for a scratch that is too small or a local address that does not read */
  constructor(ports: DataPlanePorts, options: PacketPathOptions) {
    const { counters, newCipher, environment, clientToClient = false, localAddress } = options;
    const scratch = options.scratch ?? new Uint8Array(SCRATCH_BYTES);
    if (scratch.length < SCRATCH_BYTES) throw new RangeError(`the scratch needs ${SCRATCH_BYTES} bytes`);
    const address = localAddress === undefined ? undefined : addressKey(localAddress);
    this.#ports = ports;
    this.#scratch = scratch;
    this.#natTPort = options.natTPort ?? NAT_T_PORT;
    const context = { ports, counters, scratch, drops: this.#drops, second: this.#second };
    this.#tables = new Tables(context, newCipher, environment);
    this.#outbound = new Outbound(context, address);
    this.#train = new OutboundTrain(context);
    this.#inbound = new Inbound(context, this.#tables, this.#outbound, clientToClient);
  }

  fromUdp(socket: SocketKind, bytes: Uint8Array, at: number, length: number, source: Source): void {
    this.#inbound.fromUdp(socket, bytes, at, length, source);
  }

  trainFromUdp(socket: SocketKind, bytes: Uint8Array, at: number, length: number, each: number, source: Source): void {
    this.#inbound.trainFromUdp(socket, bytes, at, length, each, source);
  }

  fromEsp(bytes: Uint8Array, at: number, length: number, source: Source): void {
    this.#inbound.fromEsp(bytes, at, length, source, false);
  }

  fromTun(bytes: Uint8Array, at: number, length: number): void {
    if (bytes[at]! >> 4 === 6) this.#fromTun6(bytes, at, length);
    else {
      const total = length > MOST_PACKET_BYTES ? 0 : ipv4Length(bytes, at, length);
      if (total === 0) this.#drops.count('not-ip', undefined);
      else this.#toSession(this.#tables.route(ipv4Destination(bytes, at)), bytes, at, total);
    }
  }

  trainFromTun(bytes: Uint8Array, at: number, most: number, count: number, total: number): OutboundTrain | undefined {
    const isV4 = bytes[at]! >> 4 === 4;
    if (!isV4 && isOfLink(bytes, at)) return undefined;
    const tables = this.#tables;
    const session = isV4 ? tables.route(ipv4Destination(bytes, at)) : tables.route6(bytes, at + IPV6_DESTINATION);
    return this.#train.begin(session, bytes, at, most, count, total);
  }

  command(command: DataPlaneCommand): void {
    this.#inbound.forget();
    switch (command.type) {
      case 'openChannel':
        this.#tables.openChannel(command.record);
        break;
      case 'moveChannel':
        this.#tables.moveChannel(command.channel, command.local, command.remote, command.protection);
        break;
      case 'setDontFragment':
        this.#tables.channel(command.channel)?.setDontFragment(command.dontFragment);
        break;
      case 'closeChannel':
        this.#tables.closeChannel(command.channel);
        break;
      case 'installSa':
        this.#tables.installSa(command.record);
        break;
      case 'useSa':
        this.#tables.useSa(command.channel, command.outboundSpi);
        break;
      case 'removeSa':
        this.#tables.removeSa(command.inboundSpi);
        break;
      case 'openSession':
        this.#tables.openSession(command.session);
        break;
      case 'openTunnelSession':
        this.#tables.openTunnelSession(command.session);
        break;
      case 'changeSession':
        this.#tables.changeSession(command.slot, command.inner);
        break;
      case 'closeSession':
        this.#tables.closeSession(command.slot);
        break;
      case 'sendIke':
        this.#sendIke(command);
        break;
      case 'sendKeepalive':
        this.#scratch[MADE_AT] = KEEPALIVE;
        this.#ports.sendUdp('natT', newPeer(command.local, command.remote), this.#scratch, MADE_AT, 1);
        break;
      case 'sendL2tp':
        this.#sendL2tp(command);
        break;
      case 'sendPacket':
        this.#sendPacket(command.slot, command.bytes);
        break;
      case 'configure':
        this.#inbound.clientToClient = command.clientToClient;
        if (command.localAddress !== undefined) this.#outbound.localAddress = addressKey(command.localAddress);
        if (command.localAddress6 !== undefined) this.#outbound.localAddress6 = readIpv6(command.localAddress6);
    }
  }

  get deadline(): Instant | undefined {
    if (this.#drops.waiting) this.#second.wait();
    return earliest([this.#second.deadline, this.#reorderDeadline()]);
  }

  setTime(now: Instant): void {
    this.#second.now = now;
  }

  tick(now: Instant): void {
    this.#second.now = now;
    if (this.#tables.waiting.size > 0) this.#inbound.expire();
    if (this.#drops.waiting) this.#second.wait();
    if (this.#second.tick(now)) this.#drops.flush((event) => this.#ports.event(event));
  }

  /** Overwrites all keys and gives the ciphers back; nothing is called after it. */
  close(): void {
    this.#tables.close();
  }

  #fromTun6(bytes: Uint8Array, at: number, length: number): void {
    const total = length > MOST_PACKET_BYTES ? 0 : ipv6Length(bytes, at, length);
    if (total === 0) this.#drops.count('not-ip', undefined);
    // The kernel's own neighbor and group talk: no link like its own lies behind the device.
    else if (!isOfLink(bytes, at)) this.#toSession(this.#tables.route6(bytes, at + IPV6_DESTINATION), bytes, at, total);
  }

  #toSession(session: Session | undefined, bytes: Uint8Array, at: number, length: number): void {
    if (session === undefined) {
      this.#drops.count('no-session', undefined);
    } else if (at >= HEADROOM && at + length + TAILROOM <= bytes.length) {
      this.#outbound.toPeer(session, bytes, at, length, undefined);
    } else {
      this.#scratch.set(bytes.subarray(at, at + length), HEADROOM);
      this.#outbound.toPeer(session, this.#scratch, HEADROOM, length, undefined);
    }
  }

  #reorderDeadline(): Instant | undefined {
    let deadline: Instant | undefined;
    for (const { reorder } of this.#tables.waiting) deadline = earliest([deadline, reorder?.deadline]);
    return deadline;
  }

  #sendPacket(slot: number, bytes: Uint8Array): void {
    const session = this.#tables.session(slot);
    if (session === undefined) return;
    this.#make(bytes, MADE_AT);
    this.#outbound.send(session, this.#scratch, MADE_AT, bytes.length);
  }

  #sendIke({ local, remote, bytes, dontFragment }: Extract<DataPlaneCommand, { type: 'sendIke' }>): void {
    const isNatT = local.port === this.#natTPort;
    const marker = isNatT ? NON_ESP_MARKER_BYTES : 0;
    this.#scratch.fill(0, MADE_AT, MADE_AT + marker);
    this.#make(bytes, MADE_AT + marker);
    const made = newPeer(local, remote, true);
    const peer = dontFragment === true ? { ...made, dontFragment } : made;
    this.#ports.sendUdp(isNatT ? 'natT' : 'ike', peer, this.#scratch, MADE_AT, bytes.length + marker);
  }

  #sendL2tp({ channel: id, bytes, dontFragment, remote }: Extract<DataPlaneCommand, { type: 'sendL2tp' }>): void {
    const channel = this.#tables.channel(id);
    if (channel === undefined) return;
    const there = dontFragment === true ? channel.probed : channel.peer;
    const peer = remote === undefined ? there : newPeer(channel.local, remote, true);
    this.#make(bytes, MADE_AT);
    this.#continueSequence(channel, bytes.length);
    this.#outbound.message(channel, this.#scratch, MADE_AT, bytes.length, peer);
  }

  /** Data messages of the control plane and of the path are one sequence to the peer: the path counts both. */
  #continueSequence(channel: Channel, length: number): void {
    const scratch = this.#scratch;
    if (!this.#l2tp.read(scratch, MADE_AT, length) || this.#l2tp.isControl || this.#l2tp.sequenceAt === 0) return;
    const { ids, sequenceAt } = this.#l2tp;
    for (const session of channel.sessions) {
      if (session.peerIds !== ids) continue;
      scratch[sequenceAt] = session.sequence >> 8;
      scratch[sequenceAt + 1] = session.sequence & 255;
      session.sequence = (session.sequence + 1) & 0xffff;
      return;
    }
    const next = (((scratch[sequenceAt]! << 8) | scratch[sequenceAt + 1]!) + 1) & 0xffff;
    channel.setNextSequence(ids, next);
  }

  #make(bytes: Uint8Array, at: number): void {
    if (bytes.length > MOST_PACKET_BYTES - NON_ESP_MARKER_BYTES) throw new RangeError('longer than a UDP datagram');
    this.#scratch.set(bytes, at);
  }
}
