/** Looks at all packets of a device, as a listener on the wire would: AF_PACKET sockets. packet(7). */

import { SocketType } from '../../../src/driver/constants.ts';
import { check, libc, Memory } from '../../../src/driver/ffi.ts';
import type { Namespace } from '../../driver/namespace.ts';
import { withRtnetlink } from '../../driver/namespace.ts';

const AF_PACKET = 17;
/** In the byte order of the network. */
const EVERY_PROTOCOL = 0x0300;
const ADDRESS_BYTES = 20;
const BUFFER_BYTES = 2048;
const ETHERNET_BYTES = 14;

/** A packet on the wire, as far as the tests look. */
export interface Seen {
  readonly version: 4 | 6;
  /** IPv4 only. */
  readonly destination: string;
  readonly protocol: number;
  /** UDP and TCP. */
  readonly destinationPort: number;
  /** ICMPv6: what keeps the link itself going (neighbour discovery, multicast listeners). */
  readonly ofLink: boolean;
}

export class Tap {
  readonly #fd: number;
  readonly #memory = new Memory(BUFFER_BYTES);

  constructor(namespace: Namespace, device: string) {
    this.#fd = namespace.run(() => {
      const type = SocketType.raw | SocketType.nonBlocking | SocketType.closeOnExec;
      const fd = check(libc().socket(AF_PACKET, type, EVERY_PROTOCOL), 'open a packet socket');
      const index = withRtnetlink((rtnetlink) => rtnetlink.link(device)!.index);
      const { view, base } = this.#memory;
      // struct sockaddr_ll: family, protocol, interface.
      view.setUint16(0, AF_PACKET, true);
      view.setUint16(2, EVERY_PROTOCOL, true);
      view.setUint32(4, index, true);
      check(libc().bind(fd, base, ADDRESS_BYTES), 'bind a packet socket');
      return fd;
    });
  }

  /** The IP packets since the last call, in both directions. */
  seen(): Seen[] {
    const packets: Seen[] = [];
    for (;;) {
      const length = libc().recv(this.#fd, this.#memory.base, BUFFER_BYTES, 0);
      if (length < 0) return packets;
      const packet = read(this.#memory.bytes.subarray(0, length));
      if (packet !== undefined) packets.push(packet);
    }
  }

  close(): void {
    libc().close(this.#fd);
  }
}

const NEIGHBOUR_PROTOCOLS = new Set([0, 58]);

function read(frame: Uint8Array): Seen | undefined {
  const kind = (frame[12]! << 8) | frame[13]!;
  const ip = frame.subarray(ETHERNET_BYTES);
  if (kind === 0x0800) {
    const at = (ip[0]! & 15) * 4;
    const destination = ip.subarray(16, 20).join('.');
    const destinationPort = (ip[at + 2]! << 8) | ip[at + 3]!;
    return { version: 4, destination, protocol: ip[9]!, destinationPort, ofLink: false };
  }
  if (kind !== 0x86dd) return undefined;
  // A hop-by-hop header stands before multicast listener reports.
  const ofLink = NEIGHBOUR_PROTOCOLS.has(ip[6]!);
  return { version: 6, destination: '', protocol: ip[6]!, destinationPort: (ip[42]! << 8) | ip[43]!, ofLink };
}
