/**
 * Which worker a command of the control plane goes to. A channel lives where the SPI of its first SA is steered to,
 * with all its SAs and sessions; unprotected ones live in the first worker, which has their socket.
 */

import type { ChannelId, DataPlaneCommand, InnerPath, SessionSlot } from '../../dataplane/messages.ts';
import type { ElsewhereCommand } from './elsewhere.ts';
import { workerOfSpi } from './steering.ts';

export type WorkerCommand = DataPlaneCommand | ElsewhereCommand;

interface RoutedChannel {
  /** Undefined until its first SA is installed. */
  worker: number | undefined;
  /** What waits for that. */
  readonly waiting: DataPlaneCommand[];
  readonly spis: Set<number>;
  readonly slots: Set<SessionSlot>;
}

/** Commands that wait for a channel's first SA; the control plane gives two or three. */
const MOST_WAITING = 64;
/** Has the ports of IKE and of unprotected L2TP. */
const FIRST = 0;

export class CommandRouter {
  readonly #workers: number;
  readonly #emit: (worker: number, command: WorkerCommand) => void;
  readonly #channels = new Map<ChannelId, RoutedChannel>();
  readonly #channelOfSpi = new Map<number, RoutedChannel>();
  readonly #channelOfSlot = new Map<SessionSlot, RoutedChannel>();

  constructor(workers: number, emit: (worker: number, command: WorkerCommand) => void) {
    this.#workers = workers;
    this.#emit = emit;
  }

  route(command: DataPlaneCommand): void {
    // The packet path knows itself what belongs to what: with one worker nothing is kept here.
    if (this.#workers === 1) {
      this.#emit(FIRST, command);
      return;
    }
    switch (command.type) {
      case 'openChannel':
        this.#openChannel(command);
        break;
      case 'closeChannel':
        this.#closeChannel(command.channel);
        break;
      case 'installSa':
        this.#installSa(command);
        break;
      case 'removeSa':
        this.#removeSa(command);
        break;
      case 'moveChannel':
      case 'setDontFragment':
      case 'useSa':
      case 'sendL2tp':
        this.#toChannel(this.#channels.get(command.channel), command);
        break;
      case 'openSession':
      case 'openTunnelSession':
        this.#openSession(command, command.session.slot, command.session.channel, command.session);
        break;
      case 'changeSession':
        this.#changeSession(command, command.slot, command.inner);
        break;
      case 'closeSession':
        this.#closeSession(command);
        break;
      case 'sendPacket':
        this.#toChannel(this.#channelOfSlot.get(command.slot), command);
        break;
      case 'sendIke':
      case 'sendKeepalive':
        this.#emit(FIRST, command);
        break;
      default:
        for (let worker = 0; worker < this.#workers; worker++) this.#emit(worker, command);
    }
  }

  #openChannel(command: Extract<DataPlaneCommand, { type: 'openChannel' }>): void {
    const { channel, protection } = command.record;
    this.#closeChannel(channel);
    const opened: RoutedChannel = { worker: undefined, waiting: [command], spis: new Set(), slots: new Set() };
    this.#channels.set(channel, opened);
    if (protection === 'none') this.#settle(opened, FIRST);
  }

  #closeChannel(id: ChannelId): void {
    const channel = this.#channels.get(id);
    if (channel === undefined) return;
    this.#channels.delete(id);
    for (const spi of channel.spis) this.#forgetSpi(channel, spi);
    for (const slot of channel.slots) this.#forgetSession(channel, slot);
    if (channel.worker !== undefined) this.#emit(channel.worker, { type: 'closeChannel', channel: id });
  }

  #installSa(command: Extract<DataPlaneCommand, { type: 'installSa' }>): void {
    const { channel: id, inboundSpi } = command.record;
    const channel = this.#channels.get(id);
    if (channel === undefined) return;
    const steered = workerOfSpi(inboundSpi, this.#workers);
    if (channel.worker === undefined) this.#settle(channel, steered);
    channel.spis.add(inboundSpi);
    this.#channelOfSpi.set(inboundSpi, channel);
    this.#toChannel(channel, command);
    if (channel.worker !== steered) {
      this.#emit(steered, { type: 'spiElsewhere', spi: inboundSpi, worker: channel.worker! });
    }
  }

  #removeSa(command: Extract<DataPlaneCommand, { type: 'removeSa' }>): void {
    const channel = this.#channelOfSpi.get(command.inboundSpi);
    if (channel === undefined) return;
    this.#forgetSpi(channel, command.inboundSpi);
    channel.spis.delete(command.inboundSpi);
    this.#toChannel(channel, command);
  }

  #openSession(command: DataPlaneCommand, slot: SessionSlot, id: ChannelId, inner: InnerPath): void {
    const channel = this.#channels.get(id);
    if (channel === undefined) return;
    const before = this.#channelOfSlot.get(slot);
    if (before !== undefined && before !== channel) this.#closeSession({ type: 'closeSession', slot });
    if (channel.worker === undefined) this.#settle(channel, FIRST);
    channel.slots.add(slot);
    this.#channelOfSlot.set(slot, channel);
    this.#toChannel(channel, command);
    this.#tellOthers(channel, slot, inner);
  }

  #changeSession(command: DataPlaneCommand, slot: SessionSlot, inner: InnerPath): void {
    const channel = this.#channelOfSlot.get(slot);
    if (channel === undefined) return;
    this.#toChannel(channel, command);
    this.#tellOthers(channel, slot, inner);
  }

  #closeSession(command: Extract<DataPlaneCommand, { type: 'closeSession' }>): void {
    const channel = this.#channelOfSlot.get(command.slot);
    if (channel === undefined) return;
    this.#forgetSession(channel, command.slot);
    channel.slots.delete(command.slot);
    this.#toChannel(channel, command);
  }

  #settle(channel: RoutedChannel, worker: number): void {
    channel.worker = worker;
    for (const command of channel.waiting) this.#emit(worker, command);
    channel.waiting.length = 0;
  }

  #toChannel(channel: RoutedChannel | undefined, command: DataPlaneCommand): void {
    if (channel === undefined) return;
    if (channel.worker !== undefined) this.#emit(channel.worker, command);
    else if (channel.waiting.length < MOST_WAITING) channel.waiting.push(command);
  }

  /** `peerAddress` and `peerPrefixes` alone: the rest of a session is its worker's. */
  #tellOthers(channel: RoutedChannel, slot: SessionSlot, { peerAddress, peerPrefixes }: InnerPath): void {
    const worker = channel.worker ?? FIRST;
    const inner = {
      ...(peerAddress === undefined ? {} : { peerAddress }),
      ...(peerPrefixes === undefined ? {} : { peerPrefixes }),
    };
    this.#toOthers(channel, { type: 'sessionElsewhere', slot, inner, worker });
  }

  #toOthers(channel: RoutedChannel, command: ElsewhereCommand): void {
    for (let worker = 0; worker < this.#workers; worker++) if (worker !== channel.worker) this.#emit(worker, command);
  }

  #forgetSession(channel: RoutedChannel, slot: SessionSlot): void {
    this.#channelOfSlot.delete(slot);
    this.#toOthers(channel, { type: 'sessionForgotten', slot });
  }

  #forgetSpi(channel: RoutedChannel, spi: number): void {
    this.#channelOfSpi.delete(spi);
    const steered = workerOfSpi(spi, this.#workers);
    if (steered !== channel.worker) this.#emit(steered, { type: 'spiForgotten', spi });
  }
}
