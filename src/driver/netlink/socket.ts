/** A netlink socket: requests go out, answers come back, synchronously, so that it also works in an exit handler. */

import { Errno, Family, Level, NetlinkOption, SocketOption, SocketType } from '../constants.ts';
import { check, libc, Memory } from '../ffi.ts';
import { SystemError } from '../systemError.ts';
import { decodeMessages, decodeVerdict, encodeMessage, Flag, MessageType, type NetlinkMessage } from './message.ts';

export interface NetlinkRequest {
  /** What it does, for the error's sentence. */
  readonly what: string;
  readonly type: number;
  /** Besides `Flag.request`. */
  readonly flags: number;
  readonly payload: Uint8Array;
}

const BUFFER_BYTES = 256 * 1024;
const ANSWER_SECONDS = 5;

export class NetlinkSocket {
  readonly #fd: number;
  readonly #memory = new Memory(BUFFER_BYTES);
  #sequence = 1;

  /** @throws SystemError where the kernel does not have the netlink protocol */
  constructor(protocol: number) {
    const c = libc();
    this.#fd = check(
      c.socket(Family.netlink, SocketType.raw | SocketType.closeOnExec, protocol),
      `open a netlink socket (${protocol})`,
    );
    this.#memory.view.setUint32(0, 1, true);
    for (const option of [NetlinkOption.extAck, NetlinkOption.capAck, NetlinkOption.strictCheck]) {
      c.setsockopt(this.#fd, Level.netlink, option, this.#memory.base, 4);
    }
    this.#memory.setWord(0, ANSWER_SECONDS);
    this.#memory.setWord(8, 0);
    c.setsockopt(this.#fd, Level.socket, SocketOption.receiveTimeout, this.#memory.base, 16);
  }

  /** Sends one request and returns the messages of its answer; none for a request that is only acknowledged. */
  request(request: NetlinkRequest): NetlinkMessage[] {
    const dump = (request.flags & Flag.dump) === Flag.dump;
    const flags = Flag.request | request.flags | (dump ? 0 : Flag.ack);
    const sequence = this.#sequence++;
    this.#send(encodeMessage({ type: request.type, flags, sequence, payload: request.payload }), request.what);
    return this.#answers(sequence, request.what);
  }

  /** Sends messages as one datagram, which the kernel carries out as a whole or not at all (nf_tables batches). */
  transaction(begin: NetlinkRequest, requests: readonly NetlinkRequest[], end: NetlinkRequest): void {
    const first = this.#sequence;
    const datagram = [begin, ...requests, end].map(({ type, flags, payload }, index) =>
      encodeMessage({
        type,
        flags: Flag.request | flags | (index > 0 && index <= requests.length ? Flag.ack : 0),
        sequence: this.#sequence++,
        payload,
      }),
    );
    const length = datagram.reduce((sum, message) => sum + message.length, 0);
    const bytes = new Uint8Array(length);
    let at = 0;
    for (const message of datagram) {
      bytes.set(message, at);
      at += message.length;
    }
    this.#send(bytes, begin.what);
    this.#verdicts(first, requests, begin.what);
  }

  close(): void {
    libc().close(this.#fd);
  }

  #send(bytes: Uint8Array, what: string): void {
    if (bytes.length > BUFFER_BYTES) throw new RangeError(`${what}: the request is too long`);
    this.#memory.bytes.set(bytes);
    check(libc().send(this.#fd, this.#memory.base, bytes.length, 0), what);
  }

  #answers(sequence: number, what: string): NetlinkMessage[] {
    const answers: NetlinkMessage[] = [];
    for (;;) {
      for (const message of this.#receive(what)) {
        if (message.sequence !== sequence) continue;
        if (message.type === MessageType.done) return answers;
        if (message.type === MessageType.error) {
          const { errno, detail } = decodeVerdict(message);
          if (errno !== 0) throw new SystemError(what, errno, detail);
          return answers;
        }
        answers.push(message);
      }
    }
  }

  /** The kernel refuses the batch as a whole with the sequence of its begin, or acknowledges every request in it. */
  #verdicts(first: number, requests: readonly NetlinkRequest[], what: string): void {
    let open = requests.length;
    let failed: SystemError | undefined;
    while (open > 0) {
      for (const message of this.#receive(what)) {
        const index = message.sequence - first - 1;
        if (message.type !== MessageType.error || index < -1 || index >= requests.length) continue;
        const { errno, detail } = decodeVerdict(message);
        if (errno !== 0) failed ??= new SystemError(requests[index]?.what ?? what, errno, detail);
        open = index === -1 ? 0 : open - 1;
      }
    }
    if (failed !== undefined) throw failed;
  }

  #receive(what: string): NetlinkMessage[] {
    for (;;) {
      const length = libc().recv(this.#fd, this.#memory.base, BUFFER_BYTES, 0);
      if (length >= 0) return decodeMessages(this.#memory.bytes.subarray(0, length));
      const errno = libc().errno();
      if (errno === Errno.EINTR) continue;
      throw new SystemError(what, errno === Errno.EAGAIN ? Errno.ETIMEDOUT : errno);
    }
  }
}
