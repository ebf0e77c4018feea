/**
 * A new IKE SA from another port of an address where the same identity stands already: a peer whose NAT has forgotten
 * it, or another one behind the same NAT, where private addresses and so identities may be equal. The keys of the old
 * IKE SA or of its children tell them apart, nothing else does. RFC 2407 §4.6.2, RFC 3947 §7.
 */

import type { Instant, Milliseconds } from '../../core/index.ts';
import { NotifyType } from '../payloads/index.ts';
import type { Context } from './context.ts';
import { probePeer, sequenceBytes } from './deadPeerDetection.ts';
import type { IkeSa } from './ikeSa.ts';
import { sendInformational } from './informational.ts';
import { samePath } from './natTraversal.ts';
import { isakmpNotify } from './notifications.ts';
import { otherPortsOfPeer } from './peers.ts';

/** How long an answer is waited for, and how often it is asked for. */
const PATIENCE: Milliseconds = 3000;
const ASK_AGAIN: Milliseconds = 1000;
/** How long a ghost may take to show that it is none. */
const GHOST_PATIENCE: Milliseconds = 5000;
/** Old IKE SAs that are asked; the youngest. */
const MOST_SUSPECTS = 4;

/** What an IKE SA waits for before its owner is told of it. */
export interface Undecided {
  /** Old ones that it may be the successor of. */
  readonly suspects: Set<IkeSa>;
  readonly since: Instant;
  /** Goes on, as the successor of `predecessor` or of none. */
  readonly conclude: (predecessor: IkeSa | undefined, now: Instant) => void;
}

/**
 * Asks the old IKE SAs of the peer's identity at other ports, each where it was and where the new one is: an answer from
 * there is the proof. Its Quick Modes wait meanwhile.
 * @returns false where there are none: then nothing waits
 */
export function findOut(context: Context, sa: IkeSa, conclude: Undecided['conclude'], now: Instant): boolean {
  const suspects = suspectsOf(context, sa);
  if (suspects.length === 0) return false;
  sa.undecided = { suspects: new Set(suspects), since: now, conclude };
  for (const suspect of suspects) ask(context, suspect, sa);
  sa.timers.set('undecided', now + ASK_AGAIN);
  return true;
}

/** The peer has begun anew and said so: ghosts of it at other ports have to show that they live. */
export function probeGhosts(context: Context, sa: IkeSa, now: Instant): void {
  for (const ghost of suspectsOf(context, sa)) probePeer(context, ghost, GHOST_PATIENCE, now);
}

/** Time has passed, or an old SA has moved to where the new one is. */
export function onUndecidedTimer(context: Context, sa: IkeSa, now: Instant): void {
  const { undecided } = sa;
  if (undecided === undefined || !sa.established) return;
  const { suspects, since } = undecided;
  for (const suspect of suspects) {
    const stands = suspect.established || suspect.state.name === 'orphaned';
    if (stands && suspect.successor === undefined && samePath(suspect, sa)) {
      conclude(context, sa, suspect, now);
      return;
    }
    const lives = suspect.lastAlive > since;
    if (!stands || suspect.successor !== undefined || lives) suspects.delete(suspect);
  }
  if (suspects.size === 0 || now >= since + PATIENCE) {
    conclude(context, sa, undefined, now);
    return;
  }
  for (const suspect of suspects) ask(context, suspect, sa);
  sa.timers.set('undecided', Math.min(now + ASK_AGAIN, since + PATIENCE));
}

/** An old SA is at another place now: whoever waits there for a predecessor has found it. */
export function lookAgain(context: Context, moved: IkeSa): void {
  for (const sa of context.sas.values()) {
    if (sa.undecided?.suspects.has(moved) && samePath(sa, moved)) sa.timers.set('undecided', sa.undecided.since);
  }
}

function conclude(context: Context, sa: IkeSa, predecessor: IkeSa | undefined, now: Instant): void {
  const { undecided } = sa;
  sa.undecided = undefined;
  undecided?.conclude(predecessor, now);
  context.resume(sa, now);
}

function suspectsOf(context: Context, sa: IkeSa): readonly IkeSa[] {
  return otherPortsOfPeer(context, sa)
    .filter((other) => other.established && other.successor === undefined && other.undecided === undefined)
    .slice(-MOST_SUSPECTS);
}

/** R-U-THERE under the keys of the old SA, to its own place and to that of the new one. */
function ask(context: Context, suspect: IkeSa, sa: IkeSa): void {
  // The owner knows when it heard ESP of it last, which tells as much of a peer that knows no such question.
  context.emit({ type: 'ikeSilent', ikeSa: suspect.id });
  if (!suspect.established || !suspect.abilities.deadPeerDetection) return;
  const { local, remote } = suspect;
  for (const place of [
    { local, remote },
    { local: sa.local, remote: sa.remote },
  ]) {
    suspect.local = place.local;
    suspect.remote = place.remote;
    suspect.deadPeer.sequence++;
    const data = sequenceBytes(suspect.deadPeer.sequence);
    sendInformational(context, suspect, [isakmpNotify(suspect, NotifyType.R_U_THERE, data)]);
  }
  suspect.local = local;
  suspect.remote = remote;
}
