/** How much of everything stands at a gateway: what is not 0 when the last peer is gone was leaked. */

import type { IkePopulation } from '../session/connectionParts.ts';

export interface GatewayPopulation extends IkePopulation {
  /** Records of IKE SAs that have no connection yet. */
  readonly attempts: number;
  readonly connections: number;
  /** L2TP tunnels, with those that still acknowledge the peer's last words. */
  readonly tunnels: number;
  readonly sessions: number;
  /** Sessions that the data plane carries. */
  readonly slots: number;
  /** Inner addresses that sessions hold. */
  readonly leases: number;
  /** Users that were asked about and are not judged yet. */
  readonly logins: number;
  /** What waits for time. */
  readonly timers: number;
}

/** @returns e.g. `2 leases, 1 timers`; undefined where nothing is left */
export function leftOf(population: GatewayPopulation): string | undefined {
  const left = Object.entries(population).filter(([, count]) => count > 0);
  return left.length === 0 ? undefined : left.map(([what, count]) => `${count} ${what}`).join(', ');
}
