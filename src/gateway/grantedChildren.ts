/** Which child SAs a gateway grants: L2TP in transport mode, and what remote access leads to in tunnel mode. RFC 7296 §2.9, §2.19. */

import type { TrafficSelector } from '../ike/output.ts';
import { acceptL2tpAndRemoteAccess, acceptRemoteAccess, type ChildPolicy } from '../ike/v2/index.ts';
import { trafficSelectorOf } from '../ike/v2/selectorText.ts';

/**
 * @param subnets the networks that clients are let into, as prefixes; empty: everything
 * @param hosts our own addresses inside and the name servers, which they reach in any case
 */
export function grantedChildren(subnets: readonly string[], hosts: readonly string[]): ChildPolicy {
  if (subnets.length === 0) return acceptL2tpAndRemoteAccess;
  const granted = [...new Set([...subnets, ...hosts])].map(selectorOf);
  return (request) => {
    if (request.mode === 'transport') return acceptL2tpAndRemoteAccess(request);
    const grant = acceptRemoteAccess(request);
    if ('code' in grant) return grant;
    const local = granted.filter(({ first }) => grant.remote.some((other) => isIpv6(other.first) === isIpv6(first)));
    return { ...grant, local };
  };
}

const selectorOf = (address: string): TrafficSelector => trafficSelectorOf({ address, protocol: 0, port: 0 });

const isIpv6 = (address: string): boolean => address.includes(':');
