/** Watches what a client must know of its host: that the network changed, and that the host slept. */

import { uptime } from 'node:os';
import type { Milliseconds } from '../core/index.ts';
import { NetworkWatch } from './netlink/networkWatch.ts';

export interface HostWatchEvents {
  networkChanged(): void;
  resumed(slept: Milliseconds): void;
}

/** How often it looks. */
const INTERVAL: Milliseconds = 1000;
/** Less may be a busy machine, or the coarse clock. */
const LEAST_SLEEP: Milliseconds = 5000;

export interface HostWatch {
  close(): void;
}

/** @returns undefined where the kernel cannot be asked: then nothing is noticed */
export function watchHost(events: HostWatchEvents): HostWatch | undefined {
  const network = networkWatch();
  if (network === undefined) return undefined;
  let asleep = sleepSoFar();
  const look = () => {
    const before = asleep;
    asleep = sleepSoFar();
    if (asleep - before >= LEAST_SLEEP) events.resumed(asleep - before);
    if (network.changed()) events.networkChanged();
  };
  const timer = setInterval(look, INTERVAL);
  return {
    close: () => {
      clearInterval(timer);
      network.close();
    },
  };
}

function networkWatch(): NetworkWatch | undefined {
  try {
    return new NetworkWatch();
  } catch {
    return undefined;
  }
}

/** Time since boot goes on in sleep, the monotonic clock stands still. Counted from an arbitrary point. */
const sleepSoFar = (): Milliseconds => uptime() * 1000 - performance.now();
