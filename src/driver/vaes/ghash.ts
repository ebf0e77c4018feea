/**
 * GHASH as machine code: products of polynomials on reflected bits, with H·x in the place of H, reduced by two more products.
 * NIST SP 800-38D §6.3 and §6.4; Gueron and Kounavis, Intel Carry-Less Multiplication Instruction, 2010.
 */

import { type Assembler, type At, at, Gpr, type Vector, type Width, X, Y } from '../assembler.ts';
import { KeyBlock, Room } from './layout.ts';

const { rdx, r8 } = Gpr;

/** Vector registers: eight blocks of key stream, eight of data, and those that live through a packet or a product. */
export const STREAM: readonly Vector[] = [0, 1, 2, 3];
export const DATA: readonly Vector[] = [4, 5, 6, 7];
export const [REVERSE, COUNTERS, HASH, SPARE, LOW, MIDDLE, HIGH, OPERAND] = [8, 9, 10, 11, 12, 13, 14, 15] as const;

/** HASH = the sum of eight blocks, each times the power of H that belongs to its place; the first has HASH added. */
export function hashSteps(code: Assembler, blocks: readonly Vector[]): (() => void)[] {
  return [
    () => code.xor(Y, blocks[0]!, blocks[0]!, HASH),
    ...blocks.map((block, i) => () => addProduct(code, block, i)),
    () => {
      code.xor(Y, MIDDLE, MIDDLE, LOW);
      code.xor(Y, MIDDLE, MIDDLE, HIGH);
      reduce(code, Y);
    },
    () => {
      code.upperHalf(SPARE, HIGH);
      code.xor(X, HASH, HIGH, SPARE);
    },
  ];
}

/**
 * Adds products of two blocks with their powers of H to `HIGH`, `LOW` and, where the two are still to be added, `MIDDLE`.
 * Three products rather than four (Karatsuba): they are what a turn takes longest for.
 */
function addProduct(code: Assembler, blocks: Vector, i: number): void {
  code.vectorLoad(Y, OPERAND, at(r8, KeyBlock.powers + 32 * i));
  const add = (sum: Vector, one: Vector, other: Vector | At, halves: number): void => {
    if (i === 0) {
      code.multiply(Y, sum, one, other, halves);
      return;
    }
    code.multiply(Y, SPARE, one, other, halves);
    code.xor(Y, sum, sum, SPARE);
  };
  add(LOW, blocks, OPERAND, 0x00);
  add(HIGH, blocks, OPERAND, 0x11);
  code.shuffleDwords(Y, SPARE, blocks, 0x4e);
  code.xor(Y, SPARE, SPARE, blocks);
  add(MIDDLE, SPARE, at(r8, KeyBlock.sums + 32 * i), 0x00);
}

/** The product of `HASH` and `OPERAND`, 256 bits. */
export function product(code: Assembler): void {
  code.multiply(X, LOW, HASH, OPERAND, 0x00);
  code.multiply(X, MIDDLE, HASH, OPERAND, 0x01);
  code.multiply(X, SPARE, HASH, OPERAND, 0x10);
  code.xor(X, MIDDLE, MIDDLE, SPARE);
  code.multiply(X, HIGH, HASH, OPERAND, 0x11);
}

/** Folds the lower half of the product into the upper one, 64 bits at a time: `HIGH` is what it leaves. */
export function reduce(code: Assembler, width: Width): void {
  code.vectorLoad(width, OPERAND, at(rdx, Room.polynomial));
  for (const [from, into] of [
    [LOW, MIDDLE],
    [MIDDLE, HIGH],
  ] as const) {
    code.multiply(width, SPARE, OPERAND, from, 0x01);
    code.shuffleDwords(width, from, from, 0x4e);
    code.xor(width, into, into, from);
    code.xor(width, into, into, SPARE);
  }
}
