/** What the gateway makes of its host's network: its inner address, the way to the users, forwarding, and NAT. */

import { networkInterfaces } from 'node:os';
import type { GatewaySettings } from '../config/schema.ts';
import type { HostChange } from '../driver/host/change.ts';
import { deleteStaleTables } from '../driver/host/hostChanges.ts';
import { readSysctl } from '../driver/host/sysctl.ts';
import { StartError } from '../driver/openPorts.ts';
import { PrefixPool, parseAddress, parsePrefix, prefixContains } from '../net/index.ts';
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

/** What is wrong with a user's static address; undefined where the gateway can serve it. */
export function staticAddressFault(
  address: string,
  { pool, gateway_address: own }: Pick<GatewaySettings['network'], 'pool' | 'gateway_address'>,
): string | undefined {
  if (address === own) return 'is network.gateway_address, so that the user is refused';
  const bytes = parseAddress(address);
  const inside = rangePrefixes(pool).some((text) => {
    const prefix = parsePrefix(text);
    return prefix !== undefined && bytes !== undefined && prefixContains(prefix, bytes);
  });
  return inside ? undefined : 'lies outside of network.pool, so that nothing leads to it but a route of your own';
}

/** What is changed on the host for users to be reached. */
export function changesFor(network: GatewaySettings['network'], tun: string): HostChange[] {
  const { pool, gateway_address: address, nat, ipv6_pool: ipv6Pool } = network;
  const prefix = pool.includes('/') ? parsePrefix(pool) : undefined;
  const bytes = parseAddress(address);
  // Where our own address lies in the pool's prefix, its network leads to all users.
  const covers = prefix !== undefined && bytes !== undefined && prefixContains(prefix, bytes);
  const pools = rangePrefixes(pool);
  return [
    { kind: 'address', device: tun, address, prefixLength: covers ? prefix.length : 32 },
    ...(covers ? [] : pools.map((destination): HostChange => ({ kind: 'route', destination, device: tun }))),
    { kind: 'sysctl', name: 'net.ipv4.ip_forward', value: '1' },
    ...(ipv6Pool === undefined ? [] : ipv6Changes(ipv6Pool, tun)),
    ...(nat ? [{ kind: 'nat', table: `sallyport_${tun}`, pools, device: tun } as const] : []),
  ];
}

/** The users' prefixes are routed, not translated: the pool must lead to this host from outside. */
function ipv6Changes(pool: string, tun: string): HostChange[] {
  const address = new PrefixPool(pool).gatewayAddress;
  return [
    { kind: 'address', device: tun, address, prefixLength: 128 },
    { kind: 'route', destination: pool, device: tun },
    // A host that forwards heeds router advertisements no more, unless it is told to: it would lose its own way out.
    ...advertisedDevices().map(
      (device): HostChange => ({ kind: 'sysctl', name: `net/ipv6/conf/${device}/accept_ra`, value: '2' }),
    ),
    { kind: 'sysctl', name: 'net.ipv6.conf.all.forwarding', value: '1' },
  ];
}

/** Devices that heed router advertisements as long as the host does not forward. */
function advertisedDevices(): string[] {
  return Object.keys(networkInterfaces()).filter((device) => {
    try {
      return readSysctl(`net/ipv6/conf/${device}/accept_ra`) === '1';
    } catch {
      return false;
    }
  });
}
