/** We have moved: the peer is told, and follows. RFC 4555 §3.5, §3.8. */

import type { Endpoint, Instant, Milliseconds } from '../../../core/index.ts';
import { sameBytes, toHex } from '../../../wire/index.ts';
import type { Task } from '../association.ts';
import { closeAndTell } from '../closing.ts';
import type { Context } from '../context.ts';
import type { IkeSa } from '../ikeSa.ts';
import { probePeer } from '../liveness.ts';
import { armKeepalive, encapsulates, movePath, readNat, sameEndpoint } from '../natTraversal.ts';
import { ExchangeType, NotifyType, notify } from '../payloads/index.ts';
import { enqueue, repeatNow } from '../requests.ts';
import { findNotify, type PayloadChain } from '../wire/index.ts';
import { natDetectionOf } from './mobikeNotify.ts';

const COOKIE2_BYTES = 16;
/** How long a peer without MOBIKE may take to show that it has followed. */
const FOLLOW_PATIENCE: Milliseconds = 10_000;

interface Path {
  readonly local: Endpoint;
  readonly remote: Endpoint;
}

/** The owner says where ESP of the peer came from, or, as initiator, which address of ours is to be used from now on. */
export function onMoved(context: Context, sa: IkeSa, { local, remote }: Path, now: Instant): void {
  const ours = !sameEndpoint(sa.local, local);
  const update = sa.role === 'initiator' && sa.peer.mobike && ours;
  if (!movePath(context, sa, { local, remote })) return;
  if (update) updateAddresses(context, sa, now);
  else if (!ours || sa.role !== 'initiator') return;
  // A peer without MOBIKE may follow a message, as one does whose other end is behind a NAT.
  else if (encapsulates(context, sa)) probePeer(context, sa, FOLLOW_PATIENCE, now);
  // Nobody looks for NATs on the new path, and ESP without UDP passes few of them.
  else closeAndTell(context, sa, ADDRESS_LOST, now);
}

/** Tells the peer, from the new address. What was under way goes there too. */
export function updateAddresses(context: Context, sa: IkeSa, now: Instant): void {
  const cookie = context.random(COOKIE2_BYTES);
  const update = ++sa.updates;
  const task: Task = {
    name: 'say where we are',
    exchange: ExchangeType.INFORMATIONAL,
    begin: () => {
      if (update !== sa.updates) return undefined;
      return [
        notify(NotifyType.UPDATE_SA_ADDRESSES),
        ...natDetectionOf(context, sa, 'update'),
        notify(NotifyType.COOKIE2, cookie),
      ];
    },
    done: (answer, later) => {
      if (update === sa.updates) onAnswer(context, sa, answer, cookie, later);
      return undefined;
    },
  };
  repeatNow(context, sa.association, now);
  enqueue(context, sa.association, task, now);
}

function onAnswer(context: Context, sa: IkeSa, answer: PayloadChain, cookie: Uint8Array, now: Instant): void {
  const echoed = findNotify(answer, NotifyType.COOKIE2)?.data;
  const refused =
    findNotify(answer, NotifyType.UNACCEPTABLE_ADDRESSES) ?? findNotify(answer, NotifyType.UNEXPECTED_NAT_DETECTED);
  if (refused !== undefined || echoed === undefined || !sameBytes(echoed, cookie)) {
    closeAndTell(context, sa, UNACCEPTABLE, now);
    return;
  }
  sa.nat = readNat(context, sa.association, sa, answer) ?? sa.nat;
  sa.mappedAs = mappingIn(answer);
  armKeepalive(context, sa, now);
  const { local, remote } = sa;
  context.emit({ type: 'ikeMoved', ikeSa: sa.id, local, remote, udpEncapsulation: encapsulates(context, sa) });
}

/** Another NAT mapping than last time: the peer is told before it misses us. RFC 4555 §3.8. */
export function checkMapping(context: Context, sa: IkeSa, answer: PayloadChain, now: Instant): void {
  const mapped = mappingIn(answer);
  if (mapped === undefined || sa.role !== 'initiator' || !sa.peer.mobike) return;
  const before = sa.mappedAs;
  sa.mappedAs = mapped;
  if (before !== undefined && before !== mapped) updateAddresses(context, sa, now);
}

function mappingIn(chain: PayloadChain): string | undefined {
  const data = findNotify(chain, NotifyType.NAT_DETECTION_DESTINATION_IP)?.data;
  return data && toHex(data);
}

const ADDRESS_LOST = {
  code: 'address-lost',
  reason: 'our address is another one, and neither MOBIKE nor UDP lets the connection go along',
  remedy: 'Connect anew from the new address.',
};

const UNACCEPTABLE = {
  code: 'address-refused',
  reason: 'the peer does not take our new address',
  remedy: 'Connect anew from the new address.',
};
