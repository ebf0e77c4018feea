/**
 * The kill switch: rules that bring the wanted traffic to a table of routes of its own, whose last route refuses. The
 * tunnel's route stands before that one while there is a tunnel. Rules are asked before all other routes of the host, so
 * that neither a more specific route nor a network that claims to be the local one leads around the tunnel.
 */

import type { ClientSettings } from '../config/clientSchema.ts';
import type { HostChange } from '../driver/host/change.ts';
import { type InterfaceAddress, type Link, Rtnetlink } from '../driver/netlink/rtnetlink.ts';
import { PolicyRules, type Rule } from '../driver/netlink/rules.ts';
import { formatAddress, parseAddress, parsePrefix, prefixContains } from '../net/index.ts';
import { IKE_PORT, L2TP_PORT, NAT_T_PORT } from './clientConfig.ts';

/** Of the route that refuses; every other one in the table is better. */
export const KILL_SWITCH_METRIC = 0xffff_fff0;

const FIRST_TABLE = 7701;
/** In the order in which the rules are asked. */
const Priority = { server: 7700, names: 7702, local: 7704, wanted: 7708 } as const;
const Protocol = { tcp: 6, udp: 17, esp: 50 } as const;
/** DNS, and DNS over TLS. */
const NAME_SERVICES = [
  { protocol: Protocol.udp, destinationPort: 53 },
  { protocol: Protocol.tcp, destinationPort: 53 },
  { protocol: Protocol.tcp, destinationPort: 853 },
];
/** Networks that nobody on the Internet has: RFC 1918, RFC 3927, RFC 6598, RFC 4193. What is local may stay local there. */
const PRIVATE = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '169.254.0.0/16', '100.64.0.0/10', 'fc00::/7'];
const LINK_LOCAL = 'fe80::/10';

/** The rules and routes that stand as long as the process runs. */
export function killSwitchChanges(settings: ClientSettings, table: number): HostChange[] {
  const { routes, default_route, allow_ipv6, dns } = settings;
  const rules: Rule[] = [];
  const families: Rule['family'][] = ['ipv4', 'ipv6'];
  if (dns) {
    for (const family of families) {
      for (const service of NAME_SERVICES) rules.push({ family, priority: Priority.names, table, ...service });
    }
  }
  for (const destination of routes) {
    rules.push({ family: familyOf(destination), priority: Priority.wanted, table, destination });
  }
  if (default_route) {
    rules.push({ family: 'ipv4', priority: Priority.wanted, table });
    if (!allow_ipv6) {
      rules.push({ family: 'ipv6', priority: Priority.local, destination: LINK_LOCAL });
      rules.push({ family: 'ipv6', priority: Priority.wanted, table });
    }
  }
  // The routes first: a rule that leads to an empty table lets everything pass on to the next rule.
  return [
    ...['0.0.0.0/0', '::/0'].map(
      (destination): HostChange => ({
        kind: 'route',
        destination,
        table,
        refusal: 'unreachable',
        metric: KILL_SWITCH_METRIC,
      }),
    ),
    ...rules.map(asChange),
  ];
}

/** The way for our own packets to the server, in both directions, and for nobody else's. */
export function serverChanges({ ipsec }: ClientSettings, server: string): HostChange[] {
  const family = familyOf(server);
  const destination = `${server}/${family === 'ipv4' ? 32 : 128}`;
  const ports = ipsec ? [IKE_PORT, NAT_T_PORT] : [L2TP_PORT];
  const base = { family, priority: Priority.server, destination } as const;
  return [
    ...(ipsec ? [{ ...base, protocol: Protocol.esp }] : []),
    ...ports.map((port) => ({ ...base, protocol: Protocol.udp, destinationPort: port })),
    // Where the kernel checks the source address of an arriving packet, it looks for the way back with ports as they are.
    ...ports.map((port) => ({ ...base, protocol: Protocol.udp, sourcePort: port })),
  ].map(asChange);
}

/** With the default route, the private networks that the host is in stay reachable; public ones that it claims do not. */
export function localChanges(
  { default_route, allow_ipv6 }: ClientSettings,
  links: readonly Link[],
  addresses: readonly InterfaceAddress[],
): HostChange[] {
  if (!default_route) return [];
  const usable = new Set(links.filter(({ loopback, kind }) => !loopback && kind !== 'tun').map(({ name }) => name));
  const networks = addresses
    .filter(({ device, peer }) => usable.has(device) && peer === undefined)
    .map(({ address, prefixLength }) => networkOf(address, prefixLength))
    .filter((network) => familyOf(network) === 'ipv4' || !allow_ipv6)
    .filter(isPrivate);
  return [...new Set(networks)].map((destination) =>
    asChange({ family: familyOf(destination), priority: Priority.local, destination }),
  );
}

/** The networks of this host as they are now. */
export function currentNetworks(): { readonly links: Link[]; readonly addresses: InterfaceAddress[] } {
  const rtnetlink = new Rtnetlink();
  try {
    return { links: rtnetlink.links(), addresses: rtnetlink.addresses() };
  } finally {
    rtnetlink.close();
  }
}

/** A table that no rule leads to yet. */
export function freeTable(): number {
  const rules = new PolicyRules();
  try {
    const taken = new Set([...rules.list('ipv4'), ...rules.list('ipv6')].map(({ table }) => table));
    let table = FIRST_TABLE;
    while (taken.has(table)) table++;
    return table;
  } finally {
    rules.close();
  }
}

const asChange = (rule: Rule): HostChange => ({ kind: 'rule', ...rule });

const familyOf = (text: string): Rule['family'] => (text.includes(':') ? 'ipv6' : 'ipv4');

function isPrivate(network: string): boolean {
  const { address, length } = parsePrefix(network)!;
  return PRIVATE.map((text) => parsePrefix(text)!).some(
    (prefix) => length >= prefix.length && prefixContains(prefix, address),
  );
}

function networkOf(address: string, length: number): string {
  const bytes = parseAddress(address)!;
  const network = bytes.map((byte, i) => byte & (0xff00 >> Math.min(8, Math.max(0, length - 8 * i))));
  return `${formatAddress(network)}/${length}`;
}
