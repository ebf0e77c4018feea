/** The largest inner packet and segment of a session's path. */

import { planMtu, planTunnelMtu } from '../net/index.ts';
import type { PathPlan, PathShape } from './connectionParts.ts';

export function planPath(pathMtu: number, shape: PathShape): PathPlan {
  const { sequencing, lcp } = shape;
  return planMtu({
    ...outerShape(pathMtu, shape),
    lengthBit: true,
    sequencing,
    addressControl: lcp.sendAddressControl,
    compressProtocol: lcp.compressProtocol,
    peerMru: lcp.peerMru,
  });
}

/** Outer headers and ESP of a path of `pathMtu` bytes. */
export function outerShape(
  pathMtu: number,
  { remote, encapsulation, suite }: Pick<PathShape, 'remote' | 'encapsulation' | 'suite'>,
) {
  return {
    outerFamily: remote.address.includes(':') ? (6 as const) : (4 as const),
    pathMtu,
    ...(suite === undefined ? {} : { esp: { suite, udpEncapsulation: encapsulation === 'udp' } }),
  };
}

export function planTunnel(pathMtu: number, shape: Pick<PathShape, 'remote' | 'encapsulation' | 'suite'>): PathPlan {
  return planTunnelMtu(outerShape(pathMtu, shape));
}
