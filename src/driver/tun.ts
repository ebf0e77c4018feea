/** A TUN device: the kernel's side of the tunnel. It exists for as long as its file is open. linux/if_tun.h. */

import { writeFileSync } from 'node:fs';
import { OpenFlag, TunFlag, TunIoctl } from './constants.ts';
import { type Address, check, libc, Memory } from './ffi.ts';
import { Rtnetlink } from './netlink/rtnetlink.ts';

/** `%d` is replaced by the lowest free number. */
export const DEFAULT_TUN_NAME = 'sallyport%d';

const DEVICE = '/dev/net/tun';
const INTERFACE_REQUEST_BYTES = 40;
const NAME_BYTES = 16;
/** IN6_ADDR_GEN_MODE_NONE: no link-local address, so no router solicitations into the tunnel. */
const ADDRESS_GENERATION_NONE = '1';

export class TunDevice {
  readonly fd: number;
  readonly name: string;

  /**
   * Creates the device. It is down and has no address; `setUp` and HostChanges do that.
   * @param name at most 15 characters, may hold one `%d`
   * @throws SystemError: ENOENT without the tun module, EPERM without CAP_NET_ADMIN, EBUSY where the name is taken
   */
  constructor(name = DEFAULT_TUN_NAME) {
    if (!/^[A-Za-z0-9_.-]{1,13}(%d)?$|^[A-Za-z0-9_.-]{1,15}$/.test(name)) {
      throw new RangeError(`${name} is no name for a device`);
    }
    const c = libc();
    this.fd = check(c.open(DEVICE, OpenFlag.readWrite | OpenFlag.nonBlocking | OpenFlag.closeOnExec), `open ${DEVICE}`);
    const request = new Memory(INTERFACE_REQUEST_BYTES);
    request.bytes.set(new TextEncoder().encode(name));
    request.view.setUint16(NAME_BYTES, TunFlag.tun | TunFlag.noPacketInfo | TunFlag.exclusive, true);
    try {
      check(c.ioctl(this.fd, TunIoctl.setInterface, request.base), `create the TUN device ${name}`);
    } catch (error) {
      c.close(this.fd);
      throw error;
    }
    this.name = new TextDecoder().decode(request.bytes.subarray(0, request.bytes.indexOf(0)));
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
      rtnetlink.setLink(this.name, { mtu, up: true });
    } finally {
      rtnetlink.close();
    }
  }

  /** @returns length of the IP packet now at `room`, -1 when there is none */
  read(room: Address, roomBytes: number): number {
    return libc().read(this.fd, room, roomBytes);
  }

  /** @returns bytes written, or -1 with the reason in errno */
  write(packet: Address, length: number): number {
    return libc().write(this.fd, packet, length);
  }

  /** The device, its addresses and its routes are gone with this. */
  close(): void {
    libc().close(this.fd);
  }
}
