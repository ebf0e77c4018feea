/** The host's resolver file: what it holds, who owns it, and our text for it. resolv.conf(5). */

import { lstatSync, readFileSync, readlinkSync } from 'node:fs';

export const RESOLVER_FILE = '/etc/resolv.conf';
const SYSTEMD_UPSTREAM_FILE = '/run/systemd/resolve/resolv.conf';

/** Who writes the file: a person or DHCP client (`plain`), systemd-resolved, another program through a link, no one. */
export type ResolverOwner = 'plain' | 'systemd-resolved' | 'other' | 'none';

export function resolverOwner(path = RESOLVER_FILE): ResolverOwner {
  try {
    if (lstatSync(path).isSymbolicLink()) return readlinkSync(path).includes('systemd') ? 'systemd-resolved' : 'other';
    return readFileSync(path, 'utf8').includes('127.0.0.53') ? 'systemd-resolved' : 'plain';
  } catch {
    return 'none';
  }
}

/** The name servers of the file, in order. */
export function readResolvers(path = RESOLVER_FILE): string[] {
  try {
    return readFileSync(path, 'utf8')
      .split('\n')
      .flatMap((line) => /^\s*nameserver\s+(\S+)/.exec(line)?.[1] ?? []);
  } catch {
    return [];
  }
}

/**
 * The resolvers that others than this host can ask too: those of the file, or where they are on the loopback (a local
 * cache) those that systemd-resolved asks. Empty where only a forwarder on this host can help.
 */
export function upstreamResolvers(path = RESOLVER_FILE, upstreamPath = SYSTEMD_UPSTREAM_FILE): string[] {
  const shareable = (file: string): string[] => readResolvers(file).filter((server) => !isLocal(server));
  const own = shareable(path);
  return own.length > 0 ? own : shareable(upstreamPath);
}

/** Loopback addresses, and link-local ones, which mean nothing without their link. */
function isLocal(server: string): boolean {
  return /^127\.|^::1$|^fe80:|%|^0\.0\.0\.0$|^::$/i.test(server);
}

/** A file that begins with these resolvers; the options of the former one stay. */
export function resolverText(before: string, servers: readonly string[], search: string | undefined): string {
  const kept = before
    .split('\n')
    .filter(
      (line) => /^\s*(options|sortlist)\s/.test(line) || (search === undefined && /^\s*(search|domain)\s/.test(line)),
    );
  return [
    '# Written for the time of a VPN connection; the former content comes back with its end.',
    ...(search === undefined ? [] : [`search ${search}`]),
    ...servers.map((server) => `nameserver ${server}`),
    ...kept,
    '',
  ].join('\n');
}
