/** The name servers that this host uses, and which of them its VPN clients could reach. */

import { canonicalAddress, parseIpv4 } from '../net/index.ts';
import { readResolvers } from './host/resolver.ts';

export interface HostNameServers {
  /** IPv4 addresses that can be handed to clients (IPCP carries no others). */
  readonly forClients: readonly string[];
  /** All of them: where a forwarder sends its questions. */
  readonly upstream: readonly string[];
}

/** systemd-resolved writes the real servers here and a loopback stub into /etc/resolv.conf. */
const RESOLVED = '/run/systemd/resolve/resolv.conf';

export function hostNameServers(files: readonly string[] = ['/etc/resolv.conf', RESOLVED]): HostNameServers {
  let upstream: string[] = [];
  for (const file of files) {
    const found = nameServersOf(file);
    if (upstream.length === 0) upstream = found;
    const forClients = found.filter(reachableByClients);
    if (forClients.length > 0) return { forClients: forClients.slice(0, 2), upstream: found };
  }
  return { forClients: [], upstream };
}

function reachableByClients(address: string): boolean {
  return parseIpv4(address) !== undefined && !address.startsWith('127.') && address !== '0.0.0.0';
}

function nameServersOf(file: string): string[] {
  return readResolvers(file).flatMap((text) => {
    // A link-local address is of no use without its zone.
    const [bare, zone] = text.split('%');
    const address = canonicalAddress(bare!);
    if (address === undefined) return [];
    return [zone === undefined ? address : `${address}%${zone}`];
  });
}
