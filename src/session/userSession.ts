/** A user's session as a gateway keeps account of it, whether PPP carries it or IKEv2's tunnel mode. */

import type { InnerPath, SessionSlot } from '../dataplane/messages.ts';
import type { SessionRecord } from './record.ts';
import type { SessionLimits } from './sessionClock.ts';

/** How much a session may carry in each direction. */
export type SessionRates = Pick<InnerPath, 'limitToPeer' | 'limitFromPeer'>;

export interface UserSession {
  readonly record: SessionRecord;
  /** Where the data plane counts it, while a network protocol is up. */
  slot?: SessionSlot;
  /** How long it may last. */
  limits: SessionLimits;
  /** Default: as much as there is. */
  rates?: SessionRates;
  /** The IPv6 prefix that the user was given. */
  prefix6?: string;
}
