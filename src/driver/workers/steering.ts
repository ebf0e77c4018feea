/**
 * Which socket of several gets an ESP packet: the worker that its SPI says, decided in the kernel by the oldest form of
 * its packet filters, which needs no privilege. linux/filter.h, socket(7) (SO_ATTACH_REUSEPORT_CBPF).
 */

import { Level, SocketOption } from '../constants.ts';
import { check, libc, Memory } from '../ffi.ts';

/** The worker to which packets of an SPI are steered. @param spi as a signed or unsigned 32-bit number */
export const workerOfSpi = (spi: number, workers: number): number => (spi >>> 0) % workers;

/** An instruction: what to do, where to go on (true, false), and a constant. */
type Instruction = readonly [code: number, jumpTrue: number, jumpFalse: number, constant: number];

const LOAD_WORD = 0x20;
const LOAD_WORD_BEHIND = 0x40;
const LOAD_IPV4_HEADER_LENGTH = 0xb1;
const MODULO = 0x94;
const JUMP_IF_EQUAL = 0x15;
const RETURN = 0x06;
const RETURN_RESULT = 0x16;
const WHOLE_PACKET = 0xffff_ffff;

/**
 * Steers what comes to a group of UDP sockets, in the order in which they were bound: ESP by its SPI. The non-ESP
 * marker is a 0 there, and a keepalive too short to be looked at, so both go to the first.
 * @param fd any of the group
 */
export function steerUdp(fd: number, workers: number): void {
  const program: Instruction[] = [
    [LOAD_WORD, 0, 0, 0],
    [MODULO, 0, 0, workers],
    [RETURN_RESULT, 0, 0, 0],
  ];
  attach(fd, SocketOption.attachReusePortFilter, program, 'steer datagrams to workers');
}

/** Lets through a raw ESP socket, which gets a copy of every packet, what is for worker `index` alone. */
export function filterEsp(fd: number, family: 4 | 6, index: number, workers: number): void {
  const loadSpi: Instruction[] =
    family === 4
      ? [
          [LOAD_IPV4_HEADER_LENGTH, 0, 0, 0],
          [LOAD_WORD_BEHIND, 0, 0, 0],
        ]
      : [[LOAD_WORD, 0, 0, 0]];
  const program: Instruction[] = [
    ...loadSpi,
    [MODULO, 0, 0, workers],
    [JUMP_IF_EQUAL, 0, 1, index],
    [RETURN, 0, 0, WHOLE_PACKET],
    [RETURN, 0, 0, 0],
  ];
  attach(fd, SocketOption.attachFilter, program, 'filter ESP packets for a worker');
}

const INSTRUCTION_BYTES = 8;
/** `struct sock_fprog`: how many instructions, and where. */
const PROGRAM_BYTES = 16;

function attach(fd: number, option: number, program: readonly Instruction[], what: string): void {
  const memory = new Memory(PROGRAM_BYTES + program.length * INSTRUCTION_BYTES);
  memory.view.setUint16(0, program.length, true);
  memory.setWord(8, memory.base + PROGRAM_BYTES);
  for (const [i, [code, jumpTrue, jumpFalse, constant]] of program.entries()) {
    const at = PROGRAM_BYTES + i * INSTRUCTION_BYTES;
    memory.view.setUint16(at, code, true);
    memory.view.setUint8(at + 2, jumpTrue);
    memory.view.setUint8(at + 3, jumpFalse);
    memory.view.setUint32(at + 4, constant, true);
  }
  check(libc().setsockopt(fd, Level.socket, option, memory.base, PROGRAM_BYTES), what);
}
