/** Asking a silent peer whether it lives. Any authentic message answers. RFC 7296 §2.4. */

import type { Failure, Instant, Milliseconds } from '../../core/index.ts';
import { closed } from './closing.ts';
import type { Context } from './context.ts';
import { checkMapping } from './exchanges/mobike.ts';
import { natDetectionOf } from './exchanges/mobikeNotify.ts';
import type { IkeSa } from './ikeSa.ts';
import { ExchangeType } from './payloads/index.ts';
import { enqueue, isAsking, repeatNow } from './requests.ts';
import type { PayloadChain } from './wire/index.ts';

/** The owner answers at once, in the command that follows `ikeSilent`. */
const OWNER_ANSWERS = 1;
/** Between looks at whether the question is answered. */
const ASK_AGAIN: Milliseconds = 5000;
/** Between questions where the owner has a reason to doubt. */
const PROBE_AGAIN: Milliseconds = 1000;

export function armDeadPeerDetection(context: Context, sa: IkeSa, now: Instant): void {
  const { interval } = context.config.deadPeerDetection;
  if (interval > 0) sa.timers.set('deadPeer', now + interval);
}

/** Life is noted, not timed: the timer looks at the note when it fires, so a busy SA costs nothing. */
export function onDeadPeerTimer(context: Context, sa: IkeSa, now: Instant): void {
  const { interval, timeout } = context.config.deadPeerDetection;
  const { deadPeer } = sa;
  const due = sa.lastAlive + interval;
  if (now < due) {
    deadPeer.askedSince = undefined;
    deadPeer.ownerAsked = false;
    sa.timers.set('deadPeer', due);
    return;
  }
  if (!deadPeer.ownerAsked) {
    // The owner may have heard of the peer in ESP: it is asked before the peer is.
    deadPeer.ownerAsked = true;
    context.emit({ type: 'ikeSilent', ikeSa: sa.id });
    sa.timers.set('deadPeer', now + OWNER_ANSWERS);
    return;
  }
  deadPeer.ownerAsked = false;
  if (deadPeer.askedSince !== undefined && sa.lastAlive > deadPeer.askedSince) deadPeer.askedSince = undefined;
  deadPeer.askedSince ??= now;
  if (now >= deadPeer.askedSince + timeout) {
    closed(context, sa, {
      code: 'peer-dead',
      reason: `the peer has been silent for ${Math.round((now - sa.lastAlive) / 1000)} s and did not answer when asked`,
      remedy: 'Look for what interrupted the path to the peer.',
    });
    return;
  }
  ask(context, sa, now);
  sa.timers.set('deadPeer', Math.min(now + ASK_AGAIN, deadPeer.askedSince + timeout) - OWNER_ANSWERS);
}

/** Asks out of turn. */
export function probePeer(context: Context, sa: IkeSa, within: Milliseconds, now: Instant): void {
  if (!sa.established) return;
  const { probe } = sa.deadPeer;
  // One that is under way goes on: whoever asks again and again must not put off its end.
  if (probe !== undefined && sa.lastAlive <= probe.since && now < probe.until) {
    sa.deadPeer.probe = { since: probe.since, until: Math.min(probe.until, now + within) };
    return;
  }
  sa.deadPeer.probe = { since: now, until: now + within };
  onProbeTimer(context, sa, now);
}

/** Any sign of life answers a probe. */
export function onProbeTimer(context: Context, sa: IkeSa, now: Instant): void {
  const { probe } = sa.deadPeer;
  if (probe === undefined || !sa.established || sa.lastAlive > probe.since) return;
  if (now >= probe.until) {
    closed(context, sa, SILENT_WHEN_ASKED);
    return;
  }
  // What the owner has heard meanwhile is an answer, too.
  context.emit({ type: 'ikeSilent', ikeSa: sa.id });
  if (isAsking(sa.association)) repeatNow(context, sa.association, now);
  else ask(context, sa, now);
  sa.timers.set('probe', Math.min(now + PROBE_AGAIN, probe.until));
}

/** An empty INFORMATIONAL request, unless a request is under way that asks the same. */
function ask(context: Context, sa: IkeSa, now: Instant): void {
  if (isAsking(sa.association)) return;
  const task = {
    name: 'ask whether the peer lives',
    exchange: ExchangeType.INFORMATIONAL,
    begin: () => natDetectionOf(context, sa, 'liveness'),
    done: (answer: PayloadChain, later: Instant) => {
      checkMapping(context, sa, answer, later);
      return undefined;
    },
  };
  enqueue(context, sa.association, task, now);
}

const SILENT_WHEN_ASKED: Failure = {
  code: 'peer-dead',
  reason: 'the peer did not answer when it was asked whether it lives',
  remedy: 'Look for what interrupted the path to the peer.',
};
