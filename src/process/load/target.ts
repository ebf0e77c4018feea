/** Which gateways a load generator may be pointed at: those of this host, or of a private network that it stands in. */

import type { RouteTo } from '../../driver/netlink/rtnetlink.ts';
import { StartError } from '../../driver/openPorts.ts';
import { parseAddress, parsePrefix, prefixContains } from '../../net/index.ts';
import { addressOf, routeTo } from '../serverRoute.ts';

export interface LoadTarget {
  readonly address: string;
  /** Our own address on the way there. */
  readonly source: string;
}

/** Addresses that belong to nobody in particular: private use, and the ranges for tests and documentation. */
const PRIVATE = [
  '10.0.0.0/8', // RFC 1918
  '172.16.0.0/12',
  '192.168.0.0/16',
  '100.64.0.0/10', // RFC 6598
  '169.254.0.0/16', // RFC 3927
  '192.0.2.0/24', // RFC 5737
  '198.51.100.0/24',
  '203.0.113.0/24',
  '198.18.0.0/15', // RFC 2544
  'fc00::/7', // RFC 4193
  'fe80::/10', // RFC 4291
  '2001:db8::/32', // RFC 3849
].map((text) => parsePrefix(text)!);

/**
 * Finds the way to a target.
 * @throws StartError where it is not allowed: see `refusalOf`
 */
export async function loadTarget(server: string): Promise<LoadTarget> {
  const address = await addressOf(server);
  const route = routeTo(address);
  const reason = refusalOf(address, route);
  if (reason !== undefined) {
    throw new StartError({
      code: 'target-refused',
      reason: `${address} ${reason}`,
      remedy: 'Load is for gateways on this host, or in a private range on a network that this host is directly in.',
    });
  }
  return { address, source: route.source };
}

/** @returns why no load may go there; undefined where it may: to an own address, or to a private one without a router between */
export function refusalOf(address: string, route: Pick<RouteTo, 'local' | 'gateway'>): string | undefined {
  if (route.local) return undefined;
  if (route.gateway !== undefined) return `is behind the router ${route.gateway}`;
  const bytes = parseAddress(address);
  if (bytes !== undefined && PRIVATE.some((prefix) => prefixContains(prefix, bytes))) return undefined;
  return 'is a public address';
}
