/** Takes what the sockets have received: trains of datagrams as trains, what is another worker's to that one. */

import { newSource, type PacketInput, type SocketKind } from '../dataplane/ports.ts';
import type { RawEspSocket } from './rawSocket.ts';
import type { ReceiveBatch } from './receiveBatch.ts';
import type { UdpSocket } from './udpSocket.ts';
import type { HandOver } from './workers/handOver.ts';

/** Calls of recvmmsg on one socket before the next one has its turn. */
const RECEIVE_BATCHES = 8;
const SMALLEST_ESP = 8;

export interface ReceiverOptions {
  readonly batch: ReceiveBatch;
  readonly path: Pick<PacketInput, 'fromUdp' | 'fromEsp' | 'trainFromUdp'>;
  /** Where there are several workers. */
  readonly handOver: HandOver | undefined;
  /** Gives on all that waits, before the batch is filled again. */
  readonly flush: () => void;
}

export class Receiver {
  readonly #options: ReceiverOptions;
  readonly #source = newSource();

  constructor(options: ReceiverOptions) {
    this.#options = options;
  }

  drainUdp(kind: SocketKind, socket: UdpSocket): void {
    const { batch } = this.#options;
    this.#source.localPort = socket.port;
    for (let round = 0; round < RECEIVE_BATCHES; round++) {
      const count = batch.receive(socket.fd);
      for (let i = 0; i < count; i++) {
        if (batch.isCut(i)) continue;
        batch.readInto(i, this.#source, socket.family);
        this.#take(kind, batch.at(i), batch.length(i), batch.segmentBytes(i));
      }
      this.#options.flush();
      if (!batch.mayHaveMore) return;
    }
  }

  drainEsp(socket: RawEspSocket): void {
    const { batch, path, handOver, flush } = this.#options;
    const source = this.#source;
    const { bytes } = batch.memory;
    source.localPort = 0;
    for (let round = 0; round < RECEIVE_BATCHES; round++) {
      const count = batch.receive(socket.fd);
      for (let i = 0; i < count; i++) {
        const at = batch.at(i);
        const length = batch.length(i);
        const header = socket.family === 4 ? (bytes[at]! & 0x0f) * 4 : 0;
        if (batch.isCut(i) || length < header + SMALLEST_ESP) continue;
        batch.readInto(i, source, socket.family);
        source.remotePort = 0;
        if (handOver?.esp(false, bytes, at + header, length - header, source) === true) continue;
        path.fromEsp(bytes, at + header, length - header, source);
      }
      flush();
      if (!batch.mayHaveMore) return;
    }
  }

  /** Of a train, whatever stands between packets of other workers goes on as a train. An empty datagram says nothing. */
  #take(kind: SocketKind, from: number, length: number, each: number): void {
    const { batch, path, handOver } = this.#options;
    const source = this.#source;
    const { bytes } = batch.memory;
    const end = from + length;
    let own = from;
    for (let at = from; kind === 'natT' && handOver !== undefined && at < end; at += each) {
      const next = Math.min(end, at + each);
      if (!handOver.esp(true, bytes, at, next - at, source)) continue;
      if (at > own) path.trainFromUdp(kind, bytes, own, at - own, each, source);
      own = next;
    }
    if (end > own) path.trainFromUdp(kind, bytes, own, end - own, each, source);
  }
}
