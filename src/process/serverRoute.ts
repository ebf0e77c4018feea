/** Where a server is, and which way this host sends to it. */

import { lookup } from 'node:dns/promises';
import { type Flow, type RouteTo, Rtnetlink } from '../driver/netlink/rtnetlink.ts';
import { StartError } from '../driver/openPorts.ts';

/** @throws StartError where the name is not found */
export async function addressOf(server: string): Promise<string> {
  return (await addressesOf(server))[0]!;
}

/** All of them, IPv4 first. @throws StartError where the name is not found */
export async function addressesOf(server: string): Promise<string[]> {
  try {
    const found = await lookup(server, { all: true, order: 'ipv4first' });
    return found.map(({ address }) => address);
  } catch (error) {
    throw new StartError({
      code: 'unknown-server',
      reason: `the name ${server} was not found (${(error as NodeJS.ErrnoException).code})`,
      remedy: 'Check the spelling and this host’s name servers.',
    });
  }
}

/** @throws StartError where there is none */
export function routeTo(address: string, flow?: Flow): RouteTo {
  const rtnetlink = new Rtnetlink();
  try {
    return rtnetlink.routeTo(address, flow);
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
