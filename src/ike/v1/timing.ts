/** What is done when a timer of an IKE SA fires. */

import type { Instant } from '../../core/index.ts';
import { closeAndTell, closeChildAndTell, closed, forget, repeatDelete } from './closing.ts';
import type { Context } from './context.ts';
import { onDeadPeerTimer, onProbeTimer } from './deadPeerDetection.ts';
import type { IkeSa, TimerName } from './ikeSa.ts';
import { peerDeleted } from './informational.ts';
import { onKeepaliveTimer } from './natTraversal.ts';
import { isRenewing, onHalfOpenTimer, onRetransmitTimer, renew } from './phase1Exchange.ts';
import { onQuickModeTimer } from './quickMode.ts';
import { initiateQuickMode, restartOnSuccessor } from './quickModeInitiator.ts';
import { onUndecidedTimer } from './reboundPeer.ts';

/** Who renews tries again when it did not come to a successor. */
const RENEW_AGAIN = 60_000;
/** An IKE SA past its lifetime looks so often whether its last child is gone. */
const EXPIRED_CHECK = 60_000;
/** Where a renewal is under way at the end of the lifetime, its outcome is waited for so long. */
const RENEWAL_CHECK = 1000;

export function onTimer(context: Context, sa: IkeSa, name: TimerName, now: Instant): void {
  const [kind, id] = name.split(':') as [keyof typeof actions, string | undefined];
  actions[kind](context, sa, now, Number(id));
}

type Action = (context: Context, sa: IkeSa, now: Instant, id: number) => void;

const actions = {
  retransmit: onRetransmitTimer,
  halfOpen: onHalfOpenTimer,
  keepalive: onKeepaliveTimer,
  deadPeer: onDeadPeerTimer,
  probe: onProbeTimer,
  undecided: onUndecidedTimer,
  renew: (context, sa, now) => {
    sa.timers.set('renew', now + RENEW_AGAIN);
    if (!isRenewing(sa)) renew(context, sa, now);
  },
  lifetime: onLifetime,
  superseded: (context, sa, now) => {
    closeAndTell(context, sa, { code: 'superseded', reason: 'another IKE SA has taken its place' }, now);
  },
  orphaned: (context, sa) => closed(context, sa, peerDeleted),
  repeatDelete,
  forget,
  quickMode: (context, sa, now, id) => {
    if (!restartOnSuccessor(context, sa, id, now)) onQuickModeTimer(context, sa, id, now);
  },
  child: (context, sa, _now, id) => onChildExpired(context, sa, id),
  renewChild: (context, sa, now, id) => {
    const child = context.children.get(id);
    if (child === undefined || hasSuccessor(sa, id)) return;
    sa.timers.set(`renewChild:${id}`, now + RENEW_AGAIN);
    initiateQuickMode(context, sa, child, now);
  },
} as const satisfies Record<string, Action>;

function onChildExpired(context: Context, sa: IkeSa, id: number): void {
  const child = context.children.get(id);
  if (child === undefined) return;
  const reason = hasSuccessor(sa, id)
    ? { code: 'replaced', reason: 'another child SA has taken its place' }
    : { code: 'lifetime-expired', reason: 'the lifetime of the child SA has ended' };
  closeChildAndTell(context, child, reason);
}

const hasSuccessor = (sa: IkeSa, id: number) => [...sa.children.values()].some(({ replaces }) => replaces === id);

/**
 * The children of an IKE SA may outlive it (RFC 2408 §2.4 lets them). It stays for their sake and takes no new ones: a
 * new IKE SA, which we go on trying to begin and the peer begins when it needs one, adopts them.
 */
function onLifetime(context: Context, sa: IkeSa, now: Instant): void {
  if (sa.children.size === 0) {
    closeAndTell(context, sa, { code: 'lifetime-expired', reason: 'the lifetime of the IKE SA has ended' }, now);
    return;
  }
  if (isRenewing(sa)) {
    sa.timers.set('lifetime', now + RENEWAL_CHECK);
    return;
  }
  sa.expired = true;
  sa.timers.set('lifetime', now + EXPIRED_CHECK);
}
