/** What is done when a timer of an IKE SA fires. */

import type { Instant, Milliseconds } from '../../core/index.ts';
import { hasSuccessor } from './childSa.ts';
import { closeAndTell, closeChildAndTell, closed, forget, REPLACED, retire, takeUp } from './closing.ts';
import type { Context } from './context.ts';
import { createChild, rekeyChild } from './exchanges/createChild.ts';
import { redirectedTo } from './exchanges/redirect.ts';
import { rekeyIke } from './exchanges/rekeyIke.ts';
import type { IkeSa, TimerName } from './ikeSa.ts';
import { onDeadPeerTimer, onProbeTimer } from './liveness.ts';
import { onKeepaliveTimer } from './natTraversal.ts';
import { onRetransmitTimer } from './requests.ts';

/** A renewal that did not come to a successor is tried again. */
const RENEW_AGAIN: Milliseconds = 30_000;

export function onTimer(context: Context, sa: IkeSa, name: TimerName, now: Instant): void {
  const [kind, id] = name.split(':') as [keyof typeof actions, string | undefined];
  actions[kind](context, sa, now, Number(id));
}

type Action = (context: Context, sa: IkeSa, now: Instant, id: number) => void;

const actions = {
  retransmit: (context, sa, now, serial) => {
    const association = sa.associations.find((candidate) => candidate.serial === serial);
    if (association !== undefined) onRetransmitTimer(context, association, now);
  },
  retire: (context, sa, _now, serial) => {
    const association = sa.associations.find((candidate) => candidate.serial === serial);
    if (association !== undefined && association !== sa.association) retire(context, association);
  },
  halfOpen: (context, sa) => closed(context, sa, UNFINISHED),
  hint: (context, sa) => {
    if (sa.hint !== undefined && !sa.established) closed(context, sa, sa.hint);
  },
  create: (context, sa, now) => {
    for (const wanted of sa.wantedLater.splice(0)) createChild(context, sa, wanted, now);
  },
  keepalive: onKeepaliveTimer,
  deadPeer: onDeadPeerTimer,
  probe: onProbeTimer,
  renew: (context, sa, now) => {
    if (!sa.established) return;
    sa.timers.set('renew', now + RENEW_AGAIN);
    rekeyIke(context, sa, now);
  },
  lifetime: (context, sa, now) =>
    closeAndTell(context, sa, { code: 'lifetime-expired', reason: 'the lifetime of the IKE SA has ended' }, now),
  forget,
  redirected: (context, sa, now) => {
    if (sa.redirectedTo !== undefined) closeAndTell(context, sa, redirectedTo(sa.redirectedTo), now);
  },
  confirm: (context, _sa, now, id) => {
    const child = context.children.get(id);
    if (child !== undefined) takeUp(context, child, now);
  },
  child: (context, sa, now, id) => {
    const child = context.children.get(id);
    if (child === undefined) return;
    const reason = hasSuccessor(sa, child)
      ? REPLACED
      : { code: 'lifetime-expired', reason: 'the lifetime of the child SA has ended' };
    closeChildAndTell(context, child, reason, now);
  },
  renewChild: (context, sa, now, id) => {
    const child = context.children.get(id);
    if (child === undefined || child.closing || hasSuccessor(sa, child)) return;
    sa.timers.set(`renewChild:${id}`, now + RENEW_AGAIN);
    rekeyChild(context, child, now);
  },
} as const satisfies Record<string, Action>;

const UNFINISHED = {
  code: 'half-open-timeout',
  reason: 'the peer began and did not finish its authentication in time',
  remedy: 'Check that UDP port 4500 is open, and that large packets or fragments pass on the way.',
};
