/** `struct sockaddr_in` and `sockaddr_in6` in memory that libc reads. Addresses are 4 or 16 bytes in network order. */

import { Family } from './constants.ts';
import type { Memory } from './ffi.ts';

/** Room for either family. */
export const SOCKET_ADDRESS_BYTES = 28;
const INET_BYTES = 16;

/** @returns the length to hand to the kernel */
export function writeSocketAddress(memory: Memory, at: number, address: Uint8Array, port: number): number {
  const { bytes, view } = memory;
  bytes.fill(0, at, at + SOCKET_ADDRESS_BYTES);
  const v4 = address.length === 4;
  view.setUint16(at, v4 ? Family.inet : Family.inet6, true);
  view.setUint16(at + 2, port);
  bytes.set(address, v4 ? at + 4 : at + 8);
  return v4 ? INET_BYTES : SOCKET_ADDRESS_BYTES;
}

export function readPort(memory: Memory, at: number): number {
  return memory.view.getUint16(at + 2);
}
