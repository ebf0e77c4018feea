/** The name servers that this host uses, and which of them its VPN clients could reach. */

import { readFileSync } from 'node:fs';
import { canonicalAddress, parseIpv4 } from '../net/index.ts';

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
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return [];
  }
  const servers: string[] = [];
  for (const line of text.split('\n')) {
    const [word, value] = line.trim().split(/\s+/);
    if (word !== 'nameserver' || value === undefined) continue;
    // A link-local address is of no use without its zone.
    const [bare, zone] = value.split('%');
    const address = canonicalAddress(bare!);
    if (address !== undefined) servers.push(zone === undefined ? address : `${address}%${zone}`);
  }
  return servers;
}
