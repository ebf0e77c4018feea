/** All memory in which packets stand: one buffer, over which checksums are summed as fast as this machine can. */

import type { RangeSum } from '../dataplane/offload/index.ts';
import { WordSum } from '../net/index.ts';
import { newSummedBuffer } from './fastSum.ts';
import { Memory } from './ffi.ts';

const ALIGNMENT = 4096;

export interface PacketArea {
  readonly memory: Memory;
  /** Over `memory.bytes`. */
  readonly sum: RangeSum;
}

/** @param lengths of the areas, in bytes */
export function newPacketAreas<const Lengths extends readonly number[]>(
  lengths: Lengths,
): { readonly [Area in keyof Lengths]: PacketArea } {
  const starts: number[] = [];
  let end = 0;
  for (const length of lengths) {
    starts.push(end);
    end = Math.ceil((end + length) / ALIGNMENT) * ALIGNMENT;
  }
  const summed = newSummedBuffer(end);
  const areas = lengths.map((length, i): PacketArea => {
    const start = starts[i]!;
    const memory = new Memory(length, summed?.buffer, summed === undefined ? 0 : start);
    if (summed === undefined) return { memory, sum: new WordSum(memory.bytes) };
    return { memory, sum: summed.sumFrom(start) };
  });
  return areas as { readonly [Area in keyof Lengths]: PacketArea };
}
