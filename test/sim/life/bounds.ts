/**
 * How long anything may take, stated once: the checks of the simulator hold connections to these, docs/simulator.md
 * explains them. Milliseconds.
 */

import type { Milliseconds } from '../../../src/core/index.ts';

const SECOND: Milliseconds = 1000;
export const MINUTE: Milliseconds = 60 * SECOND;
export const HOUR: Milliseconds = 60 * MINUTE;

/** The longest wait of a device before it dials again. */
export const REDIAL_MOST = 30 * SECOND;
/** Two attempts in bad weather: IKE gives up after 13 s, L2TP and PPP after 30 s and 60 s. */
export const CONNECT_MOST = 90 * SECOND;
/** From a move with MOBIKE until traffic flows again: the message and its answer lost twice, and the gateway's check. */
export const MOVE_MOST = 10 * SECOND;
/** An orderly end that nobody answers, IKE's own words behind it. */
export const CLOSE_MOST = 20 * SECOND;

/** Intervals that decide how soon a dead peer is found out. */
export interface Vigilance {
  readonly deadPeerInterval: Milliseconds;
  readonly deadPeerTimeout: Milliseconds;
  readonly helloInterval: Milliseconds;
}

/** L2TP's retransmissions, until it gives a peer up. */
const HELLO_CYCLE = 45 * SECOND;

/**
 * From the moment that a peer is gone (or has forgotten us) until this end knows. Twice the interval, because traffic
 * that came shortly after one look answers for the peer at the next. IKE may be fine where ESP is not, as when IKE was
 * renewed with a peer that has restarted: then L2TP finds out.
 */
export const detection = ({ deadPeerInterval, deadPeerTimeout, helloInterval }: Vigilance): Milliseconds =>
  Math.max(2 * deadPeerInterval + deadPeerTimeout, 2 * helloInterval + HELLO_CYCLE) + 5 * SECOND;

/** From the end of a disturbance until a device that wants to be connected carries traffic again. */
export const recovery = (vigilance: Vigilance): Milliseconds =>
  detection(vigilance) + CLOSE_MOST + REDIAL_MOST + CONNECT_MOST;

/** From the last goodbye (said or not) until nothing of any connection is left. */
export const cleanup = (vigilance: Vigilance): Milliseconds => detection(vigilance) + CLOSE_MOST + 2 * MINUTE;

/** Outputs that one call of a core may return. */
export const MOST_OUTPUTS = 400;
/** Datagrams that a device and its gateway may exchange in an hour, traffic apart. */
export const MOST_DATAGRAMS_AN_HOUR = 6_000;
/** Loss up to here disturbs nobody. */
export const CALM_LOSS = 0.005;
