/** The largest inner packet and segment of a session's path. */

import { planMtu, planTunnelMtu } from '../net/index.ts';
import type { PathPlan, PathShape } from './connectionParts.ts';

export function planPath(pathMtu: number, { remote, encapsulation, suite, sequencing, lcp }: PathShape): PathPlan {
  return planMtu({
    outerFamily: remote.address.includes(':') ? 6 : 4,
    pathMtu,
    ...(suite === undefined ? {} : { esp: { suite, udpEncapsulation: encapsulation === 'udp' } }),
    lengthBit: true,
    sequencing,
    addressControl: lcp.sendAddressControl,
    compressProtocol: lcp.compressProtocol,
    peerMru: lcp.peerMru,
  });
}

export function planTunnel(
  pathMtu: number,
  { remote, encapsulation, suite }: Pick<PathShape, 'remote' | 'encapsulation' | 'suite'>,
): PathPlan {
  return planTunnelMtu({
    outerFamily: remote.address.includes(':') ? 6 : 4,
    pathMtu,
    ...(suite === undefined ? {} : { esp: { suite, udpEncapsulation: encapsulation === 'udp' } }),
  });
}
