/**
 * Whether a silent peer lives, as both versions of IKE find it out: the owner is asked, then the peer, again and again
 * until it has had its time. RFC 3706 §5, RFC 7296 §2.4.
 */

import { coarse, type Failure, type Instant, type Milliseconds } from '../core/index.ts';
import type { IkeOutput, IkeSaId } from './output.ts';

/** Between questions while none is answered. */
const ASK_AGAIN: Milliseconds = 5000;
/** The same where the owner has a reason to doubt. */
const PROBE_AGAIN: Milliseconds = 1000;
/** The owner answers at once, in the command that follows `ikeSilent`; one that knows nothing says nothing. */
const OWNER_ANSWERS: Milliseconds = 1;

export interface DeadPeer {
  /** The owner was asked whether it has heard of the peer. */
  ownerAsked: boolean;
  askedSince: Instant | undefined;
  /** A question out of turn. */
  probe: { readonly since: Instant; readonly until: Instant } | undefined;
}

export interface Watched {
  readonly id: IkeSaId;
  readonly established: boolean;
  /** When the peer last proved that it lives. */
  readonly lastAlive: Instant;
  readonly deadPeer: DeadPeer;
  readonly timers: { set(name: 'deadPeer' | 'probe', at: Instant): void };
}

/** What differs between the versions: how a peer is asked, and how its IKE SA ends. */
export interface Watch {
  /** From the last sign of life to the first question, and from there to the end. */
  readonly times: { readonly interval: Milliseconds; readonly timeout: Milliseconds };
  emit(output: IkeOutput): void;
  ask(now: Instant): void;
  probe(now: Instant): void;
  end(reason: Failure): void;
}

/** Life is noted, not timed: the timer `deadPeer` looks at the note when it fires, so a busy SA costs nothing. */
export function lookForLife(sa: Watched, { times, emit, ask, end }: Watch, now: Instant): void {
  const { interval, timeout } = times;
  const { deadPeer, lastAlive, timers } = sa;
  // Compared as it is set: with fractions of milliseconds `now - lastAlive < interval` may hold where this does not.
  const due = lastAlive + interval;
  if (now < due) {
    deadPeer.askedSince = undefined;
    deadPeer.ownerAsked = false;
    timers.set('deadPeer', coarse(due, now));
    return;
  }
  if (!deadPeer.ownerAsked) {
    // The owner may have heard of the peer in ESP: it is asked before the peer is. RFC 3706 §5.
    deadPeer.ownerAsked = true;
    emit({ type: 'ikeSilent', ikeSa: sa.id });
    timers.set('deadPeer', now + OWNER_ANSWERS);
    return;
  }
  deadPeer.ownerAsked = false;
  if (deadPeer.askedSince !== undefined && lastAlive > deadPeer.askedSince) deadPeer.askedSince = undefined;
  deadPeer.askedSince ??= now;
  if (now >= deadPeer.askedSince + timeout) {
    const silence = Math.round((now - lastAlive) / 1000);
    end(dead(`the peer has been silent for ${silence} s and did not answer when asked`));
    return;
  }
  ask(now);
  timers.set('deadPeer', Math.min(now + ASK_AGAIN, deadPeer.askedSince + timeout));
}

/** The owner has answered, and is not waited for. */
export function ownerAnswered(sa: Watched, watch: Watch, now: Instant): void {
  if (sa.deadPeer.ownerAsked) lookForLife(sa, watch, now);
}

/** Asks out of turn. */
export function beginProbe(sa: Watched, watch: Watch, within: Milliseconds, now: Instant): void {
  if (!sa.established) return;
  const { probe } = sa.deadPeer;
  // One that is under way goes on: whoever asks again and again must not put off its end.
  if (probe !== undefined && sa.lastAlive <= probe.since && now < probe.until) {
    sa.deadPeer.probe = { since: probe.since, until: Math.min(probe.until, now + within) };
    return;
  }
  sa.deadPeer.probe = { since: now, until: now + within };
  lookForAnswer(sa, watch, now);
}

/** When the timer `probe` fires: any sign of life is an answer. */
export function lookForAnswer(sa: Watched, watch: Watch, now: Instant): void {
  const { probe } = sa.deadPeer;
  if (probe === undefined || !sa.established || sa.lastAlive > probe.since) return;
  if (now >= probe.until) {
    watch.end(dead('the peer did not answer when it was asked whether it lives'));
    return;
  }
  // What the owner has heard meanwhile is one, too.
  watch.emit({ type: 'ikeSilent', ikeSa: sa.id });
  watch.probe(now);
  sa.timers.set('probe', Math.min(now + PROBE_AGAIN, probe.until));
}

const dead = (reason: string): Failure => ({
  code: 'peer-dead',
  reason,
  remedy: 'Look for what interrupted the path to the peer.',
});
