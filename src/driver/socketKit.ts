/** What all Internet sockets of the driver share: opening, options, binding. */

import { formatAddress } from '../net/index.ts';
import { Family, IpOption, Ipv6Option, Level, PathMtuDiscovery, SocketOption, SocketType } from './constants.ts';
import { check, libc, Memory } from './ffi.ts';
import { readPort, SOCKET_ADDRESS_BYTES, writeSocketAddress } from './socketAddress.ts';

/** Asked of the kernel for each direction; it gives what `net.core.rmem_max` allows where the privilege is missing. */
export const SOCKET_BUFFER_BYTES = 4 * 1024 * 1024;

/**
 * Opens a non-blocking socket that learns the local address and type of service of each packet, may send from any local address, and
 * fragments what is too long for the path (no DF): a tunnel must not lose a packet to a broken path MTU discovery.
 * SO_REUSEADDR is never set: a port that is taken must be noticed.
 * @param type of SocketType
 * @throws SystemError
 */
export function openInternetSocket(family: 4 | 6, type: number, protocol: number, what: string): number {
  const c = libc();
  const domain = family === 4 ? Family.inet : Family.inet6;
  const fd = check(c.socket(domain, type | SocketType.nonBlocking | SocketType.closeOnExec, protocol), `open ${what}`);
  const value = new Memory(4);
  const set = (level: number, option: number, number: number): number => {
    value.view.setInt32(0, number, true);
    return c.setsockopt(fd, level, option, value.base, 4);
  };
  if (family === 4) {
    set(Level.ip, IpOption.packetInfo, 1);
    set(Level.ip, IpOption.mtuDiscover, PathMtuDiscovery.dont);
    set(Level.ip, IpOption.receiveTos, 1);
  } else {
    set(Level.ipv6, Ipv6Option.v6Only, 1);
    set(Level.ipv6, Ipv6Option.receivePacketInfo, 1);
    set(Level.ipv6, Ipv6Option.mtuDiscover, PathMtuDiscovery.dont);
    set(Level.ipv6, Ipv6Option.receiveTrafficClass, 1);
  }
  for (const [forced, allowed] of [
    [SocketOption.receiveBufferForce, SocketOption.receiveBuffer],
    [SocketOption.sendBufferForce, SocketOption.sendBuffer],
  ] as const) {
    if (set(Level.socket, forced, SOCKET_BUFFER_BYTES) < 0) set(Level.socket, allowed, SOCKET_BUFFER_BYTES);
  }
  return fd;
}

/**
 * Binds and returns the port that the kernel gave.
 * @throws SystemError after closing `fd`
 */
export function bindSocket(fd: number, address: Uint8Array, port: number, what: string): number {
  const c = libc();
  const memory = new Memory(SOCKET_ADDRESS_BYTES + 4);
  try {
    const length = writeSocketAddress(memory, 0, address, port);
    check(
      c.bind(fd, memory.base, length),
      `bind ${what} to ${formatAddress(address)}${port === 0 ? '' : ` port ${port}`}`,
    );
    memory.view.setUint32(SOCKET_ADDRESS_BYTES, SOCKET_ADDRESS_BYTES, true);
    check(c.getsockname(fd, memory.base, memory.base + SOCKET_ADDRESS_BYTES), `read the address of ${what}`);
    return readPort(memory, 0);
  } catch (error) {
    c.close(fd);
    throw error;
  }
}
