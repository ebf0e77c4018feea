/** What the protocols of one link share: its timers and its way out. */

import type { Timers } from '../core/index.ts';
import type { Packet } from './packet.ts';

export type TimerName =
  | 'lcp'
  | 'ipcp'
  | 'ipv6cp'
  | 'authenticator'
  | 'authenticatee'
  | 'reauthenticate'
  | 'echo'
  | 'establish'
  | 'linger';

export interface Line {
  readonly timers: Timers<TimerName>;
  /** Largest information field that the peer takes. */
  readonly peerMru: number;
  send(protocol: number, packet: Packet): void;
  /** Says that received bytes were ignored. */
  drop(code: string, reason: string): void;
}
