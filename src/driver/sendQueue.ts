/**
 * What one socket is to send: datagrams to one peer become one message that the kernel cuts (UDP_SEGMENT), and all
 * messages go with one call (sendmmsg).
 */

import { Errno, Level, MessageFlag, UdpOption } from './constants.ts';
import { type Address, libc, Memory } from './ffi.ts';
import type { SendHeader } from './messageHeader.ts';
import {
  CMSG_DATA,
  CMSG_LEVEL,
  CMSG_TYPE,
  CMSG_U16_BYTES,
  CONTROL_LENGTH,
  CONTROL_POINTER,
  IOVEC_BYTES,
  IOVEC_COUNT,
  IOVEC_LENGTH,
  IOVEC_POINTER,
  MESSAGE_BYTES,
  NAME_LENGTH,
  NAME_POINTER,
} from './messageLayout.ts';
import { PathMtuMode } from './pathMtuMode.ts';

const MOST_MESSAGES = 64;
const MOST_PIECES = 512;
/** UDP_MAX_SEGMENTS of the kernel, and what fits into one IP packet with its headers. */
const MOST_CUT = 64;
export const MOST_CUT_BYTES = 65_400;
/** Room for the control messages of one message: the local address, the type of service, the datagrams' length. */
const CONTROL_BYTES = 96;

const FULL: readonly number[] = [Errno.EAGAIN, Errno.ENOBUFS];
/** Errors that say: the device or the path does not take cut sends. The datagrams go one by one then. */
const CUTTING_REFUSED: readonly number[] = [Errno.EINVAL, Errno.EMSGSIZE, Errno.EIO, Errno.EOPNOTSUPP];

export class SendQueue {
  readonly #fd: number;
  readonly #mode: PathMtuMode;
  readonly #refused: (header: SendHeader, errno: number) => void;
  readonly #messages = new Memory(MOST_MESSAGES * MESSAGE_BYTES);
  readonly #pieces = new Memory(MOST_PIECES * IOVEC_BYTES);
  readonly #control = new Memory(MOST_MESSAGES * CONTROL_BYTES);
  readonly #headers: SendHeader[] = [];
  /** Of each message: its first piece, and how many there are. */
  readonly #firstPiece = new Int32Array(MOST_MESSAGES);
  readonly #pieceCount = new Int32Array(MOST_MESSAGES);
  /** Bytes of each of its datagrams, but the last; 0 where there is but one. */
  readonly #cutBytes = new Int32Array(MOST_MESSAGES);
  /** Of a datagram that is sent by itself. */
  readonly #single = new Memory(IOVEC_BYTES);
  #cuts: boolean;
  #messageCount = 0;
  #allPieces = 0;
  /** Of the last message: length of its first datagram, bytes of all, and whether it takes no more. */
  #segmentBytes = 0;
  #bytes = 0;
  #full = true;
  /** Whether the only message has waited at a `flushWhole`. */
  #waited = false;

  /**
   * @param cuts whether the kernel cuts sends of this socket into datagrams
   * @param refused is told of each datagram that the kernel did not take
   */
  constructor(fd: number, family: 4 | 6, cuts: boolean, refused: (header: SendHeader, errno: number) => void) {
    this.#fd = fd;
    this.#mode = new PathMtuMode(fd, family);
    this.#cuts = cuts;
    this.#refused = refused;
  }

