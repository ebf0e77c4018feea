/** `struct msghdr` with its iovec, address and IP(V6)_PKTINFO control message, laid out once and reused per packet. */

import type { Peer, Source } from '../dataplane/ports.ts';
import { IpOption, Ipv6Option, Level, UdpOption } from './constants.ts';
import { type Address, Memory } from './ffi.ts';
import {
  CMSG_DATA,
  CMSG_LEVEL,
  CMSG_TYPE,
  CONTROL,
  CONTROL_LENGTH,
  CONTROL_POINTER,
  FLAGS,
  findControl,
  HEADER,
  IOVEC,
  IOVEC_COUNT,
  IOVEC_LENGTH,
  IOVEC_POINTER,
  NAME,
  NAME_LENGTH,
  NAME_POINTER,
} from './messageLayout.ts';
import { readPort, SOCKET_ADDRESS_BYTES, writeSocketAddress } from './socketAddress.ts';

const CONTROL_BYTES = 128;
export const BLOCK_BYTES = CONTROL + CONTROL_BYTES;

const INET_INFO_BYTES = 12;
const INET6_INFO_BYTES = 20;
/** Of a control message with an int. */
const CMSG_INT_BYTES = 24;

/** For recvmsg: where from, to which local address, and how long the datagrams are that came as one. */
export class ReceiveHeader {
  readonly address: Address;
  readonly #memory: Memory;
  readonly #header: number;
  /** Where what the msghdr points to is laid out. */
  readonly #block: number;

  /**
   * @param room where the payload goes, and how many bytes fit
   * @param memory where `msghdr` and, at `block`, `BLOCK_BYTES` for what it points to are laid out
   */
  constructor(room: Address, roomBytes: number, memory = new Memory(BLOCK_BYTES), header = HEADER, block = HEADER) {
    this.#memory = memory;
    this.#header = header;
    this.#block = block;
    this.address = memory.base + header;
    memory.setWord(header + NAME_POINTER, memory.base + block + NAME);
    memory.setWord(header + IOVEC_POINTER, memory.base + block + IOVEC);
    memory.setWord(header + IOVEC_COUNT, 1);
    memory.setWord(header + CONTROL_POINTER, memory.base + block + CONTROL);
    memory.setWord(block + IOVEC, room);
    memory.setWord(block + IOVEC + IOVEC_LENGTH, roomBytes);
  }

  /** Must be called before each recvmsg: the kernel overwrites the lengths. */
  prepare(): void {
    const { view } = this.#memory;
    const header = this.#header;
    view.setUint32(header + NAME_LENGTH, SOCKET_ADDRESS_BYTES, true);
    view.setUint32(header + CONTROL_LENGTH, CONTROL_BYTES, true);
    view.setUint32(header + FLAGS, 0, true);
  }

  get flags(): number {
    return this.#memory.view.getUint32(this.#header + FLAGS, true);
  }

  /** Length of all datagrams but the last, where several came as one; 0 where one came. */
  get segmentBytes(): number {
    const at = this.#find(Level.udp, UdpOption.gro);
    return at === 0 ? 0 : this.#memory.view.getInt32(at, true);
  }

  /** Fills in the addresses and the remote port; the local port is what the socket is bound to. */
  readInto(source: Source, family: 4 | 6): void {
    const { bytes, view } = this.#memory;
    const length = family === 4 ? 4 : 16;
    const name = this.#block + NAME;
    const address = name + (family === 4 ? 4 : 8);
    source.family = family;
    for (let i = 0; i < length; i++) source.remote[i] = bytes[address + i]!;
    source.remotePort = readPort(this.#memory, name);
    source.tos = this.#typeOfService(family);
    const local = this.#localAddress(family);
    if (local === 0) source.local.fill(0);
    else for (let i = 0; i < length; i++) source.local[i] = bytes[local + i]!;
    if (family === 6 && view.getUint16(address + 10) === 0xffff && view.getUint32(address) === 0) unmap(source);
  }

  /** Offset of the local address in the control messages; 0 when there is none. */
  #localAddress(family: 4 | 6): number {
    if (family === 6) return this.#find(Level.ipv6, Ipv6Option.packetInfo);
    // in_pktinfo: device, address to answer from, address in the header; in6_pktinfo begins with the address.
    const at = this.#find(Level.ip, IpOption.packetInfo);
    return at === 0 ? 0 : at + 4;
  }

