/** AES-GCM with 256-bit vector instructions, where the processor has them: twice as fast as OpenSSL for a packet. */

import { readFileSync } from 'node:fs';
import { type SecretSlot, SecretSlots } from '../evp/secretSlots.ts';
import { executable } from '../executable.ts';
import { type Address, type FunctionAt, functionAt, Memory } from '../ffi.ts';
import { keyCode } from './keyCode.ts';
import { KeyBlock, Room, writeConstants } from './layout.ts';
import { packetCode } from './packetCode.ts';

export { GcmJobs } from './gcmJobs.ts';

export interface VaesGcm {
  readonly name: string;
  readonly seal: FunctionAt;
  readonly open: FunctionAt;
  /** What all three are given. */
  readonly room: Address;
  /** A block for the key at an address, to be given to `freeContext`. */
  keyed(key: Address): Address;
  freeContext(block: Address): void;
}

/** @returns undefined on other processors, and where the system allows no memory for code */
export function vaesGcm(keyBits: number): VaesGcm | undefined {
  if (keyBits !== 128 && keyBits !== 256) return undefined;
  if (!made.has(keyBits)) made.set(keyBits, isAble() ? make(keyBits) : undefined);
  return made.get(keyBits);
}

const made = new Map<number, VaesGcm | undefined>();

const NEEDED = ['vaes', 'vpclmulqdq', 'avx2', 'aes', 'pclmulqdq'] as const;

/** What /proc/cpuinfo lists the kernel has enabled too: 256-bit registers are saved. */
function isAble(): boolean {
  if (process.arch !== 'x64') return false;
  try {
    const flags = /^flags\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1]?.split(' ') ?? [];
    return NEEDED.every((flag) => flags.includes(flag));
  } catch {
    return false;
  }
}

let room: Memory | undefined;

function make(keyBits: 128 | 256): VaesGcm | undefined {
  const codes = [packetCode(keyBits, true), packetCode(keyBits, false), keyCode(keyBits)].map(executable);
  const [seal, open, key] = codes.map((code) => (code === undefined ? undefined : functionAt(code, 'int', 3)));
  if (seal === undefined || open === undefined || key === undefined) return undefined;
  if (room === undefined) {
    room = new Memory(Room.bytes);
    writeConstants(room.bytes);
  }
  const { base } = room;
  const blocks = new SecretSlots(KeyBlock.bytes);
  const slots = new Map<Address, SecretSlot>();
  return {
    name: `AES-${keyBits}-GCM`,
    seal,
    open,
    room: base,
    keyed: (from) => {
      const slot = blocks.take();
      const address = blocks.address(slot);
      slots.set(address, slot);
      key(address, from, base);
      return address;
    },
    freeContext: (address) => {
      const slot = slots.get(address);
      if (slot === undefined) return;
      slots.delete(address);
      blocks.release(slot);
    },
  };
}