  /** The bytes must stay where they are until `flush`. Sends what waits where there is no place left. */
  add(header: SendHeader, payload: Address, length: number): void {
    if (this.#allPieces === MOST_PIECES) this.flush();
    this.#chooseMode(header);
    const last = this.#messageCount - 1;
    if (!this.#full && this.#headers[last] === header && this.#fits(length)) {
      this.#addPiece(payload, length);
      this.#pieceCount[last]!++;
      this.#cutBytes[last] = this.#segmentBytes;
      this.#bytes += length;
      this.#full = length < this.#segmentBytes || this.#bytes >= MOST_CUT * this.#segmentBytes;
      return;
    }
    this.#addMessage(header, payload, length, 0);
    this.#segmentBytes = length;
    this.#bytes = length;
    this.#full = !this.#cuts || header.refusesCutting;
  }

  /** As `add` for datagrams of `each` bytes, the last maybe shorter, that stand one behind the other. */
  addTrain(header: SendHeader, payload: Address, length: number, each: number): void {
    const most =
      this.#cuts && !header.refusesCutting ? Math.min(MOST_CUT, Math.floor(MOST_CUT_BYTES / each)) * each : 0;
    for (let from = 0; from < length; ) {
      if (this.#allPieces === MOST_PIECES) this.flush();
      const last = this.#messageCount - 1;
      const isOpen = !this.#full && this.#headers[last] === header && this.#segmentBytes === each;
      const bytes = Math.min(length - from, isOpen ? most - this.#bytes : Math.max(most, each));
      if (isOpen) {
        this.#addPiece(payload + from, bytes);
        this.#pieceCount[last]!++;
        this.#cutBytes[last] = each;
        this.#bytes += bytes;
      } else {
        this.#chooseMode(header);
        this.#addMessage(header, payload + from, bytes, bytes > each ? each : 0);
        this.#segmentBytes = each;
        this.#bytes = bytes;
      }
      this.#full = this.#bytes >= most || this.#bytes % each !== 0;
      from += bytes;
    }
  }

  /**
   * As `flush`, but a message whose one piece has room for more datagrams still waits; once, for no longer is its place
   * left alone.
   * @returns whether one does
   */
  flushWhole(): boolean {
    const last = this.#messageCount - 1;
    const hasRoom = !this.#full && this.#pieceCount[last] === 1 && this.#cutBytes[last] !== 0;
    if (!hasRoom || (last === 0 && this.#waited)) {
      this.flush();
      return false;
    }
    if (last > 0) {
      const header = this.#headers[last]!;
      const payload = this.#pieces.word(this.#firstPiece[last]! * IOVEC_BYTES);
      const bytes = this.#bytes;
      this.#messageCount = last;
      this.flush();
      this.#addMessage(header, payload, bytes, this.#segmentBytes);
      this.#full = false;
    }
    this.#waited = true;
    return true;
  }

  flush(): void {
    const count = this.#messageCount;
    if (count === 0) return;
    for (let i = 0; i < count; i++) this.#layOut(i);
    let failed = -1;
    for (let from = 0; from < count; ) {
      const sent = libc().sendmmsg(
        this.#fd,
        this.#messages.base + from * MESSAGE_BYTES,
        count - from,
        MessageFlag.dontWait,
      );
      if (sent > 0) {
        from += sent;
        continue;
      }
      const errno = libc().errno();
      // What ICMP said of an earlier packet is told to the next send, which must then be made again.
      if (failed === from || FULL.includes(errno)) this.#failed(from++, errno);
      else failed = from;
    }
    this.#messageCount = 0;
    this.#allPieces = 0;
    this.#full = true;
    this.#waited = false;
  }

  #chooseMode({ dontFragment }: SendHeader): void {
    if (dontFragment === this.#mode.dontFragment) return;
    this.flush();
    this.#mode.set(dontFragment);
  }

  #addMessage(header: SendHeader, payload: Address, length: number, cutBytes: number): void {
    if (this.#messageCount === MOST_MESSAGES) this.flush();
    const message = this.#messageCount++;
    this.#headers[message] = header;
    this.#firstPiece[message] = this.#allPieces;
    this.#pieceCount[message] = 1;
    this.#cutBytes[message] = cutBytes;
    this.#addPiece(payload, length);
  }

  #fits(length: number): boolean {
    return length <= this.#segmentBytes && this.#bytes + length <= MOST_CUT_BYTES;
  }

  #addPiece(payload: Address, length: number): void {
    const at = this.#allPieces++ * IOVEC_BYTES;
    this.#pieces.setWord(at, payload);
    this.#pieces.view.setUint32(at + IOVEC_LENGTH, length, true);
  }

  #layOut(i: number): void {
    const messages = this.#messages;
    const { view } = messages;
    const at = i * MESSAGE_BYTES;
    const header = this.#headers[i]!;
    const first = this.#firstPiece[i]! * IOVEC_BYTES;
    messages.setWord(at + NAME_POINTER, header.nameAddress);
    view.setUint32(at + NAME_LENGTH, header.nameBytes, true);
    messages.setWord(at + IOVEC_POINTER, this.#pieces.base + first);
    view.setUint32(at + IOVEC_COUNT, this.#pieceCount[i]!, true);
    const cutBytes = this.#cutBytes[i]!;
    if (cutBytes === 0) this.#setControl(at, header.controlAddress, header.controlBytes);
    else this.#layOutCut(i, at, header, cutBytes);
  }

  #layOutCut(i: number, at: number, header: SendHeader, segmentBytes: number): void {
    const control = this.#control;
    const { view } = control;
    const start = i * CONTROL_BYTES;
    header.writeControl(control.bytes, start);
    const own = start + header.controlBytes;
    control.setWord(own, CMSG_DATA + 2);
    view.setInt32(own + CMSG_LEVEL, Level.udp, true);
    view.setInt32(own + CMSG_TYPE, UdpOption.segment, true);
    view.setUint16(own + CMSG_DATA, segmentBytes, true);
    this.#setControl(at, control.base + start, header.controlBytes + CMSG_U16_BYTES);
  }

  #setControl(at: number, address: Address, length: number): void {
    this.#messages.setWord(at + CONTROL_POINTER, length === 0 ? 0 : address);
    this.#messages.view.setUint32(at + CONTROL_LENGTH, length, true);
  }

  #failed(i: number, errno: number): void {
    const header = this.#headers[i]!;
    if (this.#cutBytes[i] === 0) {
      this.#refused(header, errno);
      return;
    }
    if (!CUTTING_REFUSED.includes(errno)) {
      this.#forEachDatagram(i, () => this.#refused(header, errno));
      return;
    }
    header.refusesCutting = true;
    // The device has no way to compute the checksums of what it cuts: no peer behind it will do better.
    if (errno === Errno.EIO) this.#cuts = false;
    this.#sendSingly(i, header);
  }

