/** The keys of a pair of ESP SAs, for Wireshark, where the owner asked for them. */

import { espSaLine } from '../esp/wireshark.ts';
import type { ChildEstablished, IkeOutput } from './output.ts';

export function logChildKeys({ emit }: { emit(output: IkeOutput): void }, child: ChildEstablished): void {
  const { suite, local, remote } = child;
  const directions = [
    { source: remote.address, destination: local.address, spi: child.inboundSpi, suite, keys: child.inboundKeys },
    { source: local.address, destination: remote.address, spi: child.outboundSpi, suite, keys: child.outboundKeys },
  ];
  for (const direction of directions) emit({ type: 'keyLog', table: 'esp_sa', line: espSaLine(direction) });
}
