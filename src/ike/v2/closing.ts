/** The ends of IKE SAs and child SAs, told to the peer or not. RFC 7296 §1.4.1, §2.21.2. */

import type { Failure, Instant, Milliseconds } from '../../core/index.ts';
import type { Association, Task } from './association.ts';
import { type Child, confirmChild, dropChild, hasSuccessor, spiBytes } from './childSa.ts';
import type { Context } from './context.ts';
import type { IkeSa } from './ikeSa.ts';
import { deleteEsp, deleteIkeSa, ExchangeType, NotifyType, notify, ProtocolId } from './payloads/index.ts';
import { abandonTasks, enqueue } from './requests.ts';
import { all, type PayloadChain } from './wire/index.ts';

/** How long the last answer of an IKE SA that has ended is kept for duplicates of the request. */
const LINGER: Milliseconds = 20_000;

/** Ends an IKE SA without a word to the peer; half-open or established. */
export function closed(context: Context, sa: IkeSa, reason: Failure): void {
  end(context, sa, reason);
  forget(context, sa);
}

/** The same where the peer may not have our last answer yet: it is repeated to whoever asks again. */
export function closedAfterAnswer(context: Context, sa: IkeSa, reason: Failure, now: Instant): void {
  end(context, sa, reason);
  sa.phase = 'gone';
  for (const association of sa.associations) {
    association.state = 'gone';
    abandonTasks(association, reason);
  }
  sa.timers.set('forget', now + LINGER);
}

/** Deletes the IKE SA with its children, and tells the peer. */
export function closeAndTell(context: Context, sa: IkeSa, reason: Failure, now: Instant): void {
  if (sa.phase === 'closing' || sa.phase === 'gone') return;
  if (sa.phase !== 'established') {
    closed(context, sa, reason);
    return;
  }
  sayGoodbye(context, sa, reason, now, 'delete');
}

/** As initiator: the peer did not prove itself, though it thinks that all is well. RFC 7296 §2.21.2. */
export function refuseAndTell(context: Context, sa: IkeSa, reason: Failure, now: Instant): void {
  if (sa.phase === 'closing' || sa.phase === 'gone') return;
  sayGoodbye(context, sa, reason, now, 'authentication failed');
}

function sayGoodbye(
  context: Context,
  sa: IkeSa,
  reason: Failure,
  now: Instant,
  how: 'delete' | 'authentication failed',
): void {
  const { association } = sa;
  end(context, sa, reason);
  sa.phase = 'closing';
  for (const other of [...sa.associations]) if (other !== association) retire(context, other);
  association.state = 'deleting';
  const goodbye: Task = {
    name: 'delete the IKE SA',
    exchange: ExchangeType.INFORMATIONAL,
    begin: () => [how === 'delete' ? deleteIkeSa : notify(NotifyType.AUTHENTICATION_FAILED)],
    done: () => {
      forget(context, sa);
      return undefined;
    },
    abandoned: () => forget(context, sa),
  };
  // One request at a time: what is under way is still awaited, for nothing.
  const { current } = association;
  association.queue.length = 0;
  if (current?.prepared === undefined) association.current = undefined;
  else association.current = { ...current, task: { ...current.task, done: () => undefined, abandoned: () => {} } };
  if (current?.answered) association.current = undefined;
  if (association.current !== undefined) sa.timers.set(`retransmit:${association.serial}`, now + 1000);
  sa.timers.set('forget', now + LINGER);
  enqueue(context, association, goodbye, now);
  if (association.queue.length > 0) context.parting.add(sa);
}

/** Ends one child SA and tells the peer. */
export function closeChildAndTell(context: Context, child: Child, reason: Failure, now: Instant): void {
  const { sa, inboundSpi, outboundSpi } = child;
  if (child.closing) return;
  dropChild(context, child, reason);
  if (!sa.established) return;
  sa.closingSpis.add(outboundSpi);
  enqueue(context, sa.association, deleteTask(sa, inboundSpi, outboundSpi), now);
}

