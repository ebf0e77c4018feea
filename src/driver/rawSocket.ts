/** A raw socket for IP protocol 50 (ESP). The kernel puts the IP header on and, with IPv4, gives it on receipt. */

import type { Peer, Source } from '../dataplane/ports.ts';
import { MessageFlag, Protocol, SocketType } from './constants.ts';
import { type Address, libc } from './ffi.ts';
import { ReceiveHeader, SendHeader } from './messageHeader.ts';
import { bindSocket, openInternetSocket } from './socketKit.ts';

export class RawEspSocket {
  readonly fd: number;
  readonly family: 4 | 6;
  readonly address: Uint8Array;
  readonly #receive: ReceiveHeader;

  /**
   * @param fd a socket that is bound there already
   * @throws SystemError, EPERM without CAP_NET_RAW
   */
  constructor(address: Uint8Array, room: Address, roomBytes: number, fd?: number) {
    this.family = address.length === 4 ? 4 : 6;
    this.address = address;
    const what = `a raw ESP socket (IPv${this.family})`;
    this.fd = fd ?? openInternetSocket(this.family, SocketType.raw, Protocol.esp, what);
    if (fd === undefined) bindSocket(this.fd, address, 0, 'raw ESP');
    this.#receive = new ReceiveHeader(room, roomBytes);
  }

  /** @returns length of the packet now in the room, from the IPv4 header or (IPv6) the SPI on; -1 when there is none */
  receive(source: Source): number {
    this.#receive.prepare();
    const length = libc().recvmsg(this.fd, this.#receive.address, MessageFlag.dontWait);
    if (length < 0) return -1;
    this.#receive.readInto(source, this.family);
    source.remotePort = 0;
    source.localPort = 0;
    return length;
  }

  headerFor(peer: Peer): SendHeader {
    return new SendHeader(peer, 0);
  }

  /** @returns bytes sent, or -1 with the reason in errno */
  send(header: SendHeader, payload: Address, length: number): number {
    header.setPayload(payload, length);
    return libc().sendmsg(this.fd, header.address, MessageFlag.dontWait);
  }

  close(): void {
    libc().close(this.fd);
  }
}
