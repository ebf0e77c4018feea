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
  readonly protocol: number;
  readonly firstPort: number;
  readonly lastPort: number;
}

const MOST_PORT = 0xffff;

export class Selectors {
  readonly #local: readonly Range[];
  readonly #remote: readonly Range[];
  readonly #chain = new Ipv6Chain();
  /** Of the packet that is looked at: protocol, and source and destination port; -1 where it shows none. */
  #protocol = -1;
  #sourcePort = -1;
  #destinationPort = -1;

  /** @throws RangeError for an address that does not read, or a range of two families */
  constructor(local: readonly InnerSelector[], remote: readonly InnerSelector[]) {
    this.#local = local.map(readSelector);
    this.#remote = remote.map(readSelector);
  }

  /** Whether the whole packet at `at` may pass. @param fromPeer whether its source is on the remote side */
  fits(bytes: Uint8Array, at: number, length: number, fromPeer: boolean): boolean {
    this.#look(bytes, at, length);
    const isV4 = bytes[at]! >> 4 === 4;
    const size = isV4 ? 4 : 16;
    const source = at + (isV4 ? 12 : 8);
    return (
      this.#fitsAny(fromPeer ? this.#remote : this.#local, bytes, source, size, this.#sourcePort) &&
      this.#fitsAny(fromPeer ? this.#local : this.#remote, bytes, source + size, size, this.#destinationPort)
    );
  }

  #fitsAny(ranges: readonly Range[], bytes: Uint8Array, at: number, size: number, port: number): boolean {
    for (let i = 0; i < ranges.length; i++) {
      const { first, last, protocol, firstPort, lastPort } = ranges[i]!;
      if (first.length !== size || compare(bytes, at, first) < 0 || compare(bytes, at, last) > 0) continue;
      if (protocol !== 0 && protocol !== this.#protocol) continue;
      const anyPort = firstPort === 0 && lastPort === MOST_PORT;
      if (anyPort || (port >= firstPort && port <= lastPort)) return true;
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
  return { first: from, last: to, protocol, firstPort, lastPort };
}

/** As numbers: negative where the bytes at `at` are less than `address`. */
function compare(bytes: Uint8Array, at: number, address: Uint8Array): number {
  for (let i = 0; i < address.length; i++) {
    const difference = bytes[at + i]! - address[i]!;
    if (difference !== 0) return difference;
  }
  return 0;
}
