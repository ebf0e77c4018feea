/**
 * Our requests: one at a time, each repeated until its answer comes. What is wished for meanwhile waits in a queue.
 * RFC 7296 §2.1 to §2.3.
 */

import type { Failure, Instant, Milliseconds } from '../../core/index.ts';
import { waitAfter } from '../v1/retransmission.ts';
import type { Association, CurrentRequest, Prepared, Task } from './association.ts';
import { closed } from './closing.ts';
import type { Context } from './context.ts';
import { unanswered } from './failures.ts';
import type { Payload } from './payloads/index.ts';
import { prepare, transmit } from './transmission.ts';
import type { PayloadChain } from './wire/index.ts';

/** Requests that may wait. More are not wished for, except by who asks again and again. */
const MAX_QUEUE = 32;
/** A request of an IKE SA that stands is repeated so often at the latest. */
const REPEAT_AFTER: Milliseconds = 5000;
/** With this sending the fragments become small enough for any path. */
const SMALL_AFTER_SENDS = 3;
const SMALL_FRAGMENT_BYTES = 552;
const LEAST_FRAGMENT_BYTES = 360;
const FRAGMENT_STEP = 64;
/** A probe of the path that nobody has repeated for so long is not repeated any more. */
const PROBE_PATIENCE: Milliseconds = 1500;

/** Puts a task behind the others, and begins it where nothing is under way. */
export function enqueue(context: Context, association: Association, task: Task, now: Instant): void {
  if (association.queue.length >= MAX_QUEUE) {
    task.abandoned?.(TOO_MANY);
    return;
  }
  association.queue.push(task);
  shortenProbe(context, association, now);
  runTasks(context, association, now);
}

/** Begins what waits, where no request is under way. */
export function runTasks(context: Context, association: Association, now: Instant): void {
  while (association.current === undefined && association.state !== 'gone') {
    const task = association.queue.shift();
    if (task === undefined) return;
    association.current = {
      task,
      messageId: association.nextRequest,
      prepared: undefined,
      sends: 0,
      sentAt: now,
      answered: false,
    };
    const payloads = task.begin(now);
    if (payloads === 'later') return;
    if (payloads === undefined) association.current = undefined;
    else sendRequest(context, association, payloads, now);
  }
}

/** Sends the request of the task whose turn it is, under protection. */
export function sendRequest(
  context: Context,
  association: Association,
  payloads: readonly Payload[],
  now: Instant,
): void {
  const { current } = association;
  if (current === undefined || current.prepared !== undefined) return;
  sendPrepared(context, association, prepare(context, association, headOfRequest(current), payloads), now);
  current.payloads = payloads;
}

/** Sends what is made already; IKE_SA_INIT makes its message itself. */
export function sendPrepared(context: Context, association: Association, message: Prepared, now: Instant): void {
  const { current } = association;
  if (current === undefined) return;
  current.prepared = message;
  current.sends = 1;
  current.sentAt = now;
  association.nextRequest = current.messageId + 1;
  transmit(context, association.sa, message);
  armRetransmission(context, association, now);
}

/** Sends a probe of the path, the first or another one under the same message id. */
export function sendProbe(context: Context, association: Association, message: Prepared, now: Instant): void {
  sendPrepared(context, association, message, now);
  association.sa.timers.set(`retransmit:${association.serial}`, now + PROBE_PATIENCE);
}

/** Where a probe of the path is under way, a request takes its place that comes through. @returns whether one was */
function shortenProbe(context: Context, association: Association, now: Instant): boolean {
  const { current } = association;
  if (current?.probe === undefined || current.answered) return false;
  current.probe = undefined;
  sendPrepared(context, association, prepare(context, association, headOfRequest(current), []), now);
  return true;
}

const headOfRequest = ({ task: { exchange }, messageId }: CurrentRequest) => ({ exchange, messageId, response: false });

/** The answer is worked on; the next request may begin. */
export function finishTask(context: Context, association: Association, now: Instant): void {
  association.current = undefined;
  association.sa.timers.clear(`retransmit:${association.serial}`);
  if (association.sa.phase !== 'gone') runTasks(context, association, now);
}

