/** All that a gateway or a client may change on its host, as lines to compare. */

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Nftables } from '../../../src/driver/netlink/nftables.ts';
import { type Namespace, withRtnetlink } from '../../driver/namespace.ts';

export interface HostState {
  readonly devices: readonly string[];
  readonly addresses: readonly string[];
  readonly routes: readonly string[];
  readonly tables: readonly string[];
  readonly forwarding: string;
  /** Local addresses and ports of UDP and raw sockets, as /proc/net writes them. */
  readonly sockets: readonly string[];
}

export function hostState(namespace: Namespace): HostState {
  return namespace.run(() =>
    withRtnetlink((rtnetlink) => ({
      devices: rtnetlink.links().map(({ name, up }) => `${name}${up ? '' : ' (down)'}`),
      addresses: rtnetlink
        .addresses()
        .map(({ device, address, prefixLength }) => `${device} ${address}/${prefixLength}`)
        .filter(lasting),
      routes: execFileSync('ip', ['-o', 'route', 'show', 'table', 'all'], { encoding: 'utf8' })
        .split('\n')
        .map((line) => line.trim())
        .filter((line) => line !== '' && lasting(line))
        .sort(),
      tables: tables(),
      forwarding: readFileSync('/proc/sys/net/ipv4/ip_forward', 'utf8').trim(),
      sockets: ['udp', 'udp6', 'raw', 'raw6'].flatMap(sockets).sort(),
    })),
  );
}

/** The kernel gives a device its link-local address, and the routes of it, some time after it is up. */
const lasting = (line: string): boolean => !/fe80:|ff00:/.test(line);

function tables(): string[] {
  const nftables = new Nftables();
  try {
    return nftables.tables().map(({ family, name }) => `${family} ${name}`);
  } finally {
    nftables.close();
  }
}

function sockets(kind: string): string[] {
  const [, ...lines] = readFileSync(`/proc/thread-self/net/${kind}`, 'utf8').trim().split('\n');
  return lines.map((line) => `${kind} ${line.trim().split(/\s+/)[1]}`);
}
