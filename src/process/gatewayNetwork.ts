/** What the gateway makes of its host's network: its inner address, the way to the users, forwarding, and NAT. */

import { networkInterfaces } from 'node:os';
import type { GatewaySettings } from '../config/schema.ts';
import type { HostChange } from '../driver/host/change.ts';
import { deleteStaleTables } from '../driver/host/hostChanges.ts';
import { StartError } from '../driver/openPorts.ts';
import { parsePrefix } from '../net/index.ts';
import { rangePrefixes } from '../net/rangePrefixes.ts';
import type { ChangedHost } from './changedHost.ts';
import type { Log } from './logger.ts';

/** @throws StartError for the first change that the host refuses */
export function joinHostNetwork(host: ChangedHost, network: GatewaySettings['network'], tun: string, log: Log): void {
  for (const table of deleteStaleTables())
    log.warn('recovered', `Deleted the nf_tables table ${table} that an earlier run had left.`);
  for (const change of changesFor(network, tun)) {
    const failure = host.apply(change);
    if (failure !== undefined) throw new StartError(failure);
  }
}

/** Addresses under which clients may reach the gateway, IPv4 first: those that it listens on, or all of the host's. */
export function servedAddresses(listen: readonly string[], tun: string | undefined): string[] {
  if (listen.length > 0) return [...listen];
  const all = Object.entries(networkInterfaces()).flatMap(([name, entries]) => (name === tun ? [] : (entries ?? [])));
  return all
    .filter(({ internal, address, scopeid }) => !internal && !scopeid && !address.startsWith('fe80'))
    .sort((a, b) => (a.family === b.family ? 0 : a.family === 'IPv4' ? -1 : 1))
    .map(({ address }) => address);
}

function changesFor({ pool, gateway_address: address, nat }: GatewaySettings['network'], tun: string): HostChange[] {
  const prefix = parsePrefix(pool);
  const covers = pool.includes('/') && prefix !== undefined;
  const pools = rangePrefixes(pool);
  return [
    { kind: 'address', device: tun, address, prefixLength: covers ? prefix.length : 32 },
    ...(covers ? [] : pools.map((destination): HostChange => ({ kind: 'route', destination, device: tun }))),
    { kind: 'sysctl', name: 'net.ipv4.ip_forward', value: '1' },
    ...(nat ? [{ kind: 'nat', table: `sallyport_${tun}`, pools, device: tun } as const] : []),
  ];
}
