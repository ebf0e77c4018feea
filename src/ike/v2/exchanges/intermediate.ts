/** IKE_INTERMEDIATE with further key exchanges, between IKE_SA_INIT and IKE_AUTH. RFC 9242, RFC 9370 §2.2.2. */

import type { Instant } from '../../../core/index.ts';
import { milestone } from '../../milestone.ts';
import type { Association } from '../association.ts';
import { nextIntermediate } from '../authentication.ts';
import { closed, closedAfterAnswer } from '../closing.ts';
import type { Context } from '../context.ts';
import { errorIn, failureFrom, malformed, refusedKey } from '../failures.ts';
import type { IkeSa, Opening } from '../ikeSa.ts';
import { agree, deriveSecret, generateKey } from '../keyAgreement.ts';
import { intermediateKeys } from '../keys.ts';
import { ExchangeType, NotifyType, notify, type Payload } from '../payloads/index.ts';
import { groupNumber, groupOf } from '../proposalTransforms.ts';
import type { Arrival } from '../receiving.ts';
import { enqueue, finishTask, sendRequest } from '../requests.ts';
import { headOf, prepare, respondPrepared } from '../transmission.ts';
import { find, intermediateOctets, type Opened } from '../wire/index.ts';
import { logIkeKeys } from './keyLog.ts';

/** As initiator: one exchange for each further group, then `then`. */
export function runIntermediate(context: Context, sa: IkeSa, now: Instant, then: (now: Instant) => void): void {
  const { association, opening } = sa;
  const group = opening?.furtherGroups[0];
  if (opening === undefined || group === undefined) {
    then(now);
    return;
  }
  let keyPair: Parameters<Parameters<typeof generateKey>[3]>[0] | undefined;
  enqueue(
    context,
    association,
    {
      name: 'exchange further keys',
      exchange: ExchangeType.IKE_INTERMEDIATE,
      begin: () => {
        generateKey(context, sa, group, (made, later) => {
          keyPair = made;
          const payloads: Payload[] = [{ kind: 'KE', group: groupNumber(group), data: made.publicValue }];
          const { messageId } = association.current!;
          const head = { exchange: ExchangeType.IKE_INTERMEDIATE, messageId, response: false };
          cover(context, association, 'initiator', intermediateOctets(headOf(association, head), payloads));
          sendRequest(context, association, payloads, later);
        });
        return 'later';
      },
      done: (answer) => {
        const ke = find(answer, 'KE');
        const error = errorIn(answer);
        if (ke === undefined || groupOf(ke.group) !== group) {
          const failure =
            error === undefined
              ? malformed('an answer without the key that was asked for')
              : failureFrom(error, 'further key exchange', [group]);
          closed(context, sa, failure);
          return 'later';
        }
        cover(context, association, 'responder', (answer as Opened).intermediate);
        deriveSecret(context, sa, group, keyPair!, ke.data.slice(), (secret, later) => {
          if (secret === undefined) {
            closed(context, sa, refusedKey);
            return;
          }
          advance(context, association, opening, secret);
          finishTask(context, association, later);
          runIntermediate(context, sa, later, then);
        });
        return 'later';
      },
    },
    now,
  );
}

/** As responder. The next one comes under the new keys. */
export function onIntermediate(context: Context, association: Association, { chain }: Arrival, now: Instant): void {
  const { sa } = association;
  const { opening } = sa;
  const group = opening?.furtherGroups[0];
  const ke = find(chain, 'KE');
  if (opening === undefined || group === undefined || ke === undefined || groupOf(ke.group) !== group) {
    const reason = malformed('IKE_INTERMEDIATE without the key exchange that was agreed on');
    fail(context, association, NotifyType.INVALID_SYNTAX, reason, now);
    return;
  }
  cover(context, association, 'initiator', (chain as Opened).intermediate);
  agree(context, sa, group, ke.data.slice(), (agreed, later) => {
    if (agreed === undefined) {
      fail(context, association, NotifyType.INVALID_SYNTAX, refusedKey, later);
      return;
    }
    const payloads: Payload[] = [{ kind: 'KE', group: ke.group, data: agreed.publicValue }];
    const { messageId } = association.answering!;
    const head = { exchange: ExchangeType.IKE_INTERMEDIATE, messageId, response: true };
    cover(context, association, 'responder', intermediateOctets(headOf(association, head), payloads));
    const prepared = prepare(context, association, head, payloads);
    advance(context, association, opening, agreed.secret);
    respondPrepared(context, association, prepared, later);
  });
}

function fail(context: Context, association: Association, notifyType: number, reason: typeof refusedKey, now: Instant) {
  const { sa } = association;
  const { messageId, exchange } = association.answering!;
  const head = { exchange, messageId, response: true };
  respondPrepared(context, association, prepare(context, association, head, [notify(notifyType)]), now);
  closedAfterAnswer(context, sa, reason, now);
}

/** AUTH covers each message of these exchanges, under the keys that protected it. RFC 9242 §3.3.2. */
function cover(context: Context, { sa, keys }: Association, side: 'initiator' | 'responder', octets: Uint8Array): void {
  const { opening } = sa;
  if (opening === undefined || keys === undefined) return;
  const skP = side === 'initiator' ? keys.skPi : keys.skPr;
  const before = opening.intermediate[side];
  const next = nextIntermediate(context.crypto, keys.prf, skP, before, octets);
  opening.intermediate = { ...opening.intermediate, [side]: next };
}

function advance(context: Context, association: Association, opening: Opening, secret: Uint8Array): void {
  const { keys, proposal, initiatorSpi, responderSpi } = association;
  const group = opening.furtherGroups.shift();
  const nonces = { initiator: opening.initiatorNonce, responder: opening.responderNonce };
  const seed = { nonces, spis: { initiator: initiatorSpi, responder: responderSpi } };
  association.keys = intermediateKeys(context.crypto, proposal!, keys!, seed, secret);
  logIkeKeys(context, association);
  milestone(context, association.sa, 'ike further key agreed', group);
}
