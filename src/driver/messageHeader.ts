/** `struct msghdr` with its iovec, address and IP(V6)_PKTINFO control message, laid out once and reused per packet. */

import type { Peer, Source } from '../dataplane/ports.ts';
import { IpOption, Ipv6Option, Level } from './constants.ts';
import { type Address, Memory } from './ffi.ts';
import { readPort, SOCKET_ADDRESS_BYTES, writeSocketAddress } from './socketAddress.ts';

/** Offsets in the block. */
const HEADER = 0;
const IOVEC = 56;
const NAME = 72;
const CONTROL = 104;
const CONTROL_BYTES = 128;
const BLOCK_BYTES = CONTROL + CONTROL_BYTES;

/** Offsets in the msghdr. */
const NAME_POINTER = 0;
const NAME_LENGTH = 8;
const IOVEC_POINTER = 16;
const IOVEC_COUNT = 24;
const CONTROL_POINTER = 32;
const CONTROL_LENGTH = 40;
const FLAGS = 48;

/** Offsets in a control message, and what it covers. */
const CMSG_LEVEL = 8;
const CMSG_TYPE = 12;
const CMSG_DATA = 16;
const INET_INFO_BYTES = 12;
const INET6_INFO_BYTES = 20;

/** For recvmsg: where from and to which local address. */
export class ReceiveHeader {
  readonly address: Address;
  readonly #memory = new Memory(BLOCK_BYTES);

  /** @param room where the payload goes, and how many bytes fit */
  constructor(room: Address, roomBytes: number) {
    const memory = this.#memory;
    this.address = memory.base + HEADER;
    memory.setWord(HEADER + NAME_POINTER, memory.base + NAME);
    memory.setWord(HEADER + IOVEC_POINTER, memory.base + IOVEC);
    memory.setWord(HEADER + IOVEC_COUNT, 1);
    memory.setWord(HEADER + CONTROL_POINTER, memory.base + CONTROL);
    memory.setWord(IOVEC, room);
    memory.setWord(IOVEC + 8, roomBytes);
  }

  /** Must be called before each recvmsg: the kernel overwrites the lengths. */
  prepare(): void {
    const { view } = this.#memory;
    view.setUint32(HEADER + NAME_LENGTH, SOCKET_ADDRESS_BYTES, true);
    view.setUint32(HEADER + CONTROL_LENGTH, CONTROL_BYTES, true);
    view.setUint32(HEADER + FLAGS, 0, true);
  }

  get flags(): number {
    return this.#memory.view.getUint32(HEADER + FLAGS, true);
  }

  /** Fills in the addresses and the remote port; the local port is what the socket is bound to. */
  readInto(source: Source, family: 4 | 6): void {
    const { bytes, view } = this.#memory;
    const length = family === 4 ? 4 : 16;
    const address = NAME + (family === 4 ? 4 : 8);
    source.family = family;
    for (let i = 0; i < length; i++) source.remote[i] = bytes[address + i]!;
    source.remotePort = readPort(this.#memory, NAME);
    const local = this.#localAddress(family);
    if (local === 0) source.local.fill(0);
    else for (let i = 0; i < length; i++) source.local[i] = bytes[local + i]!;
    if (family === 6 && view.getUint16(address + 10) === 0xffff && view.getUint32(address) === 0) unmap(source);
  }

  /** Offset of the local address in the control messages; 0 when there is none. */
  #localAddress(family: 4 | 6): number {
    const { view } = this.#memory;
    const end = CONTROL + view.getUint32(HEADER + CONTROL_LENGTH, true);
    for (let at = CONTROL; at + CMSG_DATA <= end; ) {
      const length = view.getUint32(at, true);
      if (length < CMSG_DATA) return 0;
      const level = view.getInt32(at + CMSG_LEVEL, true);
      const type = view.getInt32(at + CMSG_TYPE, true);
      // in_pktinfo: device, address to answer from, address in the header; in6_pktinfo: address, device.
      if (family === 4 && level === Level.ip && type === IpOption.packetInfo) return at + CMSG_DATA + 4;
      if (family === 6 && level === Level.ipv6 && type === Ipv6Option.packetInfo) return at + CMSG_DATA;
      at += (length + 7) & ~7;
    }
    return 0;
  }
}

/** For sendmsg to one peer from one local address: only the payload changes from packet to packet. */
export class SendHeader {
  readonly address: Address;
  readonly #memory = new Memory(BLOCK_BYTES);

  /** @param port where the packet goes; 0 for raw sockets, which have none */
  constructor(peer: Peer, port: number) {
    const memory = this.#memory;
    this.address = memory.base + HEADER;
    memory.setWord(HEADER + NAME_POINTER, memory.base + NAME);
    const remote = peer.remote.subarray(0, peer.family === 4 ? 4 : 16);
    memory.view.setUint32(HEADER + NAME_LENGTH, writeSocketAddress(memory, NAME, remote, port), true);
    memory.setWord(HEADER + IOVEC_POINTER, memory.base + IOVEC);
    memory.setWord(HEADER + IOVEC_COUNT, 1);
    const local = peer.local.subarray(0, remote.length);
    if (local.some((byte) => byte !== 0)) this.#setLocal(local);
  }

  setPayload(address: Address, length: number): void {
    this.#memory.setWord(IOVEC, address);
    this.#memory.view.setUint32(IOVEC + 8, length, true);
  }

  #setLocal(local: Uint8Array): void {
    const memory = this.#memory;
    const v4 = local.length === 4;
    const length = CMSG_DATA + (v4 ? INET_INFO_BYTES : INET6_INFO_BYTES);
    memory.setWord(HEADER + CONTROL_POINTER, memory.base + CONTROL);
    memory.view.setUint32(HEADER + CONTROL_LENGTH, (length + 7) & ~7, true);
    memory.setWord(CONTROL, length);
    memory.view.setInt32(CONTROL + CMSG_LEVEL, v4 ? Level.ip : Level.ipv6, true);
    memory.view.setInt32(CONTROL + CMSG_TYPE, v4 ? IpOption.packetInfo : Ipv6Option.packetInfo, true);
    memory.bytes.set(local, CONTROL + CMSG_DATA + (v4 ? 4 : 0));
  }
}

/** Turns an IPv4-mapped IPv6 source into an IPv4 one. */
function unmap(source: Source): void {
  source.family = 4;
  source.remote.copyWithin(0, 12, 16);
  source.local.copyWithin(0, 12, 16);
}
