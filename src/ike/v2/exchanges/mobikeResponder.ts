/** The peer has moved, or says where else it is. RFC 4555 §3.5 to §3.9. */

import type { Instant } from '../../../core/index.ts';
import { sameBytes } from '../../../wire/index.ts';
import { addressBytes } from '../../address.ts';
import type { IkeDatagram } from '../../output.ts';
import type { Association, Task } from '../association.ts';
import { closeAndTell } from '../closing.ts';
import type { Context } from '../context.ts';
import type { IkeSa } from '../ikeSa.ts';
import { armKeepalive, encapsulates, movePath, natNotifies, readNat } from '../natTraversal.ts';
import { ExchangeType, NotifyType, notify, type Payload } from '../payloads/index.ts';
import type { Arrival } from '../receiving.ts';
import { enqueue } from '../requests.ts';
import { findNotify, type PayloadChain } from '../wire/index.ts';
import { readAdditional } from './mobikeNotify.ts';

const COOKIE2_BYTES = 16;

/** What an INFORMATIONAL request says about addresses, and the answer to it. */
export function answerMobike(
  context: Context,
  association: Association,
  { chain, datagram }: Arrival,
  now: Instant,
): readonly Payload[] {
  const { sa } = association;
  if (!sa.peer.mobike) return [];
  const cookie2 = findNotify(chain, NotifyType.COOKIE2);
  const echo = cookie2 === undefined ? [] : [notify(NotifyType.COOKIE2, cookie2.data)];
  if (isMeddledWith(chain, datagram)) return [notify(NotifyType.UNEXPECTED_NAT_DETECTED), ...echo];
  readAdditional(sa, chain);
  const situation = readNat(context, association, datagram, chain);
  if (situation === undefined) return echo;
  const answer = [...natNotifies(context, association, datagram), ...echo];
  const updates = findNotify(chain, NotifyType.UPDATE_SA_ADDRESSES) !== undefined && sa.role === 'responder';
  if (!updates) return answer;
  const before = encapsulates(context, sa);
  sa.nat = situation;
  const moved = movePath(context, sa, datagram);
  armKeepalive(context, sa, now);
  if (moved || before !== encapsulates(context, sa)) checkReturn(context, sa, now);
  return answer;
}

/**
 * The ESP of the peer follows it once it has shown that it receives at its new address, so that nobody has a flood sent
 * to another one. RFC 4555 §3.7.
 */
function checkReturn(context: Context, sa: IkeSa, now: Instant): void {
  const cookie = context.random(COOKIE2_BYTES);
  const { local, remote } = sa;
  const task: Task = {
    name: 'check the new address',
    exchange: ExchangeType.INFORMATIONAL,
    begin: () => [notify(NotifyType.COOKIE2, cookie)],
    done: (answer, later) => {
      const echoed = findNotify(answer, NotifyType.COOKIE2)?.data;
      if (echoed === undefined || !sameBytes(echoed, cookie)) {
        closeAndTell(context, sa, NOT_REACHED, later);
        return undefined;
      }
      // It may have moved on; then another check is under way.
      if (sa.remote.address !== remote.address || sa.remote.port !== remote.port) return undefined;
      context.emit({ type: 'ikeMoved', ikeSa: sa.id, local, remote, udpEncapsulation: encapsulates(context, sa) });
      return undefined;
    },
  };
  enqueue(context, sa.association, task, now);
}

/** The peer forbids NAT and names the addresses that it means. RFC 4555 §3.9, §4.2.5. */
function isMeddledWith(chain: PayloadChain, { local, remote }: IkeDatagram): boolean {
  const data = findNotify(chain, NotifyType.NO_NATS_ALLOWED)?.data;
  if (data === undefined) return false;
  const port = (value: number) => [value >>> 8, value & 255];
  const expected = [addressBytes(remote.address)!, addressBytes(local.address)!, port(remote.port), port(local.port)];
  return !sameBytes(data, Uint8Array.from(expected.flatMap((part) => [...part])));
}

const NOT_REACHED = {
  code: 'return-routability-failed',
  reason: 'the peer says that it has moved and does not answer at its new address as it should',
};
