/**
 * The networks of the tests:
 *
 *   client 192.168.1.10 ── NAT router 203.0.113.77 ── server 203.0.113.1, 192.0.2.1, 198.51.100.1 ── host 198.51.100.10
 *   twin 192.168.1.10 ── home router ──┘                    └── direct client 192.0.2.2
 *
 * The twin's packets are translated twice, so both clients are the same address to the server. The host behind the
 * server has a way to the server alone and knows nothing of the addresses inside the tunnels.
 */

import { writeFileSync } from 'node:fs';
import { Nftables } from '../../../src/driver/netlink/nftables.ts';
import { join, type Namespace, withRtnetlink } from '../../driver/namespace.ts';
import type { World } from './world.ts';

export const SERVER = '203.0.113.1';
export const NAT = '203.0.113.77';
export const PRIVATE_CLIENT = '192.168.1.10';
export const SERVER_FOR_DIRECT = '192.0.2.1';
export const DIRECT_CLIENT = '192.0.2.2';
export const SERVER_INSIDE = '198.51.100.1';
export const HOST_BEHIND = '198.51.100.10';

export interface NatNetwork {
  readonly client: Namespace;
  readonly router: Namespace;
  readonly server: Namespace;
}

/** client ── NAT router ── server */
export function natNetwork(world: World): NatNetwork {
  const [client, router, server] = [world.namespace(), world.namespace(), world.namespace()];
  join(
    { namespace: client, device: 'eth0', address: `${PRIVATE_CLIENT}/24` },
    { namespace: router, device: 'lan', address: '192.168.1.1/24' },
  );
  join(
    { namespace: router, device: 'wan', address: `${NAT}/24` },
    { namespace: server, device: 'eth0', address: `${SERVER}/24` },
  );
  defaultRoute(client, '192.168.1.1');
  masquerade(router, 'lan', '192.168.1.0/24');
  return { client, router, server };
}

/** A second client with the private address of the first, in a private network behind the first one's router. */
export function addTwin(world: World, { router }: NatNetwork): Namespace {
  const [twin, home] = [world.namespace(), world.namespace()];
  join(
    { namespace: twin, device: 'eth0', address: `${PRIVATE_CLIENT}/24` },
    { namespace: home, device: 'lan', address: '192.168.1.1/24' },
  );
  join(
    { namespace: home, device: 'wan', address: '172.16.0.2/24' },
    { namespace: router, device: 'lan2', address: '172.16.0.1/24' },
  );
  defaultRoute(twin, '192.168.1.1');
  defaultRoute(home, '172.16.0.1');
  masquerade(home, 'lan', '192.168.1.0/24');
  masquerade(router, 'lan2', '172.16.0.0/24');
  return twin;
}

/** A client with a link of its own to the server, without a NAT between. */
export function addDirectClient(world: World, { server }: Pick<NatNetwork, 'server'>): Namespace {
  const direct = world.namespace();
  join(
    { namespace: direct, device: 'eth0', address: `${DIRECT_CLIENT}/24` },
    { namespace: server, device: 'direct', address: `${SERVER_FOR_DIRECT}/24` },
  );
  return direct;
}

export function addHostBehind(world: World, { server }: NatNetwork): Namespace {
  const behind = world.namespace();
  join(
    { namespace: behind, device: 'eth0', address: `${HOST_BEHIND}/24` },
    { namespace: server, device: 'inside', address: `${SERVER_INSIDE}/24` },
  );
  return behind;
}

export function defaultRoute(namespace: Namespace, gateway: string): void {
  namespace.run(() => withRtnetlink((rtnetlink) => rtnetlink.addRoute({ destination: '0.0.0.0/0', gateway })));
}

/** Translates what comes from `pool`, whose network is at `device`, on its way out. */
export function masquerade(router: Namespace, device: string, pool: string): void {
  router.run(() => {
    writeFileSync('/proc/sys/net/ipv4/ip_forward', '1');
    const nftables = new Nftables();
    try {
      nftables.addMasquerade({ table: `router_${device}`, pools: [pool], device });
    } finally {
      nftables.close();
    }
  });
}
