/** A session without L2TP and PPP: IP packets stand in the ESP SAs themselves. IKEv2's tunnel mode, RFC 7296 §1.1.2. */

import type { SessionSlot } from '../dataplane/messages.ts';
import type { PathPlan } from './connectionParts.ts';
import type { SessionNetwork } from './output.ts';
import type { SessionRecord } from './record.ts';
import { NO_LIMITS, type SessionClock, type SessionLimits } from './sessionClock.ts';
import type { SessionRates, UserSession } from './userSession.ts';

export class TunnelSession implements UserSession {
  readonly record: SessionRecord;
  limits: SessionLimits = NO_LIMITS;
  slot?: SessionSlot;
  /** Known before the first child SA stands. */
  network?: SessionNetwork;
  clock?: SessionClock;
  rates?: SessionRates;
  prefix6?: string;
  /** What the path carries, while the session has its slot. */
  plan?: PathPlan;

  constructor(record: SessionRecord) {
    this.record = record;
  }
}
