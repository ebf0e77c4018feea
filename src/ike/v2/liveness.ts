/** Asking a silent peer whether it lives. Any authentic message answers. RFC 7296 §2.4. */

import { coarse, type Instant, type Milliseconds } from '../../core/index.ts';
import { beginProbe, lookForAnswer, lookForLife, ownerAnswered, type Watch } from '../deadPeer.ts';
import { closed } from './closing.ts';
import type { Context } from './context.ts';
import { checkMapping } from './exchanges/mobike.ts';
import { natDetectionOf } from './exchanges/mobikeNotify.ts';
import type { IkeSa } from './ikeSa.ts';
import { ExchangeType } from './payloads/index.ts';
import { enqueue, isAsking, repeatNow } from './requests.ts';
import { transmit } from './transmission.ts';
import type { PayloadChain } from './wire/index.ts';

export function armDeadPeerDetection(context: Context, sa: IkeSa, now: Instant): void {
  const { interval } = context.config.deadPeerDetection;
  if (interval > 0) sa.timers.set('deadPeer', coarse(now + interval, now));
}

export const onDeadPeerTimer = (context: Context, sa: IkeSa, now: Instant): void =>
  lookForLife(sa, watch(context, sa), now);

/** The owner has heard of the peer at that time. */
export function heardByOwner(context: Context, sa: IkeSa, at: Instant, now: Instant): void {
  sa.lastAlive = Math.max(sa.lastAlive, at);
  ownerAnswered(sa, watch(context, sa), now);
}

export const probePeer = (context: Context, sa: IkeSa, within: Milliseconds, now: Instant): void =>
  beginProbe(sa, watch(context, sa), within, now);

export const onProbeTimer = (context: Context, sa: IkeSa, now: Instant): void =>
  lookForAnswer(sa, watch(context, sa), now);

const watch = (context: Context, sa: IkeSa): Watch => ({
  times: context.config.deadPeerDetection,
  emit: context.emit,
  ask: (now) => ask(context, sa, now),
  probe: (now) => {
    if (isAsking(sa.association)) repeatNow(context, sa.association, now);
    else ask(context, sa, now);
  },
  end: (reason) => closed(context, sa, reason),
});

/** Asks at a place where the peer may be as well; who answers from there is there. */
export function askAt(
  context: Context,
  sa: IkeSa,
  { local, remote }: NonNullable<IkeSa['askedAt']>,
  now: Instant,
): void {
  if (!sa.established) return;
  if (isAsking(sa.association)) repeatNow(context, sa.association, now);
  else ask(context, sa, now);
  const { current } = sa.association;
  if (current?.prepared === undefined) return;
  sa.askedAt = { local, remote };
  transmit(context, sa, current.prepared, 1, sa.askedAt);
}

/**
 * An initiator whose own requests are answered asks nothing else, and may have come behind another NAT unawares: the
 * responder's requests go astray until the mapping is looked at. RFC 4555 §3.8.
 */
export function lookAtMapping(context: Context, sa: IkeSa, now: Instant): void {
  if (sa.established && natDetectionOf(context, sa, 'liveness').length > 0) question(context, sa, now);
}

/** An empty INFORMATIONAL request, unless a request is under way that asks the same. */
function ask(context: Context, sa: IkeSa, now: Instant): void {
  if (!isAsking(sa.association)) question(context, sa, now);
}

function question(context: Context, sa: IkeSa, now: Instant): void {
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
