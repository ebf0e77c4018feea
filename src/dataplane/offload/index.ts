/** Large packets cut into small ones and small ones joined, as network cards do it: less system calls for the same. */

export { MOST_JOINED } from './group.ts';
export { type JoinedPacket, Joiner, MOST_FLOWS } from './joiner.ts';
export { completeChecksum, Segmenter } from './segmenter.ts';
export type { RangeSum } from './transport.ts';
export {
  newVnetHeader,
  readVnetHeader,
  VNET_HEADER_BYTES,
  VnetFlag,
  VnetGso,
  type VnetHeader,
  writeVnetHeader,
} from './vnetHeader.ts';
