/**
 * The Internet checksum's sum (RFC 1071) in WebAssembly with 128-bit vectors, five times as fast as JavaScript, and the
 * same while it copies, for what must be read anyhow. It works on memory of its own, in which packets therefore stand.
 * The module is written out below, instruction by instruction. WebAssembly core specification 2.0 §5.
 */

import type { RangeSum } from '../dataplane/offload/index.ts';
import { get, I32, i32, LESS, section, set, tee, V128, vector, webAssembly } from './webAssembly.ts';

export interface SummedBuffer {
  readonly buffer: ArrayBuffer;
  /** Sums over `buffer` from `start` on: 0 is there. */
  readonly sumFrom: (start: number) => RangeSum;
}

const PAGE_BYTES = 65_536;

/** A buffer of at least so many bytes that never moves; undefined where WebAssembly, its vectors or memory is missing. */
export function newSummedBuffer(bytes: number): SummedBuffer | undefined {
  const WebAssembly = webAssembly();
  if (WebAssembly === undefined) return undefined;
  try {
    const pages = Math.ceil(bytes / PAGE_BYTES);
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(MODULE), { m: { m: memory } });
    const nativeSum = exports.s as (at: number, length: number) => number;
    const nativeCopy = exports.c as (at: number, length: number, to: number) => number;
    const sumFrom = (start: number): RangeSum => ({
      sum: (at, length) => swap(nativeSum(start + at, length)),
      copy: (at, length, to) => swap(nativeCopy(start + at, length, start + to)),
    });
    return { buffer: memory.buffer, sumFrom };
  } catch {
    return undefined;
  }
}

/** WebAssembly is little-endian; a sum of swapped words is the swapped sum (RFC 1071 §2 (B)). */
const swap = (word: number) => ((word & 255) << 8) | (word >> 8);

// Types, locals and instructions, by the names of the specification.
const I64 = 0x7e;
const block = (...body: readonly number[][]) => [0x02, 0x40, ...body.flat(), 0x0b];
const loop = (...body: readonly number[][]) => [0x03, 0x40, ...body.flat(), 0x0b];
const when = (...body: readonly number[][]) => [0x04, 0x40, ...body.flat(), 0x0b];
const BRANCH_BACK = [0x0c, 0];
const LEAVE_IF = [0x0d, 1];
const ADD = [0x6a];
const SUBTRACT = [0x6b];
/** Unsigned numbers of 1, 2 and 4 bytes as one of 64 bits. */
const Load = { 1: [0x31, 0, 0], 2: [0x33, 0, 0], 4: [0x35, 0, 0] } as const;
const Store = { 1: [0x3c, 0, 0], 2: [0x3d, 0, 0], 4: [0x3e, 0, 0] } as const;
const EXTEND = [0xad];
const ADD_64 = [0x7c];
const WRAP = [0xa7];
const loadVector = (offset: number) => [0xfd, 0x00, 0, offset];
const storeVector = (offset: number) => [0xfd, 0x0b, 0, offset];
/** Adds neighbouring words into four sums of 32 bits, which 64 KB do not overflow. */
const PAIRWISE_SUMS = [0xfd, 0x7f];
const ADD_VECTORS = [0xfd, 0xae, 0x01];
const EXTRACT_LANE = [0xfd, 0x1b];

/** Bytes in one turn of the loop: what it costs besides is then an eighth of what it is for two vectors. */
const UNROLLED = 128;

/** Parameters: where the bytes stand, how many they are, and for a copy where they go. */
const [AT, LENGTH, TO] = [0, 1, 2] as const;

/** Many vectors at a time, then two, then 4 bytes, then what is left; folded three times the sum has 16 bits. */
function body(copies: boolean): number[] {
  const first = copies ? 3 : 2;
  const [low, high, piece, sum, word] = [first, first + 1, first + 2, first + 3, first + 4] as const;
  const pointers = copies ? [AT, TO] : [AT];
  const advance = (bytes: number) => [
    ...pointers.flatMap((pointer) => [get(pointer), i32(bytes), ADD, set(pointer)].flat()),
    ...[get(LENGTH), i32(bytes), SUBTRACT, set(LENGTH)].flat(),
  ];
  const whileLeft = (bytes: number, ...steps: readonly number[][]) =>
    block(loop(get(LENGTH), i32(bytes), LESS, LEAVE_IF, ...steps, advance(bytes), BRANCH_BACK));
  const addVector = (sums: number, offset: number) => [
    ...(copies ? get(TO) : []),
    ...[get(AT), loadVector(offset), tee(piece)].flat(),
    ...(copies ? [...storeVector(offset), ...get(piece)] : []),
    ...[PAIRWISE_SUMS, get(sums), ADD_VECTORS, set(sums)].flat(),
  ];
  const vectorsOf = (bytes: number) =>
    Array.from({ length: bytes / 16 }, (_, i) => addVector(i % 2 === 0 ? low : high, 16 * i));
  const addWord = (bytes: 1 | 2 | 4) => [
    ...(copies ? get(TO) : []),
    ...[get(AT), [...Load[bytes]], tee(word)].flat(),
    ...(copies ? [...Store[bytes], ...get(word)] : []),
    ...[get(sum), ADD_64, set(sum)].flat(),
  ];
  const lane = (number: number) => [...get(low), ...EXTRACT_LANE, number, ...EXTEND];
  // sum = (sum & 0xffff) + (sum >> 16)
  const fold = [...get(sum), 0x42, 0xff, 0xff, 0x03, 0x83, ...get(sum), 0x42, 16, 0x88, ...ADD_64, ...set(sum)];
  return [
    ...[2, 3, V128, 2, I64],
    ...whileLeft(UNROLLED, ...vectorsOf(UNROLLED)),
    ...whileLeft(32, ...vectorsOf(32)),
    ...[get(low), get(high), ADD_VECTORS, set(low)].flat(),
    ...[lane(0), lane(1), ADD_64, lane(2), ADD_64, lane(3), ADD_64, set(sum)].flat(),
    ...whileLeft(4, addWord(4)),
    ...whileLeft(2, addWord(2)),
    ...get(LENGTH),
    ...when(addWord(1)),
    ...[fold, fold, fold, get(sum), WRAP, [0x0b]].flat(),
  ];
}

const NAME_M = [1, 0x6d];
const NAME_S = [1, 0x73];
const NAME_C = [1, 0x63];
const MODULE = Uint8Array.from([
  ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
  // The types (i32, i32) -> i32 and (i32, i32, i32) -> i32, the imported memory, the functions, their exports and code.
  ...section(1, [2, 0x60, 2, I32, I32, 1, I32, 0x60, 3, I32, I32, I32, 1, I32]),
  ...section(2, [1, ...NAME_M, ...NAME_M, 2, 0, 1]),
  ...section(3, [2, 0, 1]),
  ...section(7, [2, ...NAME_S, 0, 0, ...NAME_C, 0, 1]),
  ...section(10, [2, ...vector(body(false)), ...vector(body(true))]),
]);
