/** The control connection's states, row by row. RFC 2661 §7.2.1. */

import type { Row } from './stateTable.ts';

export type TunnelState = 'idle' | 'waitCtlReply' | 'waitCtlConn' | 'established';

/** A plain message name is one that was acceptable. */
export type TunnelEvent =
  | 'openRequest'
  | 'closeRequest'
  | 'SCCRQ'
  | 'SCCRQ unacceptable'
  | 'SCCRQ wins tie'
  | 'SCCRP'
  | 'SCCRP unacceptable'
  | 'SCCCN'
  | 'SCCCN unacceptable'
  | 'StopCCN';

export type TunnelAction =
  | 'sendSccrq'
  | 'sendSccrp'
  | 'sendScccn'
  | 'sendStopCcn'
  /** Send the tunnel-open event to waiting sessions. */
  | 'openSessions'
  | 'requeueSccrq'
  | 'cleanUp';

// biome-ignore format: one row a line, in the RFC's order
export const tunnelTable: readonly Row<TunnelState, TunnelEvent, TunnelAction>[] = [
  { from: ['idle'],         on: ['openRequest'],             do: ['sendSccrq'],                 to: 'waitCtlReply' },
  { from: ['idle'],         on: ['SCCRQ'],                   do: ['sendSccrp'],                 to: 'waitCtlConn' },
  { from: ['idle'],         on: ['SCCRQ unacceptable'],      do: ['sendStopCcn', 'cleanUp'],    to: 'idle' },
  { from: ['idle'],         on: ['SCCRP', 'SCCRP unacceptable'], do: ['sendStopCcn', 'cleanUp'], to: 'idle' },
  { from: ['idle'],         on: ['SCCCN', 'SCCCN unacceptable'], do: ['cleanUp'],               to: 'idle' },
  { from: ['waitCtlReply'], on: ['SCCRP'],                   do: ['sendScccn', 'openSessions'], to: 'established' },
  { from: ['waitCtlReply'], on: ['SCCRP unacceptable'],      do: ['sendStopCcn', 'cleanUp'],    to: 'idle' },
  { from: ['waitCtlReply'], on: ['SCCRQ wins tie'],          do: ['cleanUp', 'requeueSccrq'],   to: 'idle' },
  { from: ['waitCtlReply'], on: ['SCCCN', 'SCCCN unacceptable'], do: ['sendStopCcn', 'cleanUp'], to: 'idle' },
  { from: ['waitCtlConn'],  on: ['SCCCN'],                   do: ['openSessions'],              to: 'established' },
  { from: ['waitCtlConn'],  on: ['SCCCN unacceptable'],      do: ['sendStopCcn', 'cleanUp'],    to: 'idle' },
  { from: ['waitCtlConn'],  on: ['SCCRP', 'SCCRP unacceptable', 'SCCRQ', 'SCCRQ unacceptable'],
                                                             do: ['sendStopCcn', 'cleanUp'],    to: 'idle' },
  { from: ['established'],  on: ['openRequest'],             do: ['openSessions'],              to: 'established' },
  { from: ['established'],  on: ['closeRequest'],            do: ['sendStopCcn', 'cleanUp'],    to: 'idle' },
  { from: ['established'],  on: ['SCCRQ', 'SCCRQ unacceptable', 'SCCRP', 'SCCRP unacceptable', 'SCCCN', 'SCCCN unacceptable'],
                                                             do: ['sendStopCcn', 'cleanUp'],    to: 'idle' },
  { from: ['idle', 'waitCtlReply', 'waitCtlConn', 'established'],
                            on: ['StopCCN'],                 do: ['cleanUp'],                   to: 'idle' },
  // Not in the RFC's table: an open request that is withdrawn, or that the set-up time-out ends.
  { from: ['waitCtlReply', 'waitCtlConn'], on: ['closeRequest'], do: ['sendStopCcn', 'cleanUp'], to: 'idle' },
];
