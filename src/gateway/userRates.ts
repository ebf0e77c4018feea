/** How fast a user's session may be: what is said of the user goes before the gateway's own rates. */

import type { RateLimit } from '../dataplane/messages.ts';
import type { SessionRates } from '../session/userSession.ts';

/** @param user with 0 bits a second where there is to be no bound; without a burst of its own it has the gateway's */
export function userRates(gateway: SessionRates, user?: SessionRates): SessionRates {
  if (user === undefined) return gateway;
  const toPeer = rateOf(gateway.limitToPeer, user.limitToPeer);
  const fromPeer = rateOf(gateway.limitFromPeer, user.limitFromPeer);
  return {
    ...(toPeer === undefined ? {} : { limitToPeer: toPeer }),
    ...(fromPeer === undefined ? {} : { limitFromPeer: fromPeer }),
  };
}

function rateOf(gateway: RateLimit | undefined, user: RateLimit | undefined): RateLimit | undefined {
  if (user === undefined) return gateway;
  return user.bitsPerSecond === 0 ? undefined : { ...gateway, ...user };
}
