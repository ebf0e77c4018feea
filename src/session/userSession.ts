/** A user's session as a gateway keeps account of it, whether PPP carries it or IKEv2's tunnel mode. */

import type { SessionSlot } from '../dataplane/messages.ts';
import type { SessionRecord } from './record.ts';
import type { SessionLimits } from './sessionClock.ts';

export interface UserSession {
  readonly record: SessionRecord;
  /** Where the data plane counts it, while a network protocol is up. */
  slot?: SessionSlot;
  /** How long it may last. */
  limits: SessionLimits;
}
