/** Notices that links, addresses or routes of this host changed, by the kernel's multicast messages. rtnetlink(7). */

import { Errno, Family, MessageFlag, SocketType } from '../constants.ts';
import { check, libc, Memory } from '../ffi.ts';
import { RouteGroup } from './routeMessages.ts';

const NETLINK_ROUTE = 0;
const ADDRESS_BYTES = 12;
const BUFFER_BYTES = 64 * 1024;
const GROUPS = Object.values(RouteGroup).reduce((mask, group) => mask | (1 << (group - 1)), 0);

export class NetworkWatch {
  readonly #fd: number;
  readonly #memory = new Memory(BUFFER_BYTES);

  /** @throws SystemError */
  constructor() {
    const c = libc();
    const type = SocketType.raw | SocketType.closeOnExec | SocketType.nonBlocking;
    this.#fd = check(c.socket(Family.netlink, type, NETLINK_ROUTE), 'open a netlink socket');
    const { view, base } = this.#memory;
    // struct sockaddr_nl: family, padding, port (the kernel chooses), groups.
    view.setUint16(0, Family.netlink, true);
    view.setUint32(8, GROUPS, true);
    check(c.bind(this.#fd, base, ADDRESS_BYTES), 'listen to changes of the network');
  }

  /** Whether anything changed since the last call. A queue that ran over counts as a change. */
  changed(): boolean {
    let changed = false;
    for (;;) {
      const length = libc().recv(this.#fd, this.#memory.base, BUFFER_BYTES, MessageFlag.dontWait);
      if (length >= 0) changed = true;
      else return changed || libc().errno() === Errno.ENOBUFS;
    }
  }

  close(): void {
    libc().close(this.#fd);
  }
}
