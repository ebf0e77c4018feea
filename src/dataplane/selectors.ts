/** Traffic selectors of a tunnel-mode session: whether an inner packet is among what was agreed on. RFC 4301 §4.4.1.1. */

import {
  IpProtocol,
  Ipv6Chain,
  ipv4FragmentOffset,
  ipv4HeaderBytes,
  ipv4Protocol,
  parseAddress,
} from '../net/index.ts';
import type { InnerSelector } from './messages.ts';

interface Range {
  readonly first: Uint8Array;
  readonly last: Uint8Array;
  /** The same of IPv4 as unsigned numbers. */
  readonly firstNumber: number;
  readonly lastNumber: number;
  readonly protocol: number;
  readonly firstPort: number;
  readonly lastPort: number;
  /** Whether protocol and ports do not matter. */
  readonly isPlain: boolean;
}

/** The selectors of one side and family. */
interface Side {
  readonly ranges: readonly Range[];
  /** Whether everything of the family fits. */
  readonly isAll: boolean;
  readonly isPlain: boolean;
}

const MOST_PORT = 0xffff;

export class Selectors {
  readonly #local4: Side;
  readonly #local6: Side;
  readonly #remote4: Side;
  readonly #remote6: Side;
  readonly #chain = new Ipv6Chain();
  /** Of the packet that is looked at: protocol, and source and destination port; -1 where it shows none. */
  #protocol = -1;
  #sourcePort = -1;
  #destinationPort = -1;

  /** @throws RangeError for an address that does not read, or a range of two families */
  constructor(local: readonly InnerSelector[], remote: readonly InnerSelector[]) {
    const [ours, theirs] = [local.map(readSelector), remote.map(readSelector)];
    this.#local4 = sideOf(ours, 4);
    this.#local6 = sideOf(ours, 16);
    this.#remote4 = sideOf(theirs, 4);
    this.#remote6 = sideOf(theirs, 16);
  }

  /** Whether the whole packet at `at` may pass. @param fromPeer whether its source is on the remote side */
  fits(bytes: Uint8Array, at: number, length: number, fromPeer: boolean): boolean {
    const isV4 = bytes[at]! >> 4 === 4;
    const local = isV4 ? this.#local4 : this.#local6;
    const remote = isV4 ? this.#remote4 : this.#remote6;
    if (local.isAll && remote.isAll) return true;
    if (!local.isPlain || !remote.isPlain) this.#look(bytes, at, length);
    const size = isV4 ? 4 : 16;
    const source = at + (isV4 ? 12 : 8);
    return (
      this.#fitsAny(fromPeer ? remote : local, bytes, source, size, this.#sourcePort) &&
      this.#fitsAny(fromPeer ? local : remote, bytes, source + size, size, this.#destinationPort)
    );
  }

  #fitsAny({ isAll, ranges }: Side, bytes: Uint8Array, at: number, size: number, port: number): boolean {
    if (isAll) return true;
    for (let i = 0; i < ranges.length; i++) {
      const range = ranges[i]!;
      if (!(size === 4 ? isWithin4(range, bytes, at) : isWithin6(range, bytes, at))) continue;
      if (range.isPlain) return true;
      if (range.protocol !== 0 && range.protocol !== this.#protocol) continue;
      const anyPort = range.firstPort === 0 && range.lastPort === MOST_PORT;
      if (anyPort || (port >= range.firstPort && port <= range.lastPort)) return true;
    }
    return false;
  }

  #look(bytes: Uint8Array, at: number, length: number): void {
    this.#protocol = this.#sourcePort = this.#destinationPort = -1;
    let header: number;
    if (bytes[at]! >> 4 === 4) {
      this.#protocol = ipv4Protocol(bytes, at);
      if (ipv4FragmentOffset(bytes, at) !== 0) return;
      header = ipv4HeaderBytes(bytes, at);
    } else {
      if (!this.#chain.read(bytes, at, length)) return;
      this.#protocol = this.#chain.protocol;
      if (this.#chain.isLaterFragment) return;
      header = this.#chain.offset;
    }
    this.#readPorts(bytes, at + header, length - header);
  }

  /** Type and code of ICMP stand for both ports. RFC 7296 §3.13.1. */
  #readPorts(bytes: Uint8Array, at: number, length: number): void {
    if (length < 4) return;
    const first = (bytes[at]! << 8) | bytes[at + 1]!;
    if (this.#protocol === IpProtocol.icmp || this.#protocol === IpProtocol.icmpv6) {
      this.#sourcePort = this.#destinationPort = first;
    } else if (HAS_PORTS.includes(this.#protocol)) {
      this.#sourcePort = first;
      this.#destinationPort = (bytes[at + 2]! << 8) | bytes[at + 3]!;
    }
  }
}

/** TCP, UDP, DCCP, SCTP and UDP-Lite. */
const HAS_PORTS: readonly number[] = [IpProtocol.tcp, IpProtocol.udp, 33, 132, 136];

function readSelector({ first, last, protocol, firstPort, lastPort }: InnerSelector): Range {
  const from = parseAddress(first);
  const to = parseAddress(last);
  if (from === undefined || to === undefined || from.length !== to.length) {
    throw new RangeError(`no range of addresses: ${first} to ${last}`);
  }
  return {
    ...{ first: from, last: to, protocol, firstPort, lastPort },
    firstNumber: u32(from, 0),
    lastNumber: u32(to, 0),
    isPlain: protocol === 0 && firstPort === 0 && lastPort === MOST_PORT,
  };
}

function sideOf(all: readonly Range[], size: 4 | 16): Side {
  const ranges = all.filter(({ first }) => first.length === size);
  const coversAll = ({ first, last, isPlain }: Range) =>
    isPlain && first.every((byte) => byte === 0) && last.every((byte) => byte === 255);
  return { ranges, isAll: ranges.some(coversAll), isPlain: ranges.every(({ isPlain }) => isPlain) };
}

function isWithin4({ firstNumber, lastNumber }: Range, bytes: Uint8Array, at: number): boolean {
  const address = u32(bytes, at);
  return address >= firstNumber && address <= lastNumber;
}

function isWithin6({ first, last }: Range, bytes: Uint8Array, at: number): boolean {
  return compare(bytes, at, first) >= 0 && compare(bytes, at, last) <= 0;
}

const u32 = (bytes: Uint8Array, at: number) =>
  ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;

/** As numbers: negative where the bytes at `at` are less than `address`. */
function compare(bytes: Uint8Array, at: number, address: Uint8Array): number {
  for (let i = 0; i < address.length; i++) {
    const difference = bytes[at + i]! - address[i]!;
    if (difference !== 0) return difference;
  }
  return 0;
}
