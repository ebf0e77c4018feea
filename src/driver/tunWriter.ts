/** Gives packets to the TUN device; consecutive ones of a flow are joined where the kernel takes large ones. */

import {
  type JoinedPacket,
  Joiner,
  MOST_JOINED,
  VNET_HEADER_BYTES,
  writeVnetHeader,
} from '../dataplane/offload/index.ts';

import { type Address, Memory } from './ffi.ts';
import { IOVEC_BYTES, IOVEC_LENGTH } from './messageLayout.ts';
import type { PacketArea } from './packetMemory.ts';
import type { TunDevice } from './tun.ts';

export class TunWriter {
  readonly #tun: TunDevice;
  readonly #base: Address;
  readonly #refused: () => void;
  readonly #joiner: Joiner | undefined;
  readonly #header = new Memory(VNET_HEADER_BYTES);
  /** A header of zeros: one packet with all its checksums. */
  readonly #plainHeader = new Memory(VNET_HEADER_BYTES);
  readonly #pieces = new Memory((1 + MOST_JOINED) * IOVEC_BYTES);

  /**
   * @param area where packets stand that may be joined
   * @param refused is told of each packet that the kernel did not take, with the reason in errno
   */
  constructor(tun: TunDevice, { memory, sum }: PacketArea, refused: () => void) {
    this.#tun = tun;
    this.#base = memory.base;
    this.#refused = refused;
    this.#pieces.view.setUint32(IOVEC_LENGTH, VNET_HEADER_BYTES, true);
    if (tun.joins.tcp) this.#joiner = new Joiner(memory.bytes, (packet) => this.#write(packet), tun.joins.udp, sum);
  }

  /** A packet in the received memory, which stays there until `flush`. */
  add(at: number, length: number): void {
    if (this.#joiner === undefined) this.writeNow(this.#base + at, length);
    else this.#joiner.add(at, length);
  }

  flush(): void {
    this.#joiner?.flush();
  }

  /** A packet anywhere. */
  writeNow(packet: Address, length: number): void {
    if (!this.#tun.hasHeader) {
      if (this.#tun.write(packet, length) < 0) this.#refused();
      return;
    }
    this.#pieces.setWord(0, this.#plainHeader.base);
    this.#setPiece(1, packet, length);
    this.#writePieces(2);
  }

  #write({ header, pieces, pieceCount }: JoinedPacket): void {
    if (pieceCount === 1) {
      this.writeNow(this.#base + pieces[0]!, pieces[1]!);
      return;
    }
    writeVnetHeader(header, this.#header.bytes, 0);
    this.#pieces.setWord(0, this.#header.base);
    for (let i = 0; i < pieceCount; i++) this.#setPiece(i + 1, this.#base + pieces[2 * i]!, pieces[2 * i + 1]!);
    this.#writePieces(pieceCount + 1);
  }

  #setPiece(i: number, address: Address, length: number): void {
    this.#pieces.setWord(i * IOVEC_BYTES, address);
    this.#pieces.view.setUint32(i * IOVEC_BYTES + IOVEC_LENGTH, length, true);
  }

  #writePieces(count: number): void {
    if (this.#tun.writePieces(this.#pieces.base, count) < 0) this.#refused();
  }
}
