/** The name servers that users are given: the configured, the host's, or the gateway itself, which then passes on. */

import type { GatewaySettings } from '../config/schema.ts';
import { type DnsForwarder, startDnsForwarder } from '../driver/dnsForwarder.ts';
import { hostNameServers } from '../driver/nameServers.ts';
import type { Log } from './logger.ts';

export interface UserNameServers {
  readonly addresses: readonly string[];
  /** Runs where the host's name servers can be reached from the host alone. */
  readonly forwarder?: DnsForwarder;
}

export async function userNameServers(network: GatewaySettings['network'], log: Log): Promise<UserNameServers> {
  if (network.dns !== undefined) return { addresses: network.dns };
  const { forClients, upstream } = hostNameServers();
  if (forClients.length > 0) return { addresses: forClients };
  if (upstream.length === 0) {
    log.warn('no-dns', 'This host has no name server, so users get none. Set network.dns.');
    return { addresses: [] };
  }
  const { gateway_address: address } = network;
  try {
    const forwarder = await startDnsForwarder(address, upstream);
    log.info(
      'dns-forwarder',
      `Users’ name questions to ${address} are passed on to ${upstream.join(', ')}, which only this host reaches.`,
    );
    return { addresses: [address], forwarder };
  } catch (error) {
    log.warn(
      'no-dns',
      `Users get no name server: port 53 of ${address} cannot be used (${(error as NodeJS.ErrnoException).code}). Set network.dns.`,
    );
    return { addresses: [] };
  }
}
