/** IKE_SA_INIT as its responder, once the first message is worth it. RFC 7296 §1.2, RFC 7383, RFC 7427, RFC 8784, RFC 9242. */

import type { Instant } from '../../../core/index.ts';
import { milestone } from '../../milestone.ts';
import type { IkeDatagram } from '../../output.ts';
import { closed } from '../closing.ts';
import type { Context } from '../context.ts';
import { refusedKey } from '../failures.ts';
import type { IkeSa, Opening } from '../ikeSa.ts';
import { type AgreedKey, agree } from '../keyAgreement.ts';
import { initialKeys } from '../keys.ts';
import { natNotifies } from '../natTraversal.ts';
import { NONCE_BYTES } from '../nonces.ts';
import { ExchangeType, NotifyType, notify, type Payload } from '../payloads/index.ts';
import { ikeV2ProposalText } from '../proposal.ts';
import type { ChosenIkeV2 } from '../proposalChoice.ts';
import { prepareClear, respondPrepared } from '../transmission.ts';
import { find, findNotify, type Message } from '../wire/index.ts';
import { announcements, hashesOf } from './announcements.ts';
import { certificateRequest } from './certificates.ts';
import { logIkeKeys } from './keyLog.ts';
import { beginResponder } from './responderSa.ts';

/**
 * Makes the IKE SA, and answers when the keys are made.
 * @param arrival `isProven`: the peer has shown by a cookie that it is at its address
 */
export function answerSaInit(
  context: Context,
  arrival: { readonly message: Message; readonly datagram: IkeDatagram; readonly isProven: boolean },
  chosen: ChosenIkeV2,
  now: Instant,
): void {
  const { message, datagram, isProven } = arrival;
  const sa = beginResponder(context, { message, datagram }, now);
  sa.association.proposal = chosen.proposal;
  milestone(context, sa, 'ike proposal agreed', ikeV2ProposalText(chosen.proposal));
  const { group } = chosen.proposal;
  agree(context, sa, group, find(message, 'KE')!.data.slice(), (agreed, later) => {
    if (agreed === undefined) closed(context, sa, refusedKey);
    else answer(context, sa, { message, isProven }, chosen, agreed, later);
  });
}

function answer(
  context: Context,
  sa: IkeSa,
  { message, isProven }: { readonly message: Message; readonly isProven: boolean },
  chosen: ChosenIkeV2,
  agreed: AgreedKey,
  now: Instant,
): void {
  const { association } = sa;
  const { initiatorSpi, responderSpi } = association;
  const initiatorNonce = find(message, 'Nonce')!.data.slice();
  const responderNonce = context.random(NONCE_BYTES);
  const usesPpk = context.config.postquantumKeys !== undefined && findNotify(message, NotifyType.USE_PPK) !== undefined;
  const payloads: Payload[] = [
    chosen.answer(),
    { kind: 'KE', group: find(message, 'KE')!.group, data: agreed.publicValue },
    { kind: 'Nonce', data: responderNonce },
    ...(sa.natTraversal ? natNotifies(context, association, sa) : []),
    ...announcements(context, sa, 'responder', message),
    ...(usesPpk ? [notify(NotifyType.USE_PPK)] : []),
  ];
  const head = { exchange: ExchangeType.IKE_SA_INIT, messageId: 0, response: true };
  const whole = prepareClear(context, association, head, [...payloads, ...certificateRequest(context)]);
  // Nobody has shown yet that the peer is at its address: it gets no more than came from there.
  const fits = isProven || whole.pieces[0]!.length <= message.bytes.length;
  const prepared = fits ? whole : prepareClear(context, association, head, payloads);
  const opening: Opening = {
    message1: message.bytes.slice(),
    message2: prepared.pieces[0]!,
    initiatorNonce,
    responderNonce,
    intermediate: {},
    furtherGroups: [...chosen.proposal.additional],
    peerHashes: hashesOf(message),
    peerAuthorities: undefined,
    postquantumKeys: usesPpk,
    resumed: false,
  };
  sa.opening = opening;
  const nonces = { initiator: initiatorNonce, responder: responderNonce };
  const seed = { nonces, spis: { initiator: initiatorSpi, responder: responderSpi } };
  association.keys = initialKeys(context.crypto, chosen.proposal, seed, agreed.secret);
  logIkeKeys(context, association);
  sa.phase = 'authenticating';
  milestone(context, sa, 'ike keys agreed', ikeV2ProposalText(chosen.proposal));
  respondPrepared(context, association, prepared, now);
}
