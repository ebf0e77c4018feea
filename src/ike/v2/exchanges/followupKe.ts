/** IKE_FOLLOWUP_KE: further key exchanges after CREATE_CHILD_SA. RFC 9370 §2.2.4. */

import type { Failure, Instant, Milliseconds } from '../../../core/index.ts';
import type { GroupName } from '../../../crypto/index.ts';
import type { Association, Task } from '../association.ts';
import type { Child } from '../childSa.ts';
import type { Context } from '../context.ts';
import { errorIn, failureFrom, malformed, refusedKey } from '../failures.ts';
import type { IkeSa } from '../ikeSa.ts';
import { agree, deriveSecret, generateKey } from '../keyAgreement.ts';
import { ExchangeType, type NotifyPayload, NotifyType, notify, type Payload } from '../payloads/index.ts';
import { groupNumber, groupOf } from '../proposalTransforms.ts';
import { runTasks, sendRequest } from '../requests.ts';
import { respond } from '../transmission.ts';
import { find, findNotify, type PayloadChain } from '../wire/index.ts';

const LINK_BYTES = 16;
/** A peer that has not gone on for so long has given up. */
const PATIENCE: Milliseconds = 20_000;

/** As responder: what waits for further exchanges of the peer. */
export interface FollowUp {
  link: Uint8Array;
  readonly association: Association;
  readonly groups: GroupName[];
  readonly secrets: Uint8Array[];
  /** The child SA that is renewed. */
  readonly replaced: Child | undefined;
  readonly since: Instant;
  /** Installs what was agreed on. */
  readonly complete: (secrets: readonly Uint8Array[], now: Instant) => void;
}

/** As responder: the answer to CREATE_CHILD_SA says that more is to come; nothing where all is done. */
export function awaitFollowUp(
  context: Context,
  association: Association,
  asked: {
    readonly groups: readonly GroupName[];
    readonly secrets: readonly Uint8Array[];
    readonly replaced: Child | undefined;
    readonly complete: FollowUp['complete'];
  },
  now: Instant,
): readonly NotifyPayload[] {
  const { groups, secrets } = asked;
  if (groups.length === 0) return [];
  const link = context.random(LINK_BYTES);
  association.sa.followUp = { ...asked, link, association, groups: [...groups], secrets: [...secrets], since: now };
  return [notify(NotifyType.ADDITIONAL_KEY_EXCHANGE, link)];
}

/** Whether the peer is about to finish the renewal of a child SA. */
export const isFollowedUp = ({ followUp }: IkeSa, child: Child, now: Instant): boolean =>
  followUp?.replaced === child && now < followUp.since + PATIENCE;

/** As responder. */
export function onFollowupKe(context: Context, association: Association, chain: PayloadChain, now: Instant): void {
  const { sa } = association;
  const { followUp } = sa;
  const link = findNotify(chain, NotifyType.ADDITIONAL_KEY_EXCHANGE)?.data;
  if (
    followUp === undefined ||
    followUp.association !== association ||
    // Our own renewal of the IKE SA was done before: the peer takes that one.
    association !== sa.association ||
    link === undefined ||
    !context.crypto.equal(link, followUp.link)
  ) {
    respond(context, association, [notify(NotifyType.STATE_NOT_FOUND)], now);
    return;
  }
  const ke = find(chain, 'KE');
  const group = followUp.groups[0]!;
  if (ke === undefined || groupOf(ke.group) !== group) {
    sa.followUp = undefined;
    respond(context, association, [notify(NotifyType.INVALID_SYNTAX)], now);
    return;
  }
  agree(context, sa, group, ke.data.slice(), (agreed, later) => {
    if (sa.followUp !== followUp) return;
    if (agreed === undefined || association !== sa.association) {
      sa.followUp = undefined;
      respond(
        context,
        association,
        [notify(agreed === undefined ? NotifyType.NO_PROPOSAL_CHOSEN : NotifyType.STATE_NOT_FOUND)],
        later,
      );
      return;
    }
    followUp.groups.shift();
    followUp.secrets.push(agreed.secret);
    const answer: Payload[] = [{ kind: 'KE', group: ke.group, data: agreed.publicValue }];
    if (followUp.groups.length > 0) {
      followUp.link = context.random(LINK_BYTES);
      respond(context, association, [...answer, notify(NotifyType.ADDITIONAL_KEY_EXCHANGE, followUp.link)], later);
      return;
    }
    sa.followUp = undefined;
    followUp.complete(followUp.secrets, later);
    respond(context, association, answer, later);
  });
}

/**
 * As initiator, when the answer to CREATE_CHILD_SA has come: makes the further exchanges, and gives all secrets to
 * `then`. The task that is under way is finished here or there.
 */
export function runFollowUp(
  context: Context,
  association: Association,
  answer: PayloadChain,
  groups: readonly GroupName[],
  secrets: readonly Uint8Array[],
  now: Instant,
  then: (secrets: readonly Uint8Array[] | Failure, now: Instant) => void,
): void {
  const [group, ...others] = groups;
  if (group === undefined) {
    then(secrets, now);
    return;
  }
  const link = findNotify(answer, NotifyType.ADDITIONAL_KEY_EXCHANGE)?.data.slice();
  if (link === undefined) {
    then(malformed('an answer that names no further key exchange, though one was agreed on'), now);
    return;
  }
  const { sa } = association;
  let keyPair: Parameters<Parameters<typeof generateKey>[3]>[0] | undefined;
  const task: Task = {
    name: 'exchange further keys',
    exchange: ExchangeType.IKE_FOLLOWUP_KE,
    begin: () => {
      generateKey(context, sa, group, (made, later) => {
        keyPair = made;
        const ke: Payload = { kind: 'KE', group: groupNumber(group), data: made.publicValue };
        sendRequest(context, association, [ke, notify(NotifyType.ADDITIONAL_KEY_EXCHANGE, link)], later);
      });
      return 'later';
    },
    done: (next, later) => {
      const ke = find(next, 'KE');
      if (ke === undefined || groupOf(ke.group) !== group) {
        const error = errorIn(next);
        then(
          error === undefined
            ? malformed('an answer without the key')
            : failureFrom(error, 'further key exchange', [group]),
          later,
        );
        return 'later';
      }
      deriveSecret(context, sa, group, keyPair!, ke.data.slice(), (secret, last) => {
        if (secret === undefined) then(refusedKey, last);
        else runFollowUp(context, association, next, others, [...secrets, secret], last, then);
      });
      return 'later';
    },
  };
  // Before all that waits: the peer waits for this one.
  association.queue.unshift(task);
  association.current = undefined;
  runTasks(context, association, now);
}