  /** The kernel gives IPv4's as one byte, IPv6's as an int. */
  #typeOfService(family: 4 | 6): number {
    const at = family === 4 ? this.#find(Level.ip, IpOption.tos) : this.#find(Level.ipv6, Ipv6Option.trafficClass);
    return at === 0 ? 0 : this.#memory.bytes[at]!;
  }

  /** Offset of a control message's data; 0 where there is none. */
  #find(level: number, type: number): number {
    const { view } = this.#memory;
    const bytes = view.getUint32(this.#header + CONTROL_LENGTH, true);
    return findControl(view, this.#block + CONTROL, bytes, level, type);
  }
}

/** For sendmsg to one peer from one local address: only the payload changes from packet to packet. */
export class SendHeader {
  readonly address: Address;
  readonly peer: Peer;
  readonly nameBytes: number;
  /** Of the control messages that name the local address and the type of service; 0 where there are none. */
  readonly controlBytes: number;
  /** Whether the path to the peer refused to have sends cut into datagrams. */
  refusesCutting = false;
  readonly dontFragment: boolean;
  readonly #memory = new Memory(BLOCK_BYTES);

  /** @param port where the packet goes; 0 for raw sockets, which have none */
  constructor(peer: Peer, port: number) {
    const memory = this.#memory;
    this.address = memory.base + HEADER;
    memory.setWord(HEADER + NAME_POINTER, memory.base + NAME);
    const remote = peer.remote.subarray(0, peer.family === 4 ? 4 : 16);
    this.peer = peer;
    this.dontFragment = peer.dontFragment === true;
    this.nameBytes = writeSocketAddress(memory, NAME, remote, port);
    memory.view.setUint32(HEADER + NAME_LENGTH, this.nameBytes, true);
    memory.setWord(HEADER + IOVEC_POINTER, memory.base + IOVEC);
    memory.setWord(HEADER + IOVEC_COUNT, 1);
    const local = peer.local.subarray(0, remote.length);
    const localBytes = local.some((byte) => byte !== 0) ? this.#setLocal(local) : 0;
    this.controlBytes = localBytes + (peer.tos ? this.#setTypeOfService(peer.tos, localBytes) : 0);
    if (this.controlBytes === 0) return;
    memory.setWord(HEADER + CONTROL_POINTER, memory.base + CONTROL);
    memory.view.setUint32(HEADER + CONTROL_LENGTH, this.controlBytes, true);
  }

  get nameAddress(): Address {
    return this.#memory.base + NAME;
  }

  get controlAddress(): Address {
    return this.#memory.base + CONTROL;
  }

  /** Copies the control messages, for a message that has more of them. */
  writeControl(bytes: Uint8Array, at: number): void {
    const own = this.#memory.bytes;
    for (let i = 0; i < this.controlBytes; i++) bytes[at + i] = own[CONTROL + i]!;
  }

  setPayload(address: Address, length: number): void {
    this.#memory.setWord(IOVEC, address);
    this.#memory.view.setUint32(IOVEC + IOVEC_LENGTH, length, true);
  }

  #setLocal(local: Uint8Array): number {
    const memory = this.#memory;
    const v4 = local.length === 4;
    const length = CMSG_DATA + (v4 ? INET_INFO_BYTES : INET6_INFO_BYTES);
    const controlBytes = (length + 7) & ~7;
    memory.setWord(CONTROL, length);
    memory.view.setInt32(CONTROL + CMSG_LEVEL, v4 ? Level.ip : Level.ipv6, true);
    memory.view.setInt32(CONTROL + CMSG_TYPE, v4 ? IpOption.packetInfo : Ipv6Option.packetInfo, true);
    memory.bytes.set(local, CONTROL + CMSG_DATA + (v4 ? 4 : 0));
    return controlBytes;
  }

  /** @param at behind the other control messages */
  #setTypeOfService(tos: number, at: number): number {
    const v4 = this.peer.family === 4;
    const { view } = this.#memory;
    const start = CONTROL + at;
    this.#memory.setWord(start, CMSG_DATA + 4);
    view.setInt32(start + CMSG_LEVEL, v4 ? Level.ip : Level.ipv6, true);
    view.setInt32(start + CMSG_TYPE, v4 ? IpOption.tos : Ipv6Option.trafficClass, true);
    view.setInt32(start + CMSG_DATA, tos, true);
    return CMSG_INT_BYTES;
  }
}

/** Turns an IPv4-mapped IPv6 source into an IPv4 one. */
function unmap(source: Source): void {
  source.family = 4;
  source.remote.copyWithin(0, 12, 16);
  source.local.copyWithin(0, 12, 16);
}
