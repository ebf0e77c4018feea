/** The first message of an unknown peer: limits, policy, and only then an IKE SA. RFC 2408 §2.5.3, RFC 2409 §5. */

import type { Failure, Instant } from '../../core/index.ts';
import { chooseIke } from '../choose.ts';
import { find } from '../message.ts';
import { ExchangeType, NotifyType } from '../payloads/index.ts';
import { onAggressive1 } from './aggressiveMode.ts';
import type { Arrival, Refusal } from './arrival.ts';
import { methodsOf } from './certificates.ts';
import { closed } from './closing.ts';
import type { Context } from './context.ts';
import { IkeSa, NO_COOKIE } from './ikeSa.ts';
import { onMessage1 } from './mainMode.ts';
import { breach, messageTable } from './messageTable.ts';
import { UNKNOWN_ABILITIES } from './peerAbilities.ts';
import { armHalfOpen, noProposalChosen } from './phase1.ts';
import { clearNotify, traceIn } from './transmission.ts';

/** A message 1 whose responder cookie is zero and whose initiator cookie nobody knows. */
export function receiveNewcomer(context: Context, arrival: Arrival, now: Instant): Refusal {
  const { message, datagram } = arrival;
  const { header } = message;
  const aggressive = header.exchange === ExchangeType.AGGRESSIVE_MODE;
  if (!aggressive && header.exchange !== ExchangeType.MAIN_MODE) {
    return { code: 'unknown-cookies', reason: 'the message belongs to no IKE SA' };
  }
  if (header.messageId !== 0) return { code: 'malformed', reason: 'phase 1 with a message id' };
  if (aggressive && context.config.aggressive !== 'unsafe') {
    return { code: 'aggressive-mode-refused', reason: 'Aggressive Mode gives the secret to guessers, and is off' };
  }
  const rule = aggressive ? messageTable.aggressiveMode1 : messageTable.mainMode1;
  const reason = breach(rule, message);
  if (reason !== undefined) return { code: 'unexpected-payload', reason };
  const { admitted, evict } = context.halfOpen.admit(datagram.remote.address);
  if (!admitted) return { code: 'half-open-limit', reason: 'too many unfinished exchanges' };
  const chosen = chooseIke(
    find(message, 'SA')!,
    context.config.profile.accept.ike,
    // Aggressive Mode is there for old pre-shared keys alone.
    methodsOf(context).filter((method) => !aggressive || method === 'pre-shared-key'),
  );
  if (chosen.type === 'mismatch') return refuse(context, arrival, noProposalChosen(chosen, 'responder'), now);
  if (evict !== undefined) closed(context, evict, evicted);
  const sa = new IkeSa({
    id: context.nextIkeSaId(),
    role: 'responder',
    exchange: aggressive ? 'aggressive' : 'main',
    initiatorCookie: header.initiatorCookie.slice(),
    local: datagram.local,
    remote: datagram.remote,
    abilities: UNKNOWN_ABILITIES,
    now,
    onTimer: context.onTimer,
  });
  context.halfOpen.add(sa, datagram.remote.address);
  armHalfOpen(context, sa, now);
  traceIn(context, sa, rule, message, message);
  return aggressive ? onAggressive1(context, sa, arrival, chosen, now) : onMessage1(context, sa, arrival, chosen, now);
}

const evicted: Failure = {
  code: 'half-open-limit',
  reason: 'it made room: too many unfinished exchanges',
};

/** No SA comes of it; the operator is told all the same, once for each source and span. */
function refuse(context: Context, { message, datagram }: Arrival, reason: Failure, now: Instant): Refusal {
  const { local, remote } = datagram;
  const refusal = { code: 'no-proposal-chosen', reason: reason.reason };
  if (!context.refusalLimit.allows(`${remote.address}|${remote.port}`, now)) return refusal;
  const ikeSa = context.nextIkeSaId();
  context.emit({ type: 'milestone', ikeSa, local, remote, name: 'ike first message', detail: 'received' });
  context.emit({ type: 'ikeClosed', ikeSa, local, remote, established: false, reason });
  const { initiatorCookie } = message.header;
  const peer = { initiatorCookie, responderCookie: NO_COOKIE, local, remote };
  clearNotify(context, peer, NotifyType.NO_PROPOSAL_CHOSEN, now);
  return refusal;
}
