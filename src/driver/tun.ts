/** A TUN device: the kernel's side of the tunnel. It exists for as long as its file is open. linux/if_tun.h. */

import { writeFileSync } from 'node:fs';
import { OpenFlag, TunFlag, TunIoctl, TunOffload } from './constants.ts';
import { type Address, check, libc, Memory } from './ffi.ts';
import { Rtnetlink } from './netlink/rtnetlink.ts';

/** `%d` is replaced by the lowest free number. */
export const DEFAULT_TUN_NAME = 'sallyport%d';

const DEVICE = '/dev/net/tun';
/** What waits while the worker waits for a processor: at 500, the kernel's own, bursts of small packets are lost. */
const QUEUE_PACKETS = 2000;
const INTERFACE_REQUEST_BYTES = 40;
const NAME_BYTES = 16;
/** IN6_ADDR_GEN_MODE_NONE: no link-local address, so no router solicitations into the tunnel. */
const ADDRESS_GENERATION_NONE = '1';

/** One file of a device: what a thread needs to read from it and write to it. */
export interface TunQueue {
  readonly fd: number;
  readonly name: string;
  readonly hasHeader: boolean;
  readonly joins: { readonly tcp: boolean; readonly udp: boolean };
}

export class TunDevice implements TunQueue {
  readonly fd: number;
  readonly name: string;
  /** Whether a `virtio_net_hdr` stands in front of each packet, in both directions. */
  readonly hasHeader: boolean;
  /** Which large packets the kernel takes; it gives them too. */
  readonly joins: { readonly tcp: boolean; readonly udp: boolean };

  /**
   * Creates the device, or takes a queue that is open. It is down and has no address; `setUp` and HostChanges do that.
   * @param name at most 15 characters, may hold one `%d`
   * @param offloads whether to ask the kernel for large packets
   * @param queues how many files it is to have; `addQueue` opens all but this one
   * @throws SystemError: ENOENT without the tun module, EPERM without CAP_NET_ADMIN, EBUSY where the name is taken
   */
  constructor(name: string | TunQueue = DEFAULT_TUN_NAME, offloads = false, queues = 1) {
    if (typeof name !== 'string') {
      this.fd = name.fd;
      this.name = name.name;
      this.hasHeader = name.hasHeader;
      this.joins = name.joins;
      return;
    }
    if (!/^[A-Za-z0-9_.-]{1,13}(%d)?$|^[A-Za-z0-9_.-]{1,15}$/.test(name)) {
      throw new RangeError(`${name} is no name for a device`);
    }
    const c = libc();
    this.fd = check(c.open(DEVICE, OpenFlag.readWrite | OpenFlag.nonBlocking | OpenFlag.closeOnExec), `open ${DEVICE}`);
    const request = new Memory(INTERFACE_REQUEST_BYTES);
    request.bytes.set(new TextEncoder().encode(name));
    const flags = TunFlag.tun | TunFlag.noPacketInfo | TunFlag.exclusive | (queues > 1 ? TunFlag.multiQueue : 0);
    const create = (more: number): number => {
      request.view.setUint16(NAME_BYTES, flags | more, true);
      return c.ioctl(this.fd, TunIoctl.setInterface, request.base);
    };
    try {
      this.hasHeader = offloads && create(TunFlag.vnetHeader) === 0;
      if (!this.hasHeader) check(create(0), `create the TUN device ${name}`);
      this.joins = this.hasHeader ? askForOffloads(this.fd) : { tcp: false, udp: false };
    } catch (error) {
      c.close(this.fd);
      throw error;
    }
    this.name = new TextDecoder().decode(request.bytes.subarray(0, request.bytes.indexOf(0)));
  }

  /**
   * Opens another file of a device that was made for several. A flow's packets come from the file that its last packet
   * was written to.
   * @throws SystemError
   */
  addQueue(): TunQueue {
    const c = libc();
    const fd = check(
      c.open(DEVICE, OpenFlag.readWrite | OpenFlag.nonBlocking | OpenFlag.closeOnExec),
      `open ${DEVICE}`,
    );
    const request = new Memory(INTERFACE_REQUEST_BYTES);
    request.bytes.set(new TextEncoder().encode(this.name));
    const flags = TunFlag.tun | TunFlag.noPacketInfo | TunFlag.multiQueue;
    request.view.setUint16(NAME_BYTES, flags | (this.hasHeader ? TunFlag.vnetHeader : 0), true);
    try {
      check(c.ioctl(fd, TunIoctl.setInterface, request.base), `open another queue of the TUN device ${this.name}`);
    } catch (error) {
      c.close(fd);
      throw error;
    }
    return { fd, name: this.name, hasHeader: this.hasHeader, joins: this.joins };
  }

  /** Sets the MTU (bytes) and brings the device up. Gone with the device, so nothing has to be undone. */
  setUp(mtu: number): void {
    try {
      writeFileSync(`/proc/sys/net/ipv6/conf/${this.name}/addr_gen_mode`, ADDRESS_GENERATION_NONE);
    } catch {
      // No IPv6 here, or a read-only /proc/sys: then the kernel's solicitations are dropped by the packet path.
    }
    const rtnetlink = new Rtnetlink();
    try {
      rtnetlink.setLink(this.name, { mtu, queueLength: QUEUE_PACKETS, up: true });
    } finally {
      rtnetlink.close();
    }
  }

  /** @returns bytes now at `room`, header and IP packet; -1 when there are none */
  read(room: Address, roomBytes: number): number {
    return libc().read(this.fd, room, roomBytes);
  }

  /** @returns bytes written, or -1 with the reason in errno */
  write(packet: Address, length: number): number {
    return libc().write(this.fd, packet, length);
  }

  /**
   * @param pieces address of an array of `struct iovec`, header first
   * @returns bytes written, or -1 with the reason in errno
   */
  writePieces(pieces: Address, count: number): number {
    return libc().writev(this.fd, pieces, count);
  }

  /** The device, its addresses and its routes are gone with this. */
  close(): void {
    libc().close(this.fd);
  }
}

/** UDP came with Linux 6.2. */
function askForOffloads(fd: number): { readonly tcp: boolean; readonly udp: boolean } {
  const c = libc();
  const tcp = TunOffload.checksum | TunOffload.tcp4 | TunOffload.tcp6;
  if (c.ioctl(fd, TunIoctl.setOffload, tcp | TunOffload.udp4 | TunOffload.udp6) === 0) return { tcp: true, udp: true };
  return { tcp: c.ioctl(fd, TunIoctl.setOffload, tcp) === 0, udp: false };
}
