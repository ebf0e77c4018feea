/** Dead peer detection: asking a silent peer, and answering one that asks. RFC 3706 §5 and §6. */

import { coarse, type Instant, type Milliseconds } from '../../core/index.ts';
import { concat, sameBytes } from '../../wire/index.ts';
import { beginProbe, lookForAnswer, lookForLife, ownerAnswered, type Watch } from '../deadPeer.ts';
import { type NotifyPayload, NotifyType } from '../payloads/index.ts';
import type { Arrival } from './arrival.ts';
import { closed } from './closing.ts';
import type { Context } from './context.ts';
import type { IkeSa } from './ikeSa.ts';
import { sendInformational } from './informational.ts';
import { isakmpNotify } from './notifications.ts';

/** Begins to watch a peer that announced that it answers. */
export function armDeadPeerDetection(context: Context, sa: IkeSa, now: Instant): void {
  const { interval } = context.config.deadPeerDetection;
  if (!sa.abilities.deadPeerDetection || interval === 0) return;
  const random = context.random(4);
  // The highest bit stays clear, so that the number does not wrap. RFC 3706 §6.2.
  sa.deadPeer.sequence = new DataView(random.buffer, random.byteOffset).getUint32(0) >>> 1;
  sa.timers.set('deadPeer', coarse(now + interval, now));
}

export const onDeadPeerTimer = (context: Context, sa: IkeSa, now: Instant): void =>
  lookForLife(sa, watch(context, sa), now);

/** The owner has heard of the peer at that time. */
export function heardByOwner(context: Context, sa: IkeSa, at: Instant, now: Instant): void {
  sa.lastAlive = Math.max(sa.lastAlive, at);
  ownerAnswered(sa, watch(context, sa), now);
}

/** A peer that did not announce that it answers is not asked. */
export function probePeer(context: Context, sa: IkeSa, within: Milliseconds, now: Instant): void {
  if (sa.abilities.deadPeerDetection) beginProbe(sa, watch(context, sa), within, now);
}

export const onProbeTimer = (context: Context, sa: IkeSa, now: Instant): void =>
  lookForAnswer(sa, watch(context, sa), now);

function watch(context: Context, sa: IkeSa): Watch {
  const ask = () => {
    sa.deadPeer.sequence++;
    sendInformational(context, sa, [isakmpNotify(sa, NotifyType.R_U_THERE, sequenceBytes(sa.deadPeer.sequence))]);
  };
  return {
    times: context.config.deadPeerDetection,
    emit: context.emit,
    ask,
    probe: ask,
    end: (reason) => closed(context, sa, reason),
  };
}

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
  if (interval > 0) sa.timers.set('deadPeer', coarse(now + interval, now));
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
