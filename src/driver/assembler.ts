/**
 * Writes the few x86-64 instructions that lists of calls and AES-GCM with 256-bit vectors take, so that their code reads
 * as a listing.
 * Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2: §2.1 and §2.3 (REX, VEX), and each instruction.
 */

/** General registers by their numbers. */
export const Gpr = { rax: 0, rcx: 1, rdx: 2, rbx: 3, rbp: 5, rsi: 6, rdi: 7, r8: 8, r9: 9, r10: 10, r11: 11 } as const;
export type Gpr = (typeof Gpr)[keyof typeof Gpr];
/** Number of a vector register, 0 to 15. */
export type Vector = number;
/** Memory at a register's address and so many bytes behind it. */
export interface At {
  readonly base: Gpr;
  readonly offset: number;
}
export const at = (base: Gpr, offset: number): At => ({ base, offset });

/** Bits of a VEX instruction: how wide it works, its prefix, map of opcodes, opcode. */
interface Vex {
  readonly map: 1 | 2 | 3;
  readonly prefix: 0 | 1 | 2;
  readonly opcode: number;
}
const NO_REGISTER = 0;

/** Widths of vector instructions: 128 bits clear the upper half of their destination. */
export const X = 0;
export const Y = 1;
export type Width = typeof X | typeof Y;

export const Condition = { below: 2, equal: 4, notEqual: 5 } as const;
type Condition = (typeof Condition)[keyof typeof Condition];

export class Assembler {
  readonly #bytes: number[] = [];
  readonly #labels = new Map<string, number>();
  readonly #jumps: { readonly at: number; readonly label: string }[] = [];

