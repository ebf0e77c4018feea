/** Phase 1 as a whole: how it begins, which function takes which message, and how it is renewed. RFC 2409 §5. */

import type { Failure, Instant } from '../../core/index.ts';
import { HeaderFlag } from '../payloads/index.ts';
import { initiateAggressiveMode, onAggressive2, onAggressive3 } from './aggressiveMode.ts';
import { type Arrival, outOfState, type Refusal } from './arrival.ts';
import { closed } from './closing.ts';
import type { Context } from './context.ts';
import { COOKIE_BYTES, IkeSa } from './ikeSa.ts';
import { initiateMainMode, onMessage2, onMessage3, onMessage4 } from './mainMode.ts';
import { onMessage5, onMessage6 } from './mainModeAuthentication.ts';
import { breach, type MessageRule, messageTable } from './messageTable.ts';
import { sameEndpoint } from './natTraversal.ts';
import { UNKNOWN_ABILITIES } from './peerAbilities.ts';
import { unanswered } from './phase1.ts';
import { repeat, traceIn } from './transmission.ts';

type Step = (context: Context, sa: IkeSa, arrival: Arrival, now: Instant) => Refusal;

/** What takes the message that a state awaits. */
const steps = {
  mainMode2: onMessage2,
  mainMode3: onMessage3,
  mainMode4: onMessage4,
  mainMode5: onMessage5,
  mainMode6: onMessage6,
  aggressiveMode2: onAggressive2,
  aggressiveMode3: onAggressive3,
} as const satisfies Partial<Record<keyof typeof messageTable, Step>>;

export function initiate(context: Context, sa: IkeSa, now: Instant): void {
  context.index(sa);
  if (sa.exchange === 'aggressive') initiateAggressiveMode(context, sa);
  else initiateMainMode(context, sa, now);
}

/** Any message of phase 1 but the first, in. */
export function receivePhase1(context: Context, sa: IkeSa, arrival: Arrival, now: Instant): Refusal {
  const { awaits } = sa.state;
  if (awaits === undefined) return outOfState;
  const rule: MessageRule = messageTable[awaits];
  const { message, datagram, digest } = arrival;
  const { header } = message;
  if (header.exchange !== rule.exchange || header.messageId !== 0) return outOfState;
  const encrypted = (header.flags & HeaderFlag.encryption) !== 0;
  if (rule.encrypted !== 'either' && rule.encrypted !== encrypted) {
    return { code: encrypted ? 'unexpected-encryption' : 'clear-text', reason: `message ${rule.number} out of turn` };
  }
  if (!encrypted && rule.encrypted === false) {
    if (!sameEndpoint(sa.remote, datagram.remote)) return { code: 'wrong-source', reason: 'the source has changed' };
    const reason = breach(rule, message);
    if (reason !== undefined) return { code: 'unexpected-payload', reason };
    traceIn(context, sa, rule, message, message);
  }
  const refusal = steps[awaits](context, sa, arrival, now);
  if (refusal === undefined && !sa.answered.has(digest)) sa.answered.remember(digest, undefined, now);
  return refusal;
}

/** The answer did not come in time: again, or never; and no more patience with a peer that has said why. */
export function onRetransmitTimer(context: Context, sa: IkeSa, now: Instant): void {
  const { outstanding } = sa;
  if (outstanding === undefined) return;
  // A message that was damaged on its way looks like a wrong secret: it deserves a second try.
  const patient = sa.hint === undefined || (sa.state.name === 'authSent' && outstanding.sends === 1);
  if (patient && repeat(context, sa, outstanding, 'retransmit', now)) return;
  closed(context, sa, unanswered(context, sa));
}

/** A responder's exchange that was never finished. */
export function onHalfOpenTimer(context: Context, sa: IkeSa): void {
  const failure: Failure = sa.hint ?? {
    code: 'half-open-timeout',
    reason: `${sa.remote.address} port ${sa.remote.port} began and did not finish`,
  };
  closed(context, sa, failure);
}

/** Begins the successor of an IKE SA that nears its end: a fresh phase 1 on the path of the old one. */
export function renew(context: Context, sa: IkeSa, now: Instant): void {
  const successor = new IkeSa({
    id: context.nextIkeSaId(),
    role: 'initiator',
    exchange: sa.exchange,
    initiatorCookie: context.random(COOKIE_BYTES),
    local: sa.local,
    remote: sa.remote,
    abilities: UNKNOWN_ABILITIES,
    renews: sa,
    now,
    onTimer: context.onTimer,
  });
  sa.renewal = successor;
  initiate(context, successor, now);
}

/** Whether a successor that we began is neither established nor given up. */
export const isRenewing = ({ renewal }: IkeSa): boolean =>
  renewal !== undefined && !renewal.established && renewal.state.name !== 'gone';
