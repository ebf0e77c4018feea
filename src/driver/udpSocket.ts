/** A UDP socket whose datagrams say to which local address they came, and leave from the one that is asked for. */

import type { Peer, Source } from '../dataplane/ports.ts';
import { Level, MessageFlag, Protocol, SocketOption, SocketType, UdpOption } from './constants.ts';
import { type Address, check, libc, Memory } from './ffi.ts';
import { ReceiveHeader, SendHeader } from './messageHeader.ts';
import { bindSocket, openInternetSocket } from './socketKit.ts';

export class UdpSocket {
  readonly fd: number;
  readonly family: 4 | 6;
  /** What it is bound to; all zeros for any. */
  readonly address: Uint8Array;
  readonly port: number;
  readonly #receive: ReceiveHeader;

  /**
   * @param address 4 or 16 bytes; all zeros for any address of the family
   * @param port 0 lets the kernel choose
   * @param room where received datagrams go
   * @param fd a socket that is bound there already, e.g. of `share`
   * @throws SystemError, EADDRINUSE where another process has the port
   */
  constructor(address: Uint8Array, port: number, room: Address, roomBytes: number, fd?: number) {
    this.family = address.length === 4 ? 4 : 6;
    this.address = address;
    const what = `a UDP socket (IPv${this.family})`;
    this.fd = fd ?? openInternetSocket(this.family, SocketType.datagram, Protocol.udp, what);
    this.port = fd === undefined ? bindSocket(this.fd, address, port, 'UDP') : port;
    this.#receive = new ReceiveHeader(room, roomBytes);
  }

  /** @returns length of the datagram now in the room, -1 when there is none */
  receive(source: Source): number {
    this.#receive.prepare();
    const length = libc().recvmsg(this.fd, this.#receive.address, MessageFlag.dontWait);
    if (length < 0) return -1;
    this.#receive.readInto(source, this.family);
    source.localPort = this.port;
    return length;
  }

  /** A header to give to `send` for every datagram to `peer`. */
  headerFor(peer: Peer): SendHeader {
    return new SendHeader(peer, peer.remotePort);
  }

  /** @returns bytes sent, or -1 with the reason in errno */
  send(header: SendHeader, payload: Address, length: number): number {
    header.setPayload(payload, length);
    return libc().sendmsg(this.fd, header.address, MessageFlag.dontWait);
  }

  /**
   * Opens more sockets on the same address and port, among which the kernel divides what comes. Only now, so that a
   * port that another process has was noticed.
   * @throws SystemError with what was opened closed again
   */
  share(more: number): number[] {
    const what = `a UDP socket (IPv${this.family})`;
    const fds: number[] = [];
    try {
      setOne(this.fd, Level.socket, SocketOption.reusePort, what);
      for (let i = 0; i < more; i++) {
        const fd = openInternetSocket(this.family, SocketType.datagram, Protocol.udp, what);
        setOne(fd, Level.socket, SocketOption.reusePort, what);
        bindSocket(fd, this.address, this.port, 'UDP');
        fds.push(fd);
      }
      return fds;
    } catch (error) {
      for (const fd of fds) libc().close(fd);
      throw error;
    }
  }

  /** Asks for trains of equal datagrams in one receive. */
  joinReceived(): void {
    const one = new Memory(4);
    one.view.setInt32(0, 1, true);
    // A kernel without it goes on giving datagrams one by one.
    libc().setsockopt(this.fd, Level.udp, UdpOption.gro, one.base, 4);
  }

  /** Whether the kernel cuts one send into datagrams (UDP_SEGMENT, Linux 4.18). */
  get cutsSent(): boolean {
    const value = new Memory(8);
    value.view.setInt32(4, 4, true);
    return libc().getsockopt(this.fd, Level.udp, UdpOption.segment, value.base, value.base + 4) === 0;
  }

  close(): void {
    libc().close(this.fd);
  }
}

function setOne(fd: number, level: number, option: number, what: string): void {
  const one = new Memory(4);
  one.view.setInt32(0, 1, true);
  check(libc().setsockopt(fd, level, option, one.base, 4), `share ${what}`);
}
