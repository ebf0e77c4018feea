/** Dead peer detection: asking a silent peer, and answering one that asks. RFC 3706 §5 and §6. */

import type { Failure, Instant, Milliseconds } from '../../core/index.ts';
import { concat, sameBytes } from '../../wire/index.ts';
import { type NotifyPayload, NotifyType } from '../payloads/index.ts';
import type { Arrival } from './arrival.ts';
import { closed } from './closing.ts';
import type { Context } from './context.ts';
import type { IkeSa } from './ikeSa.ts';
import { sendInformational } from './informational.ts';
import { isakmpNotify } from './notifications.ts';

/** Between questions while none is answered. */
const ASK_AGAIN = 5000;
/** The same where the owner has a reason to doubt. */
const PROBE_AGAIN = 1000;
/** The owner answers at once, in the command that follows `ikeSilent`. */
const OWNER_ANSWERS = 1;

/** Begins to watch a peer that announced that it answers. */
export function armDeadPeerDetection(context: Context, sa: IkeSa, now: Instant): void {
  const { interval } = context.config.deadPeerDetection;
  if (!sa.abilities.deadPeerDetection || interval === 0) return;
  const random = context.random(4);
  // The highest bit stays clear, so that the number does not wrap. RFC 3706 §6.2.
  sa.deadPeer.sequence = new DataView(random.buffer, random.byteOffset).getUint32(0) >>> 1;
  sa.timers.set('deadPeer', now + interval);
}

/** Life is noted, not timed: the timer looks at the note when it fires, so a busy SA costs nothing. */
export function onDeadPeerTimer(context: Context, sa: IkeSa, now: Instant): void {
  const { interval, timeout } = context.config.deadPeerDetection;
  const { deadPeer } = sa;
  // Compared as it is set: with fractions of milliseconds `now - lastAlive < interval` may hold where this does not.
  const due = sa.lastAlive + interval;
  if (now < due) {
    deadPeer.askedSince = undefined;
    deadPeer.ownerAsked = false;
    sa.timers.set('deadPeer', due);
    return;
  }
  if (!deadPeer.ownerAsked) {
    // The owner may have heard of the peer in ESP: it is asked before the peer is. RFC 3706 §5.
    deadPeer.ownerAsked = true;
    context.emit({ type: 'ikeSilent', ikeSa: sa.id });
    sa.timers.set('deadPeer', now + OWNER_ANSWERS);
    return;
  }
  deadPeer.ownerAsked = false;
  deadPeer.askedSince ??= now;
  if (now >= deadPeer.askedSince + timeout) {
    closed(context, sa, {
      code: 'peer-dead',
      reason: `the peer has been silent for ${Math.round((now - sa.lastAlive) / 1000)} s and did not answer when asked`,
      remedy: 'Look for what interrupted the path to the peer.',
    });
    return;
  }
  deadPeer.sequence++;
  sendInformational(context, sa, [isakmpNotify(sa, NotifyType.R_U_THERE, sequenceBytes(deadPeer.sequence))]);
  sa.timers.set('deadPeer', Math.min(now + ASK_AGAIN, deadPeer.askedSince + timeout) - OWNER_ANSWERS);
}

/** Asks out of turn; a peer that did not announce that it answers is not asked. */
export function probePeer(context: Context, sa: IkeSa, within: Milliseconds, now: Instant): void {
  if (!sa.abilities.deadPeerDetection || !sa.established) return;
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
  sa.deadPeer.sequence++;
  sendInformational(context, sa, [isakmpNotify(sa, NotifyType.R_U_THERE, sequenceBytes(sa.deadPeer.sequence))]);
  sa.timers.set('probe', Math.min(now + PROBE_AGAIN, probe.until));
}

const SILENT_WHEN_ASKED: Failure = {
  code: 'peer-dead',
  reason: 'the peer did not answer when it was asked whether it lives',
  remedy: 'Look for what interrupted the path to the peer.',
};

/** The peer asks. Numbers go up; one that goes down is an echo from the past. */
export function onAreYouThere(context: Context, sa: IkeSa, notify: NotifyPayload, arrival: Arrival, now: Instant) {
  const sequence = sequenceOf(sa, notify);
  const { deadPeer } = sa;
  if (sequence === undefined || (deadPeer.lastReceived !== undefined && sequence < deadPeer.lastReceived)) return;
  deadPeer.lastReceived = sequence;
  const answer = sendInformational(context, sa, [isakmpNotify(sa, NotifyType.R_U_THERE_ACK, sequenceBytes(sequence))]);
  sa.answered.remember(arrival.digest, answer, now);
}

/** The peer lives. */
export function onAcknowledged(context: Context, sa: IkeSa, notify: NotifyPayload, now: Instant): void {
  const sequence = sequenceOf(sa, notify);
  const { deadPeer } = sa;
  if (sequence !== deadPeer.sequence || deadPeer.askedSince === undefined) return;
  deadPeer.askedSince = undefined;
  const { interval } = context.config.deadPeerDetection;
  if (interval > 0) sa.timers.set('deadPeer', now + interval);
  else sa.timers.clear('deadPeer');
}

function sequenceOf(sa: IkeSa, { spi, data }: NotifyPayload): number | undefined {
  const cookies = concat(sa.initiatorCookie, sa.responderCookie);
  if (data.length !== 4 || !sameBytes(spi, cookies)) return undefined;
  return data.reduce((sum, byte) => sum * 256 + byte, 0);
}

export const sequenceBytes = (sequence: number) => {
  return Uint8Array.of(sequence >>> 24, sequence >>> 16, sequence >>> 8, sequence);
};
