/** The IKE SA of a responder, as the first message of its peer begins it. RFC 7296 §1.2, RFC 5723 §4.3. */

import type { Instant } from '../../../core/index.ts';
import { milestone } from '../../milestone.ts';
import type { IkeDatagram } from '../../output.ts';
import { digestOf } from '../../v1/arrival.ts';
import type { Context } from '../context.ts';
import { IkeSa } from '../ikeSa.ts';
import { detectNat } from '../natTraversal.ts';
import { freshSpi } from '../spis.ts';
import { traceIn } from '../transmission.ts';
import type { Message } from '../wire/index.ts';
import { abilitiesOf } from './announcements.ts';

/** Half-open from now on; its message awaits an answer. */
export function beginResponder(
  context: Context,
  { message, datagram }: { readonly message: Message; readonly datagram: IkeDatagram },
  now: Instant,
): IkeSa {
  const { header, payloads, bytes } = message;
  const { exchange } = header;
  const sa = new IkeSa({
    id: context.nextIkeSaId(),
    role: 'responder',
    initiatorSpi: header.initiatorSpi.slice(),
    responderSpi: freshSpi(context),
    local: datagram.local,
    remote: datagram.remote,
    now,
    onTimer: context.onTimer,
  });
  context.index(sa.association);
  context.halfOpen.add(sa, datagram.remote.address);
  sa.timers.set('halfOpen', now + context.config.halfOpenTimeout);
  milestone(context, sa, 'ike first message', 'received');
  traceIn(context, sa, { exchange, messageId: 0, response: false }, payloads, bytes.length);
  sa.peer = abilitiesOf(message);
  detectNat(context, sa, header, datagram, message);
  sa.association.answering = { messageId: 0, exchange, datagram, digest: digestOf(context.crypto, datagram.bytes) };
  return sa;
}
