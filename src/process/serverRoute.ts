/** Where a server is, and which way this host sends to it. */

import { lookup } from 'node:dns/promises';
import { type RouteTo, Rtnetlink } from '../driver/netlink/rtnetlink.ts';
import { StartError } from '../driver/openPorts.ts';

/** @throws StartError where the name is not found */
export async function addressOf(server: string): Promise<string> {
  try {
    return (await lookup(server, { order: 'ipv4first' })).address;
  } catch (error) {
    throw new StartError({
      code: 'unknown-server',
      reason: `the name ${server} was not found (${(error as NodeJS.ErrnoException).code})`,
      remedy: 'Check the spelling and this host’s name servers.',
    });
  }
}

/** @throws StartError where there is none */
export function routeTo(address: string): RouteTo {
  const rtnetlink = new Rtnetlink();
  try {
    return rtnetlink.routeTo(address);
  } catch {
    throw new StartError({
      code: 'no-route',
      reason: `there is no route to ${address}`,
      remedy: 'Connect this host to a network first.',
    });
  } finally {
    rtnetlink.close();
  }
}
