/** Takes packets from the TUN device; a large one is cut into those that it stands for (TSO, USO). */

import {
  completeChecksum,
  newVnetHeader,
  readVnetHeader,
  Segmenter,
  VNET_HEADER_BYTES,
  VnetGso,
} from '../dataplane/offload/index.ts';
import { MOST_PACKET_BYTES, type PacketTrain } from '../dataplane/ports.ts';
import type { SendArea } from './sendArea.ts';
import type { TunDevice } from './tun.ts';

export interface TunReaderOptions {
  readonly tun: Pick<TunDevice, 'hasHeader' | 'read'>;
  /** Where packets are read to, and cut ones written. */
  readonly area: SendArea;
  /** Is given each packet, in the area. */
  readonly take: (at: number, length: number) => void;
  /** See `PacketInput.trainFromTun`, of packets in the area. */
  readonly train: (at: number, most: number, count: number, total: number) => PacketTrain | undefined;
  /** Whether a packet, as it was read, is another worker's: it is done with then. */
  readonly elsewhere?: (at: number, length: number, headerBytes: number) => boolean;
  /** Sends all that waits in the area, and rewinds it. */
  readonly flush: () => void;
  /** The same, but the end of a train may wait for the next packet; `flush` is called when there is none. */
  readonly flushWhole: () => void;
  /** Is told of a packet whose header contradicts it: a fault of the kernel or ours. */
  readonly refuse: () => void;
}

export class TunReader {
  readonly #options: TunReaderOptions;
  readonly #headerBytes: number;
  readonly #header = newVnetHeader();
  readonly #segmenter: Segmenter;

  constructor(options: TunReaderOptions) {
    this.#options = options;
    const { memory, sum } = options.area;
    this.#segmenter = new Segmenter(memory.bytes, sum);
    this.#headerBytes = options.tun.hasHeader ? VNET_HEADER_BYTES : 0;
  }

  /**
   * Reads once and hands on what it gave.
   * @returns bytes read, or -1 with the reason in errno
   */
  read(): number {
    const { tun, area, elsewhere } = this.#options;
    const headerBytes = this.#headerBytes;
    const at = this.#place(MOST_PACKET_BYTES);
    const read = tun.read(area.memory.base + at - headerBytes, headerBytes + MOST_PACKET_BYTES);
    if (read < 0) return -1;
    const length = read - headerBytes;
    if (elsewhere?.(at, length, headerBytes) !== true) this.#takeAt(at, length);
    return read;
  }

  /** Takes a packet that another worker read: of `length` bytes with the header. */
  handed(bytes: Uint8Array, from: number, length: number): void {
    const headerBytes = this.#headerBytes;
    const at = this.#place(length);
    this.#options.area.memory.bytes.set(bytes.subarray(from, from + length), at - headerBytes);
    this.#takeAt(at, length - headerBytes);
  }

  #place(length: number): number {
    const { area, flush } = this.#options;
    const at = area.place(length);
    if (at >= 0) return at;
    flush();
    return area.place(length);
  }

  #takeAt(at: number, length: number): void {
    const { area, take } = this.#options;
    area.take(at, length);
    if (this.#headerBytes > 0 && length > 0) this.#takeWithHeader(at, length);
    else take(at, length);
  }

  #takeWithHeader(at: number, length: number): void {
    const { area, take, refuse } = this.#options;
    const header = this.#header;
    const { bytes } = area.memory;
    readVnetHeader(header, bytes, at - VNET_HEADER_BYTES);
    if (header.gso !== VnetGso.none) this.#cut(at, length);
    else if (header.needsChecksum && !completeChecksum(area.sum, bytes, at, length, header)) refuse();
    else take(at, length);
  }

  #cut(at: number, length: number): void {
    const { area, flushWhole, refuse } = this.#options;
    const segmenter = this.#segmenter;
    const count = segmenter.begin(at, length, this.#header);
    if (count === 0) refuse();
    area.hold();
    const { mostBytes, allBytes } = segmenter;
    const train = count < 2 || segmenter.isSyn ? undefined : this.#options.train(at, mostBytes, count, allBytes);
    if (train !== undefined) this.#cutTrain(train, count);
    else this.#cutSingly(count);
    area.release();
    flushWhole();
  }

  /** Each packet is sealed where it is written, right behind the one before, so that all are sent from one place. */
  #cutTrain(train: PacketTrain, count: number): void {
    const { area } = this.#options;
    const { bytes } = area.memory;
    const segmenter = this.#segmenter;
    const { prefixBytes, sealedBytes } = train;
    segmenter.copyBefore(train.before);
    for (let i = 0; i < count; ) {
      const start = this.#place(sealedBytes);
      const last = Math.min(count, i + area.fitting(start, sealedBytes));
      let next = start;
      for (; i < last; i++) next += train.add(bytes, next, segmenter.write(i, next + prefixBytes));
      area.take(start, next - start);
      train.send(bytes, start, next - start);
    }
  }

  #cutSingly(count: number): void {
    const { area, take } = this.#options;
    const segmenter = this.#segmenter;
    for (let i = 0; i < count; i++) {
      const to = this.#place(segmenter.mostBytes);
      const cut = segmenter.write(i, to);
      area.take(to, cut);
      take(to, cut);
    }
  }
}
