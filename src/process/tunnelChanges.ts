/** What a connection that is up changes on its host: the device's address, the wanted routes, the name servers. */

import type { ClientSettings } from '../config/clientSchema.ts';
import type { HostChange } from '../driver/host/change.ts';
import { resolverChange } from '../driver/host/resolver.ts';
import type { RouteTo } from '../driver/netlink/rtnetlink.ts';
import { StartError } from '../driver/openPorts.ts';
import { parseAddress, parsePrefix, prefixContains } from '../net/index.ts';
import type { SessionNetwork } from '../session/output.ts';
import type { SessionView } from '../session/record.ts';
import { KILL_SWITCH_METRIC } from './killSwitch.ts';

type TunnelNetwork = Pick<SessionNetwork, 'localAddress' | 'peerAddress' | 'dns' | 'localAddress6' | 'subnets'>;

export interface Tunnel {
  readonly settings: ClientSettings;
  readonly device: string;
  readonly network: TunnelNetwork;
  /** The server's own address, and the way there outside of the tunnel. */
  readonly server: string;
  readonly way: RouteTo;
  /** The kill switch's table of routes, where there is one. */
  readonly table: number | undefined;
}

/** Both halves of the address space win over any default route and leave that one in its place. */
const EVERYTHING = ['0.0.0.0/1', '128.0.0.0/1'];
const EVERYTHING_IPV6 = ['::/1', '8000::/1'];
const WHOLE: Readonly<Record<string, readonly string[]>> = { '0.0.0.0/0': EVERYTHING, '::/0': EVERYTHING_IPV6 };

/** What the tunnel is wanted for, in prefixes. */
export function wantedRoutes(
  { default_route, routes, server_routes }: ClientSettings,
  { subnets = [] }: Pick<SessionNetwork, 'subnets'> = {},
): readonly string[] {
  const told = server_routes ? subnets.flatMap((subnet) => WHOLE[subnet] ?? [subnet]) : [];
  return [...new Set([...routes, ...told, ...(default_route ? EVERYTHING : [])])];
}

/** Without the name servers. In the order in which they are to be made. */
export function tunnelChanges(tunnel: Tunnel): HostChange[] {
  const { device, network, settings, table } = tunnel;
  const { localAddress, peerAddress } = network;
  // Where there is no IPv4, IPv6 stands in its place.
  if (isIpv6(localAddress)) return ipv6Changes({ ...tunnel, network: { ...network, localAddress6: localAddress } });
  const through = (destination: string): HostChange => ({ kind: 'route', destination, device, source: localAddress });
  const address: HostChange = { kind: 'address', device, address: localAddress, prefixLength: 32, peer: peerAddress };
  if (table !== undefined) {
    // The rules of the kill switch bring what is wanted to its table; there this route is better than its last one.
    return [
      address,
      { ...through('0.0.0.0/0'), table, metric: KILL_SWITCH_METRIC - 1 } as HostChange,
      ...ipv6Changes(tunnel),
    ];
  }
  const routes = wantedRoutes(settings, network).filter((route) => !isIpv6(route));
  return [
    address,
    ...pinned(tunnel, routes),
    ...[...routes, ...nameServerRoutes(tunnel, routes)].map(through),
    ...ipv6Changes(tunnel),
  ];
}

/** What an IPv6 address of the tunnel changes; nothing where there is none. */
export function ipv6Changes(tunnel: Tunnel): HostChange[] {
  const { device, settings, table } = tunnel;
  const { localAddress6: source } = tunnel.network;
  if (source === undefined) return [];
  const through = (destination: string) => ({ kind: 'route', destination, device, source }) as const;
  const address: HostChange = { kind: 'address', device, address: source, prefixLength: 128 };
  if (table !== undefined) return [address, { ...through('::/0'), table, metric: KILL_SWITCH_METRIC - 1 }];
  const all = [...wantedRoutes(settings, tunnel.network), ...(settings.default_route ? EVERYTHING_IPV6 : [])];
  const routes = [...new Set(all.filter(isIpv6))];
  return [address, ...pinned(tunnel, routes), ...routes.map(through)];
}

/** The tunnel's name servers, where they are wanted and there are any. */
export function tunnelResolver(
  settings: ClientSettings,
  device: string,
  { dns, domains }: SessionNetwork,
): ReturnType<typeof resolverChange> | undefined {
  return settings.dns && dns.length > 0 ? resolverChange(device, dns, undefined, domains) : undefined;
}

/** @throws StartError where the server's name servers are wanted, and those of the host are not ours to change */
export function checkResolver({ dns }: ClientSettings): void {
  const change = dns ? resolverChange('', []) : undefined;
  if (change?.ok === false) throw new StartError(change.failure);
}

const NO_ROUTES = ', which no route leads to: name networks with --routes, or take --default-route';

/** What the log says of a tunnel that is up. */
export function connectedLine(routes: readonly string[], network: SessionNetwork, view: SessionView, device: string) {
  const { localAddress, localAddress6, peerAddress, dns } = network;
  const { id: session, ike, esp, encapsulation } = view;
  const to = routes.length > 0 ? ` to ${routes.join(', ')}` : NO_ROUTES;
  return {
    text: `Connected: ${localAddress} through ${device}${to}.`,
    ...{ session, device, localAddress, peerAddress },
    ...(localAddress6 === undefined ? {} : { localAddress6 }),
    ...{ dns, routes, ike, esp, encapsulation },
  };
}

const isIpv6 = (prefix: string): boolean => prefix.includes(':');

/** Name servers of the tunnel that no wanted route leads to would be asked in the clear. */
function nameServerRoutes({ settings, network, server }: Tunnel, routes: readonly string[]): string[] {
  if (!settings.dns) return [];
  return network.dns
    .filter((address) => address !== network.peerAddress && address !== network.localAddress && address !== server)
    .filter((address) => !isWithin(routes, address))
    .map((address) => `${address}/32`);
}

/** The way to the server itself, kept outside of the tunnel where a route would swallow it. */
function pinned({ server, way }: Tunnel, routes: readonly string[]): HostChange[] {
  if (!isWithin(routes, server) || way.local) return [];
  const { device, gateway } = way;
  const destination = `${server}/${parseAddress(server)!.length * 8}`;
  return [{ kind: 'route', destination, device, ...(gateway === undefined ? {} : { gateway }) }];
}

function isWithin(routes: readonly string[], address: string): boolean {
  const bytes = parseAddress(address);
  return bytes !== undefined && routes.some((route) => prefixContains(parsePrefix(route)!, bytes));
}
