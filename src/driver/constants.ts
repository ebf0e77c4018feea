/** The kernel's numbers for sockets, files and TUN devices, as Linux has them on x86-64, arm64, riscv64 and loong64. */

export const Family = { unix: 1, inet: 2, inet6: 10, netlink: 16 } as const;
export const SocketType = { stream: 1, datagram: 2, raw: 3, nonBlocking: 0x800, closeOnExec: 0x80000 } as const;
export const Protocol = { udp: 17, esp: 50 } as const;

export const Level = { socket: 1, ip: 0, udp: 17, ipv6: 41, netlink: 270 } as const;
export const SocketOption = {
  sendBuffer: 7,
  receiveBuffer: 8,
  receiveTimeout: 20,
  bindToDevice: 25,
  sendBufferForce: 32,
  receiveBufferForce: 33,
  reusePort: 15,
  attachFilter: 26,
  attachReusePortFilter: 51,
} as const;
export const IpOption = { tos: 1, packetInfo: 8, mtuDiscover: 10, receiveErrors: 11, receiveTos: 13 } as const;
/** linux/udp.h. */
export const UdpOption = { segment: 103, gro: 104 } as const;
export const Ipv6Option = {
  mtuDiscover: 23,
  receiveErrors: 25,
  v6Only: 26,
  receivePacketInfo: 49,
  packetInfo: 50,
  receiveTrafficClass: 66,
  trafficClass: 67,
} as const;
/** Values of IP_MTU_DISCOVER and IPV6_MTU_DISCOVER. */
export const PathMtuDiscovery = { dont: 0, want: 1, do: 2, probe: 3, interface: 4, omit: 5 } as const;
export const NetlinkOption = { capAck: 10, extAck: 11, strictCheck: 12 } as const;

export const MessageFlag = { controlTruncated: 0x8, truncated: 0x20, dontWait: 0x40, errorQueue: 0x2000 } as const;

export const OpenFlag = { readWrite: 2, nonBlocking: 0x800, closeOnExec: 0x80000 } as const;
export const PollEvent = { in: 1, out: 4, error: 8, hangUp: 16, invalid: 32 } as const;
export const EventFdFlag = { nonBlocking: 0x800, closeOnExec: 0x80000 } as const;

export const TunIoctl = { setInterface: 0x400454ca, setPersist: 0x400454cb, setOffload: 0x400454d0 } as const;
export const TunFlag = {
  tun: 0x1,
  noPacketInfo: 0x1000,
  multiQueue: 0x100,
  vnetHeader: 0x4000,
  exclusive: 0x8000,
} as const;

/** What the device takes off the kernel's hands. linux/if_tun.h. */
export const TunOffload = { checksum: 0x01, tcp4: 0x02, tcp6: 0x04, udp4: 0x20, udp6: 0x40 } as const;

export const Errno = {
  EPERM: 1,
  ENOENT: 2,
  ESRCH: 3,
  EINTR: 4,
  EIO: 5,
  ENXIO: 6,
  EBADF: 9,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  EBUSY: 16,
  EEXIST: 17,
  ENODEV: 19,
  EINVAL: 22,
  EMFILE: 24,
  ENOSPC: 28,
  EROFS: 30,
  ENOPROTOOPT: 92,
  EPROTONOSUPPORT: 93,
  EOPNOTSUPP: 95,
  EAFNOSUPPORT: 97,
  EMSGSIZE: 90,
  EADDRINUSE: 98,
  EADDRNOTAVAIL: 99,
  ENETDOWN: 100,
  ENETUNREACH: 101,
  ECONNREFUSED: 111,
  ETIMEDOUT: 110,
  EHOSTUNREACH: 113,
  ENOBUFS: 105,
} as const;
export type ErrnoName = keyof typeof Errno;
