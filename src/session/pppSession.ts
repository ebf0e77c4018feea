/** One PPP session over L2TP as its connection holds it: the link's core and where the data plane knows it. */

import type { Core, Instant } from '../core/index.ts';
import type { SessionSlot } from '../dataplane/messages.ts';
import type { SessionUp } from '../l2tp/output.ts';
import type { LcpUp, NetworkUp, PppCommand, PppOutput } from '../ppp/output.ts';
import type { PathPlan, PathShape } from './connectionParts.ts';
import type { Identifiers, Ipv6Link } from './ipv6Link.ts';
import type { SessionRecord } from './record.ts';
import { NO_LIMITS, type SessionClock, type SessionLimits } from './sessionClock.ts';
import type { SessionRates, UserSession } from './userSession.ts';

export interface PppCore extends Core<PppCommand, PppOutput> {
  receive(frame: Uint8Array, now: Instant): readonly PppOutput[];
}

export class PppSession implements UserSession {
  readonly call: SessionUp;
  readonly record: SessionRecord;
  readonly link: PppCore;
  lcp?: LcpUp;
  network?: NetworkUp;
  slot?: SessionSlot;
  /** What the path carries, while a network protocol is up. */
  plan?: PathPlan;
  shape?: PathShape;
  /** While IPv6 is open on the link: the identifiers, and who speaks for our end. */
  identifiers?: Identifiers;
  ipv6?: Ipv6Link;
  prefix6?: string;
  rates?: SessionRates;
  /** Messages seen from the peer when the data plane's counter was last read. */
  seenMessages = 0;
  linkClosed = false;
  limits: SessionLimits = NO_LIMITS;
  clock?: SessionClock;

  constructor(call: SessionUp, record: SessionRecord, link: PppCore) {
    this.call = call;
    this.record = record;
    this.link = link;
  }

  /** The key of the session within its connection. */
  get key(): SessionKey {
    return sessionKey(this.call.tunnel, this.call.session);
  }
}

/** Both ids, of 16 bits each. */
export type SessionKey = number;

export function sessionKey(tunnel: number, session: number): SessionKey {
  return (tunnel << 16) | session;
}