/** Says goodbye to a child SA that has a successor. It takes in what is under way until the peer has answered. */
export function retireChild(context: Context, child: Child, now: Instant): void {
  const { sa, inboundSpi, outboundSpi } = child;
  if (child.closing || !sa.established) return;
  child.closing = true;
  sa.closingSpis.add(outboundSpi);
  const drop = () => dropChild(context, child, REPLACED);
  enqueue(context, sa.association, deleteTask(sa, inboundSpi, outboundSpi, drop), now);
}

/** The peer has the child SA that it asked for: it is sent on, and our own that lost against it goes. RFC 7296 §2.8.1. */
export function takeUp(context: Context, child: Child, now: Instant): void {
  confirmChild(context, child);
  const { loser } = child;
  child.loser = undefined;
  if (loser !== undefined && context.children.has(loser.id)) retireChild(context, loser, now);
}

/** The peer has gone on, so it has our answer to what made these. RFC 7296 §2.8. */
export function takeUpAll(context: Context, sa: IkeSa, children: readonly Child[], now: Instant): void {
  for (const child of children) {
    child.isKnown = true;
    if (!child.confirmed && child.role === 'responder' && !hasSuccessor(sa, child)) takeUp(context, child, now);
  }
}

/** Says goodbye to a child SA that the peer has made and we have not. */
export function disown(context: Context, sa: IkeSa, spi: number, now: Instant): void {
  const task: Task = {
    name: 'delete a child SA',
    exchange: ExchangeType.INFORMATIONAL,
    begin: () => [deleteEsp([spiBytes(spi)])],
    done: () => undefined,
  };
  enqueue(context, sa.association, task, now);
}

export const REPLACED: Failure = { code: 'replaced', reason: 'another child SA has taken its place' };

function deleteTask(sa: IkeSa, inboundSpi: number, outboundSpi: number, then: () => void = () => {}): Task {
  return {
    name: 'delete a child SA',
    exchange: ExchangeType.INFORMATIONAL,
    begin: () => [deleteEsp([spiBytes(inboundSpi)])],
    done: () => {
      sa.closingSpis.delete(outboundSpi);
      then();
      return undefined;
    },
    abandoned: () => {
      sa.closingSpis.delete(outboundSpi);
      then();
    },
  };
}

/** SPIs that the peer's Delete payloads name: what we send with. */
export function deletedSpis(chain: PayloadChain): number[] {
  return all(chain, 'D')
    .filter(({ protocol }) => protocol === ProtocolId.ESP)
    .flatMap(({ spis }) => spis.map((spi) => spi.reduce((sum, byte) => sum * 256 + byte, 0)));
}

/** Takes one generation out of use; the IKE SA stays. */
export function retire(context: Context, association: Association): void {
  const { sa } = association;
  association.state = 'gone';
  abandonTasks(association, { code: 'replaced', reason: 'another generation of keys has taken its place' });
  sa.timers.clear(`retire:${association.serial}`);
  context.unindex(association);
  const at = sa.associations.indexOf(association);
  if (at >= 0) sa.associations.splice(at, 1);
}

/** Takes the SA out of all tables. */
export function forget(context: Context, sa: IkeSa): void {
  sa.phase = 'gone';
  for (const association of sa.associations) {
    association.state = 'gone';
    abandonTasks(association, { code: 'closed', reason: 'the IKE SA has ended' });
  }
  sa.timers.clearAll();
  context.remove(sa);
}

function end(context: Context, sa: IkeSa, reason: Failure): void {
  if (sa.phase === 'gone' || sa.phase === 'closing') return;
  const established = sa.phase === 'established';
  for (const child of [...sa.children.values()]) dropChild(context, child, reason);
  sa.opening = undefined;
  sa.auth = undefined;
  sa.init = undefined;
  sa.rekey = undefined;
  sa.timers.clearAll();
  context.halfOpen.remove(sa);
  context.peers.remove(sa);
  context.emit({ type: 'ikeClosed', ikeSa: sa.id, local: sa.local, remote: sa.remote, established, reason });
}
