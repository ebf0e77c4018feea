/**
 * Asks the peer in a request of a given length what the path carries. RFC 8899 §4: the probe is an INFORMATIONAL request
 * that goes whole or not at all, filled up with a status notification of private use, which every peer ignores and
 * answers with an empty message (RFC 7296 §1.4, §3.10.1).
 *
 * A probe that is too long is never answered, and only one request is under way at a time (RFC 7296 §2.3). So the next
 * size goes under the same message id, and as soon as anything else is to be asked, or nobody probes on, a short request
 * takes its place, which comes through.
 */

import type { Instant } from '../../core/index.ts';
import type { Association, CurrentRequest, Task } from './association.ts';
import type { Context } from './context.ts';
import type { IkeSa } from './ikeSa.ts';
import { ExchangeType, NotifyType, notify } from './payloads/index.ts';
import { enqueue, sendProbe } from './requests.ts';
import { prepareWhole } from './transmission.ts';
import { plainRoomOf } from './wire/index.ts';

const IPV4_HEADER_BYTES = 20;
const IPV6_HEADER_BYTES = 40;
const UDP_HEADER_BYTES = 8;
/** RFC 3948 §2.2. */
const NON_ESP_MARKER_BYTES = 4;
/** Generic payload header, protocol, SPI size and type of a notification. RFC 7296 §3.10. */
const NOTIFY_HEADER_BYTES = 8;

/** @param size bytes of the outer IP packet; where padding is coarse the probe is the next smaller one that there is */
export function probePath(context: Context, sa: IkeSa, size: number, now: Instant): void {
  if (!sa.established) return;
  const { association } = sa;
  sa.probeSize = size;
  const { current, queue } = association;
  if (current?.probe !== undefined && !current.answered) send(context, association, current, now);
  // What waits asks for the newest size when its turn comes.
  else if (!queue.some(({ name }) => name === NAME)) enqueue(context, association, taskOf(context, sa), now);
}

const NAME = 'ask what the path carries';

function taskOf(context: Context, sa: IkeSa): Task {
  // What waits goes over to the next generation of the IKE SA.
  const running = () => sa.associations.find(({ current }) => current?.task === task);
  const task: Task = {
    name: NAME,
    exchange: ExchangeType.INFORMATIONAL,
    begin: (now) => {
      const association = running();
      if (!sa.established || association?.current === undefined) return undefined;
      // It lets the others go first.
      if (association.queue.some(({ name }) => name !== NAME)) {
        association.queue.push(task);
        return undefined;
      }
      send(context, association, association.current, now);
      return 'later';
    },
    done: () => {
      const proved = running()?.current?.probe;
      if (proved !== undefined) context.emit({ type: 'pathProbed', ikeSa: sa.id, ...proved });
      return undefined;
    },
  };
  return task;
}

function send(context: Context, association: Association, current: CurrentRequest, now: Instant): void {
  const { sa, keys } = association;
  const around = headerBytes(context, sa);
  const room = plainRoomOf(association.initiated ? keys!.initiator : keys!.responder, sa.probeSize - around);
  const padding = notify(NotifyType.PATH_MTU_PROBE, new Uint8Array(Math.max(0, room - NOTIFY_HEADER_BYTES)));
  const head = { exchange: ExchangeType.INFORMATIONAL, messageId: current.messageId, response: false };
  const message = prepareWhole(context, association, head, [padding]);
  const proved = Math.min(sa.probeSize, around + message.pieces[0]!.length);
  // Of several under one message id the answer may be to the smallest.
  if (current.probe === undefined || proved <= current.probe.proved) current.probe = { size: sa.probeSize, proved };
  sendProbe(context, association, message, now);
}

/** What stands in front of the IKE message. */
function headerBytes({ config }: Context, { local, remote }: IkeSa): number {
  const ip = remote.address.includes(':') ? IPV6_HEADER_BYTES : IPV4_HEADER_BYTES;
  return ip + UDP_HEADER_BYTES + (local.port === config.localNatTraversalPort ? NON_ESP_MARKER_BYTES : 0);
}