  /** @throws Error for a jump to a label that is nowhere */
  finish(): Uint8Array {
    for (const { at: from, label } of this.#jumps) {
      const to = this.#labels.get(label);
      if (to === undefined) throw new Error(`no label ${label}`);
      const distance = Uint8Array.from(imm32(to - (from + 4)));
      for (let i = 0; i < 4; i++) this.#bytes[from + i] = distance[i]!;
    }
    return Uint8Array.from(this.#bytes);
  }

  label(name: string): void {
    this.#labels.set(name, this.#bytes.length);
  }

  jump(label: string, condition?: Condition): void {
    this.#put(...(condition === undefined ? [0xe9] : [0x0f, 0x80 | condition]));
    this.#jumps.push({ at: this.#bytes.length, label });
    this.#put(0, 0, 0, 0);
  }

  /** ENDBR64: where calls through pointers may land. */
  entry(): void {
    this.#put(0xf3, 0x0f, 0x1e, 0xfa);
  }

  push(register: Gpr): void {
    this.#put(0x50 | register);
  }

  pop(register: Gpr): void {
    this.#put(0x58 | register);
  }

  /** Calls the function whose address stands there. */
  call(target: At): void {
    this.#general(0xff, 2, target);
  }

  ret(): void {
    this.#put(0xc3);
  }

  load(to: Gpr, from: At): void {
    this.#general(0x8b, to, from);
  }

  address(to: Gpr, of: At): void {
    this.#general(0x8d, to, of);
  }

  move(to: Gpr, from: Gpr): void {
    this.#general(0x89, from, to);
  }

  add(to: Gpr, what: Gpr): void {
    this.#general(0x01, what, to);
  }

  subtract(from: Gpr, what: Gpr): void {
    this.#general(0x29, what, from);
  }

  test(register: Gpr): void {
    this.#general(0x85, register, register);
  }

  /** As `test` of the lower half, which is all that an `int` fills. */
  testInt(register: 'rax' | 'rcx'): void {
    this.#put(0x85, ...modRm(Gpr[register], Gpr[register]));
  }

  addNumber(to: Gpr, number: number): void {
    this.#general(0x81, 0, to, ...imm32(number));
  }

  andNumber(to: Gpr, number: number): void {
    this.#general(0x81, 4, to, ...imm32(number));
  }

  subtractNumber(from: Gpr, number: number): void {
    this.#general(0x81, 5, from, ...imm32(number));
  }

  compareNumber(register: Gpr, number: number): void {
    this.#general(0x81, 7, register, ...imm32(number));
  }

  /** The upper half becomes 0. */
  setNumber(to: 'rax' | 'rcx', number: number): void {
    this.#put(0xb8 | Gpr[to], ...imm32(number));
  }

  /** Copies RCX bytes from RSI to RDI. */
  repeatMove(): void {
    this.#put(0xf3, 0xa4);
  }

  /** Stores AL into RCX bytes from RDI on. */
  repeatStore(): void {
    this.#put(0xf3, 0xaa);
  }

  vectorLoad(width: Width, to: Vector, from: Vector | At): void {
    this.#vex({ map: 1, prefix: 2, opcode: 0x6f }, width, to, NO_REGISTER, from);
  }

  vectorStore(width: Width, to: At, from: Vector): void {
    this.#vex({ map: 1, prefix: 2, opcode: 0x7f }, width, from, NO_REGISTER, to);
  }

  /** The same 128 bits into both halves. */
  broadcast(to: Vector, from: At): void {
    this.#vex({ map: 2, prefix: 1, opcode: 0x5a }, Y, to, NO_REGISTER, from);
  }

  xor(width: Width, to: Vector, one: Vector, other: Vector | At): void {
    this.#vex({ map: 1, prefix: 1, opcode: 0xef }, width, to, one, other);
  }

  and(width: Width, to: Vector, one: Vector, other: Vector | At): void {
    this.#vex({ map: 1, prefix: 1, opcode: 0xdb }, width, to, one, other);
  }

  addDwords(width: Width, to: Vector, one: Vector, other: Vector | At): void {
    this.#vex({ map: 1, prefix: 1, opcode: 0xfe }, width, to, one, other);
  }

  addQwords(width: Width, to: Vector, one: Vector, other: Vector | At): void {
    this.#vex({ map: 1, prefix: 1, opcode: 0xd4 }, width, to, one, other);
  }

  shuffleBytes(width: Width, to: Vector, from: Vector, mask: Vector | At): void {
    this.#vex({ map: 2, prefix: 1, opcode: 0x00 }, width, to, from, mask);
  }

  shuffleDwords(width: Width, to: Vector, from: Vector, order: number): void {
    this.#vex({ map: 1, prefix: 1, opcode: 0x70 }, width, to, NO_REGISTER, from, order);
  }

  /** Each of four dwords becomes its sign. */
  signs(to: Vector, from: Vector): void {
    this.#vex({ map: 1, prefix: 1, opcode: 0x72 }, X, 4, to, from, 31);
  }

  shiftBytesLeft(to: Vector, from: Vector, bytes: number): void {
    this.#vex({ map: 1, prefix: 1, opcode: 0x73 }, X, 7, to, from, bytes);
  }

  upperHalf(to: Vector | At, from: Vector): void {
    this.#vex({ map: 3, prefix: 1, opcode: 0x39 }, Y, from, NO_REGISTER, to, 1);
  }

  setUpperHalf(to: Vector, lower: Vector, upper: Vector | At): void {
    this.#vex({ map: 3, prefix: 1, opcode: 0x38 }, Y, to, lower, upper, 1);
  }

  /** Whether all bits are 0: `Condition.equal`. */
  testZero(register: Vector): void {
    this.#vex({ map: 2, prefix: 1, opcode: 0x17 }, X, register, NO_REGISTER, register);
  }

  aesRound(width: Width, state: Vector, key: Vector | At): void {
    this.#vex({ map: 2, prefix: 1, opcode: 0xdc }, width, state, state, key);
  }

  aesLastRound(width: Width, state: Vector, key: Vector | At): void {
    this.#vex({ map: 2, prefix: 1, opcode: 0xdd }, width, state, state, key);
  }

  aesKeyAssist(to: Vector, from: Vector, constant: number): void {
    this.#vex({ map: 3, prefix: 1, opcode: 0xdf }, X, to, NO_REGISTER, from, constant);
  }

  /** Carry-less product of a half of each. @param halves bit 0: the upper one of `one`; bit 4: the upper one of `other` */
  multiply(width: Width, to: Vector, one: Vector, other: Vector | At, halves: number): void {
    this.#vex({ map: 3, prefix: 1, opcode: 0x44 }, width, to, one, other, halves);
  }

  /** Clears all vector registers. */
  clearVectors(): void {
    this.#put(0xc5, 0xfc, 0x77);
  }

  #general(opcode: number, register: number, operand: Gpr | At, ...immediate: number[]): void {
    const base = typeof operand === 'object' ? operand.base : operand;
    this.#put(0x48 | (register > 7 ? 4 : 0) | (base > 7 ? 1 : 0), opcode, ...modRm(register, operand), ...immediate);
  }

  #vex(
    { map, prefix, opcode }: Vex,
    width: Width,
    register: number,
    second: Vector,
    operand: Vector | At,
    ...immediate: number[]
  ): void {
    const base = typeof operand === 'object' ? operand.base : operand;
    // The bits that extend register numbers, and the second register, are inverted.
    const extensions = (register > 7 ? 0 : 0x80) | 0x40 | (base > 7 ? 0 : 0x20);
    const third = ((~second & 15) << 3) | (width << 2) | prefix;
    this.#put(0xc4, extensions | map, third, opcode, ...modRm(register, operand), ...immediate);
  }

  #put(...bytes: readonly number[]): void {
    this.#bytes.push(...bytes);
  }
}

/** A register, or memory with an offset of 32 bits. No base here is one that would need another byte (RSP, R12). */
function modRm(register: number, operand: number | At): number[] {
  const middle = (register & 7) << 3;
  if (typeof operand === 'number') return [0xc0 | middle | (operand & 7)];
  return [0x80 | middle | (operand.base & 7), ...imm32(operand.offset)];
}

const imm32 = (value: number): number[] => [value & 255, (value >> 8) & 255, (value >> 16) & 255, (value >> 24) & 255];