/** An authentic answer. @returns whether it was the one that is awaited */
export function takeAnswer(
  context: Context,
  association: Association,
  messageId: number,
  chain: PayloadChain,
  now: Instant,
): boolean {
  const { current } = association;
  if (current === undefined || current.messageId !== messageId || current.prepared === undefined || current.answered) {
    return false;
  }
  current.answered = true;
  association.sa.timers.clear(`retransmit:${association.serial}`);
  if (current.task.done(chain, now) !== 'later' && association.current === current) {
    finishTask(context, association, now);
  }
  return true;
}

/** Whether an answer of that id is awaited. */
export const awaits = ({ current }: Association, messageId: number): boolean =>
  current !== undefined && current.messageId === messageId && current.prepared !== undefined && !current.answered;

/** Forgets all requests of a generation that is at its end. */
export function abandonTasks(association: Association, reason: Failure): void {
  const tasks = [...(association.current === undefined ? [] : [association.current.task]), ...association.queue];
  association.current = undefined;
  association.queue.length = 0;
  association.sa.timers.clear(`retransmit:${association.serial}`);
  for (const task of tasks) task.abandoned?.(reason);
}

export function onRetransmitTimer(context: Context, association: Association, now: Instant): void {
  const { current, sa } = association;
  if (current?.prepared === undefined || current.answered || shortenProbe(context, association, now)) return;
  if (isExhausted(context, association, now)) {
    if (association.state === 'live' || association.state === 'opening') closed(context, sa, unanswered(context, sa));
    else abandonTasks(association, { code: 'peer-not-responding', reason: 'the peer did not answer our Delete' });
    return;
  }
  current.sends++;
  shrinkFragments(context, association);
  transmit(context, sa, current.prepared, current.sends);
  armRetransmission(context, association, now);
}

/** Long messages that nobody answers may be too large for the path in between. RFC 7383 §2.5.2. */
function shrinkFragments(context: Context, association: Association): void {
  const { current, sa } = association;
  if (current?.payloads === undefined || current.sends !== SMALL_AFTER_SENDS || !sa.peer.fragmentation) return;
  if (current.prepared!.pieces.every(({ length }) => length <= SMALL_FRAGMENT_BYTES)) return;
  for (let bytes = SMALL_FRAGMENT_BYTES; bytes >= LEAST_FRAGMENT_BYTES; bytes -= FRAGMENT_STEP) {
    const smaller = prepare(context, association, headOfRequest(current), current.payloads, bytes);
    // By their number alone the peer tells the new fragments from those that it has. RFC 7383 §2.6.
    if (smaller.pieces.length <= current.prepared!.pieces.length) continue;
    current.prepared = smaller;
    return;
  }
}

/** Sends the open request again at once: the path has changed. */
export function repeatNow(context: Context, association: Association, now: Instant): void {
  const { current, sa } = association;
  if (current?.prepared === undefined || current.answered || shortenProbe(context, association, now)) return;
  current.sends++;
  current.sentAt = now;
  transmit(context, sa, current.prepared, current.sends);
  armRetransmission(context, association, now);
}

/** What stands is given as much time as dead peer detection gives a silent peer. */
function isExhausted(context: Context, { current, sa }: Association, now: Instant): boolean {
  const { retransmission, deadPeerDetection } = context.config;
  if (current!.sends < retransmission.sends) return false;
  const isOpening = sa.phase === 'init' || sa.phase === 'authenticating';
  return isOpening || sa.phase === 'closing' || now >= current!.sentAt + deadPeerDetection.timeout;
}

function armRetransmission(context: Context, { current, sa, serial }: Association, now: Instant): void {
  const { retransmission, deadPeerDetection } = context.config;
  const wait = Math.min(waitAfter(retransmission, current!.sends), REPEAT_AFTER);
  let at = now + wait;
  if (sa.phase === 'established' && current!.sends >= retransmission.sends) {
    at = Math.min(now + REPEAT_AFTER, Math.max(now + 1, current!.sentAt + deadPeerDetection.timeout));
  }
  sa.timers.set(`retransmit:${serial}`, at);
}

const TOO_MANY: Failure = { code: 'too-many', reason: 'more requests wait for the peer than it can ever answer' };

/** Where our request is a liveness check, any will do. */
export const isAsking = ({ current }: Association): boolean => current?.prepared !== undefined && !current.answered;
