/**
 * A socket's error queue, read for what ICMP and the kernel say of packets that were too long for their path.
 * IP_RECVERR in ip(7), struct sock_extended_err in linux/errqueue.h; RFC 1191, RFC 8201.
 */

import type { Instant } from '../core/index.ts';
import type { DataPlaneEvent } from '../dataplane/messages.ts';
import { formatAddress } from '../net/index.ts';
import { Errno, IpOption, Ipv6Option, Level, MessageFlag } from './constants.ts';
import { libc, Memory } from './ffi.ts';
import {
  CONTROL,
  CONTROL_LENGTH,
  CONTROL_POINTER,
  FLAGS,
  findControl,
  HEADER,
  IOVEC,
  IOVEC_COUNT,
  IOVEC_LENGTH,
  IOVEC_POINTER,
  NAME,
  NAME_LENGTH,
  NAME_POINTER,
} from './messageLayout.ts';
import { readPort, SOCKET_ADDRESS_BYTES } from './socketAddress.ts';
import type { UdpSocket } from './udpSocket.ts';

/** Errors that are read in one round: a burst of large packets brings one for each. */
const MOST_AT_ONCE = 128;
/** Destinations that are told of in a second. */
const MOST_TOLD = 64;
const TELL_EVERY = 1000;

const CONTROL_BYTES = 256;
const QUOTED = CONTROL + CONTROL_BYTES;
const QUOTED_BYTES = 64;

/** Of struct sock_extended_err; behind it stands who sent the ICMP message. */
const ERROR_ORIGIN = 4;
const ERROR_INFO = 8;
const OFFENDER = 16;
const Origin = { local: 1, icmp: 2, icmp6: 3 } as const;

type PathMtuEvent = Extract<DataPlaneEvent, { type: 'pathMtu' }>;

/** One for all sockets of a loop. */
export class ErrorQueue {
  readonly #memory = new Memory(QUOTED + QUOTED_BYTES);
  /** What was told in this second: destination and MTU. */
  readonly #told = new Set<string>();
  #forgetAt: Instant = 0;

  constructor() {
    const memory = this.#memory;
    memory.setWord(HEADER + NAME_POINTER, memory.base + NAME);
    memory.setWord(HEADER + IOVEC_POINTER, memory.base + IOVEC);
    memory.setWord(HEADER + IOVEC_COUNT, 1);
    memory.setWord(HEADER + CONTROL_POINTER, memory.base + CONTROL);
    memory.setWord(IOVEC, memory.base + QUOTED);
    memory.setWord(IOVEC + IOVEC_LENGTH, QUOTED_BYTES);
  }

  /** Empties the queue of a socket; what it says of other things than sizes is dropped, as without a queue. */
  drain({ fd, family }: Pick<UdpSocket, 'fd' | 'family'>, now: Instant): PathMtuEvent[] {
    const events: PathMtuEvent[] = [];
    for (let i = 0; i < MOST_AT_ONCE; i++) {
      const { view } = this.#memory;
      view.setUint32(HEADER + NAME_LENGTH, SOCKET_ADDRESS_BYTES, true);
      view.setUint32(HEADER + CONTROL_LENGTH, CONTROL_BYTES, true);
      view.setUint32(HEADER + FLAGS, 0, true);
      const quoted = libc().recvmsg(fd, this.#memory.base, MessageFlag.errorQueue | MessageFlag.dontWait);
      if (quoted < 0) break;
      const event = this.#read(family, quoted);
      if (event !== undefined && this.#isNews(event, now)) events.push(event);
    }
    return events;
  }

  #isNews({ remote, mtu }: PathMtuEvent, now: Instant): boolean {
    if (now >= this.#forgetAt) {
      this.#told.clear();
      this.#forgetAt = now + TELL_EVERY;
    }
    const key = `${remote.address} ${remote.port} ${mtu}`;
    if (this.#told.has(key) || this.#told.size >= MOST_TOLD) return false;
    this.#told.add(key);
    return true;
  }

  #read(family: 4 | 6, quoted: number): PathMtuEvent | undefined {
    const { view } = this.#memory;
    const at = this.#findError();
    if (at === 0 || view.getUint32(at, true) !== Errno.EMSGSIZE) return undefined;
    const origin = this.#memory.bytes[at + ERROR_ORIGIN]!;
    const mtu = view.getUint32(at + ERROR_INFO, true);
    if (mtu === 0 || view.getUint32(HEADER + NAME_LENGTH, true) === 0) return undefined;
    const remote = { address: this.#address(NAME, family), port: readPort(this.#memory, NAME) };
    const isIcmp = origin === Origin.icmp || origin === Origin.icmp6;
    const spi = isIcmp && quoted >= 4 ? view.getUint32(QUOTED) : 0;
    return {
      type: 'pathMtu',
      remote,
      mtu,
      ...(isIcmp ? { from: this.#address(at + OFFENDER, family) } : {}),
      ...(spi === 0 ? {} : { spi }),
    };
  }

  #address(at: number, family: 4 | 6): string {
    const { bytes } = this.#memory;
    return formatAddress(family === 4 ? bytes.slice(at + 4, at + 8) : bytes.slice(at + 8, at + 24));
  }

  /** Offset of the extended error; 0 where there is none. */
  #findError(): number {
    const { view } = this.#memory;
    const find = (level: number, type: number) =>
      findControl(view, CONTROL, view.getUint32(HEADER + CONTROL_LENGTH, true), level, type);
    return find(Level.ip, IpOption.receiveErrors) || find(Level.ipv6, Ipv6Option.receiveErrors);
  }
}
