/**
 * Reads entries of a table by secret numbers: each read goes over all entries of its row, whichever is wanted, so that
 * neither time nor caches tell which it was. In WebAssembly with 128-bit vectors, whose memory native code can reach.
 */

import { type Address, addressOf } from '../ffi.ts';
import { get, I32, i32, LESS, leb128, section, set, tee, V128, vector, webAssembly } from '../webAssembly.ts';

/** Entries of a row: each is asked for by a number below that. */
export const ROW = 16;

const PAGE_BYTES = 65_536;
const VECTOR_BYTES = 16;

type Run = (digits: number, table: number, read: number, end: number) => void;

export class Gather {
  /** Rows of `ROW` entries, each behind the other. */
  readonly table: Uint8Array;
  /** Which entry of each row. */
  readonly digits: Uint8Array;
  /** What `run` read, behind each other. */
  readonly read: Uint8Array;
  readonly readAddress: Address;
  readonly #run: Run;

  /**
   * @param entryBytes a multiple of 16
   * @throws Error where WebAssembly, its vectors or memory is missing
   */
  constructor(rows: number, entryBytes: number) {
    const WebAssembly = webAssembly();
    if (WebAssembly === undefined) throw new Error('there is no WebAssembly');
    const tableBytes = rows * ROW * entryBytes;
    const readBytes = rows * entryBytes;
    const pages = Math.ceil((tableBytes + readBytes + rows) / PAGE_BYTES);
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(moduleFor(entryBytes)), { m: { m: memory } });
    this.#run = exports.g as Run;
    this.table = new Uint8Array(memory.buffer, 0, tableBytes);
    this.read = new Uint8Array(memory.buffer, tableBytes, readBytes);
    this.digits = new Uint8Array(memory.buffer, tableBytes + readBytes, rows);
    this.readAddress = addressOf(memory.buffer) + tableBytes;
  }

  run(): void {
    const { digits, table, read } = this;
    read.fill(0);
    this.#run(digits.byteOffset, table.byteOffset, read.byteOffset, digits.byteOffset + digits.length);
  }

  /** Overwrites what was read, and the numbers that it was read by. */
  wipe(): void {
    this.read.fill(0);
    this.digits.fill(0);
  }
}

// Instructions, by the names of the specification.
const LOOP = [0x03, 0x40];
const END = [0x0b];
const AGAIN_IF = [0x0d, 0];
const LOAD_BYTE = [0x2d, 0, 0];
const EQUAL = [0x46];
const ADD = [0x6a];
const SUBTRACT = [0x6b];
const SPLAT = [0xfd, 0x11];
const AND = [0xfd, 0x4e];
const OR = [0xfd, 0x50];
const load = (offset: number) => [0xfd, 0x00, 0, ...leb128(offset)];
const store = (offset: number) => [0xfd, 0x0b, 0, ...leb128(offset)];

/** Parameters, where each stands, and locals. */
const [DIGITS, TABLE, READ, ENDS, ENTRY, DIGIT, MASK] = [0, 1, 2, 3, 4, 5, 6] as const;

/** For each digit and each entry of its row: read |= entry & (entry is the wanted one ? all ones : 0). */
function body(entryBytes: number): number[] {
  const parts = Array.from({ length: entryBytes / VECTOR_BYTES }, (_, i) => i * VECTOR_BYTES);
  return [
    ...[2, 2, I32, 1, V128],
    ...LOOP,
    ...[get(DIGITS), LOAD_BYTE, set(DIGIT), i32(0), set(ENTRY)].flat(),
    ...LOOP,
    ...[i32(0), get(DIGIT), get(ENTRY), EQUAL, SUBTRACT, SPLAT, set(MASK)].flat(),
    ...parts.flatMap((at) =>
      [get(READ), get(READ), load(at), get(TABLE), load(at), get(MASK), AND, OR, store(at)].flat(),
    ),
    ...[get(TABLE), i32(entryBytes), ADD, set(TABLE)].flat(),
    ...[get(ENTRY), i32(1), ADD, tee(ENTRY), i32(ROW), LESS, AGAIN_IF, END].flat(),
    ...[get(READ), i32(entryBytes), ADD, set(READ)].flat(),
    ...[get(DIGITS), i32(1), ADD, tee(DIGITS), get(ENDS), LESS, AGAIN_IF, END].flat(),
    ...END,
  ];
}

const NAME_M = [1, 0x6d];
const NAME_G = [1, 0x67];

/** The type (i32, i32, i32, i32) -> (), the imported memory, the function, its export and code. */
const moduleFor = (entryBytes: number): Uint8Array =>
  Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 4, I32, I32, I32, I32, 0]),
    ...section(2, [1, ...NAME_M, ...NAME_M, 2, 0, 1]),
    ...section(3, [1, 0]),
    ...section(7, [1, ...NAME_G, 0, 0]),
    ...section(10, [1, ...vector(body(entryBytes))]),
  ]);