  /** The message's own place is laid out anew for each of its datagrams. */
  #sendSingly(i: number, header: SendHeader): void {
    const at = i * MESSAGE_BYTES;
    const c = libc();
    this.#setControl(at, header.controlAddress, header.controlBytes);
    this.#messages.view.setUint32(at + IOVEC_COUNT, 1, true);
    this.#messages.setWord(at + IOVEC_POINTER, this.#single.base);
    const message = this.#messages.base + at;
    this.#forEachDatagram(i, (payload, length) => {
      this.#single.setWord(0, payload);
      this.#single.view.setUint32(IOVEC_LENGTH, length, true);
      if (c.sendmsg(this.#fd, message, MessageFlag.dontWait) >= 0) return;
      if (c.sendmsg(this.#fd, message, MessageFlag.dontWait) < 0) this.#refused(header, c.errno());
    });
  }

  #forEachDatagram(i: number, take: (payload: Address, length: number) => void): void {
    const pieces = this.#pieces;
    const cutBytes = this.#cutBytes[i]!;
    for (let piece = 0; piece < this.#pieceCount[i]!; piece++) {
      const at = (this.#firstPiece[i]! + piece) * IOVEC_BYTES;
      const payload = pieces.word(at);
      const length = pieces.view.getUint32(at + IOVEC_LENGTH, true);
      for (let from = 0; from < length; from += cutBytes) take(payload + from, Math.min(cutBytes, length - from));
    }
  }
}
