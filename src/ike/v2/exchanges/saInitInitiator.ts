/** IKE_SA_INIT as its initiator: the first request, its retries, and the answer that counts. RFC 7296 §1.2, §2.6, §2.7. */

import type { Failure, Instant, Milliseconds } from '../../../core/index.ts';
import type { GroupName, KeyPair } from '../../../crypto/index.ts';
import { mismatchText } from '../../choose.ts';
import { milestone } from '../../milestone.ts';
import type { IkeDatagram } from '../../output.ts';
import type { Association } from '../association.ts';
import { closed } from '../closing.ts';
import type { Context } from '../context.ts';
import { errorIn, failureFrom, refusedKey } from '../failures.ts';
import type { IkeSa } from '../ikeSa.ts';
import { deriveSecret, generateKey } from '../keyAgreement.ts';
import { initialKeys } from '../keys.ts';
import { detectNat, firstSpis, floatPorts, natNotifies } from '../natTraversal.ts';
import { isNonceLength, NONCE_BYTES } from '../nonces.ts';
import { ExchangeType, NotifyType, notify, type Payload } from '../payloads/index.ts';
import { ikeV2AlternativesText, ikeV2ProposalText } from '../proposal.ts';
import { firstIkeGroup, groupsOf, offerIkeV2, readIkeV2Answer, readInvalidKe } from '../proposalChoice.ts';
import { groupNumber, groupOf } from '../proposalTransforms.ts';
import { outOfState, type Refusal } from '../refusal.ts';
import { enqueue, finishTask, sendPrepared } from '../requests.ts';
import { prepareClear, traceIn } from '../transmission.ts';
import { all, find, findNotify, type Message, unsupportedCritical } from '../wire/index.ts';
import { abilitiesOf, announcements, hashesOf } from './announcements.ts';
import { beginAuth } from './authInitiator.ts';
import { authoritiesOf } from './certificates.ts';
import { runIntermediate } from './intermediate.ts';
import { logIkeKeys } from './keyLog.ts';
import { followRedirect } from './redirect.ts';
import { onResumeAnswer, resume } from './resumption.ts';

/** A cookie, another group and a cookie again are three. More come from who means ill. */
const MAX_RESTARTS = 5;
/** How long a better answer is waited for, after a refusal that anyone may have sent. */
const HINT_PATIENCE: Milliseconds = 1000;

/** What our request says. */
export interface SaInit {
  readonly group: GroupName;
  readonly keyPair: KeyPair;
  readonly nonce: Uint8Array;
  readonly cookie: Uint8Array | undefined;
  readonly request: Uint8Array;
}

/** Begins an IKE SA. */
export function begin(context: Context, sa: IkeSa, now: Instant): void {
  milestone(context, sa, 'ike first message', 'sent');
  if (!resume(context, sa, now)) beginSaInit(context, sa, now);
}

/** Without a ticket, or after one that was not taken. */
export function beginSaInit(context: Context, sa: IkeSa, now: Instant): void {
  const { association } = sa;
  const task = {
    name: 'begin',
    exchange: ExchangeType.IKE_SA_INIT,
    begin: () => {
      ask(context, sa, firstGroup(context));
      return 'later' as const;
    },
    done: () => undefined,
  };
  enqueue(context, association, task, now);
}

const firstGroup = (context: Context): GroupName => firstIkeGroup(context.config.profile.offer.ike)!;

function ask(context: Context, sa: IkeSa, group: GroupName, before?: SaInit): void {
  generateKey(context, sa, group, (keyPair, now) => {
    const nonce = before?.nonce ?? context.random(NONCE_BYTES);
    send(context, sa, { group, keyPair, nonce, cookie: before?.cookie }, now);
  });
}

function send(context: Context, sa: IkeSa, said: Omit<SaInit, 'request'>, now: Instant): void {
  const { association } = sa;
  const { group, keyPair, nonce, cookie } = said;
  const payloads: Payload[] = [
    ...(cookie === undefined ? [] : [notify(NotifyType.COOKIE, cookie)]),
    offerIkeV2(context.config.profile.offer.ike),
    { kind: 'KE', group: groupNumber(group), data: keyPair.publicValue },
    { kind: 'Nonce', data: nonce },
    ...natNotifies(context, firstSpis(association), sa),
    ...announcements(context, sa, 'initiator'),
  ];
  const head = { exchange: ExchangeType.IKE_SA_INIT, messageId: 0, response: false };
  const prepared = prepareClear(context, association, head, payloads);
  sa.init = { ...said, request: prepared.pieces[0]! };
  sendPrepared(context, association, prepared, now);
}

interface ClearArrival {
  readonly message: Message;
  readonly datagram: IkeDatagram;
}

/** An answer that anyone on the way can have sent: what it refuses is a hint. */
export function onClearAnswer(
  context: Context,
  association: Association,
  { message, datagram }: ClearArrival,
  now: Instant,
): Refusal {
  const { sa } = association;
  const { init } = sa;
  if (datagram.remote.address !== sa.remote.address) return outOfState('an answer from elsewhere');
  const { exchange } = message.header;
  traceIn(context, sa, { exchange, messageId: 0, response: true }, message.payloads, message.bytes.length);
  if (unsupportedCritical(message) !== undefined) {
    return { code: 'unsupported-critical-payload', reason: 'the answer holds an unknown critical payload' };
  }
  if (exchange === ExchangeType.IKE_SESSION_RESUME) return onResumeAnswer(context, sa, message, now);
  if (init === undefined) return outOfState('no first message of ours is under way');
  const cookie = findNotify(message, NotifyType.COOKIE)?.data;
  if (cookie !== undefined) return restart(context, sa, init.group, { ...init, cookie: cookie.slice() }, now);
  const other = findNotify(message, NotifyType.INVALID_KE_PAYLOAD);
  if (other !== undefined) return onOtherGroup(context, sa, init, other.data, now);
  if (followRedirect(context, sa, message, init.nonce)) return undefined;
  const error = errorIn(message);
  if (error !== undefined) {
    const offered = context.config.profile.offer.ike.proposals.map(ikeV2AlternativesText);
    return hint(sa, failureFrom(error, 'first exchange', offered), now);
  }
  return onAnswer(context, sa, init, message, now);
}

/** The group must be one that we offered, and no retry asks for the same one twice. RFC 7296 §1.2, §2.7. */
function onOtherGroup(context: Context, sa: IkeSa, init: SaInit, data: Uint8Array, now: Instant): Refusal {
  const group = readInvalidKe(data, groupsOf(context.config.profile.offer.ike));
  if (group === undefined || group === init.group) {
    return hint(sa, UNUSABLE_GROUP, now);
  }
  return restart(context, sa, group, init, now);
}

function restart(context: Context, sa: IkeSa, group: GroupName, init: SaInit, now: Instant): Refusal {
  const { association } = sa;
  if (++sa.restarts > MAX_RESTARTS) return hint(sa, TOO_MANY_RESTARTS, now);
  sa.timers.clear(`retransmit:${association.serial}`);
  association.nextRequest = 0;
  association.current!.prepared = undefined;
  if (group !== init.group) ask(context, sa, group, init);
  else send(context, sa, init, now);
  return undefined;
}

/** Ends the waiting a little later, where nothing better comes. */
function hint(sa: IkeSa, failure: Failure, now: Instant): Refusal {
  sa.hint ??= failure;
  if (!sa.timers.isSet('hint')) sa.timers.set('hint', now + HINT_PATIENCE);
  return undefined;
}

function onAnswer(context: Context, sa: IkeSa, init: SaInit, message: Message, now: Instant): Refusal {
  const { association } = sa;
  const chosenSa = find(message, 'SA');
  const ke = find(message, 'KE');
  const nonce = find(message, 'Nonce');
  const { responderSpi } = message.header;
  if (chosenSa === undefined || ke === undefined || nonce === undefined || !isNonceLength(nonce.data)) {
    return { code: 'malformed', reason: 'the answer to IKE_SA_INIT lacks SA, KE or a nonce of 16 to 256 bytes' };
  }
  if (responderSpi.every((byte) => byte === 0)) return { code: 'malformed', reason: 'the answer has no SPI' };
  const chosen = readIkeV2Answer(chosenSa, context.config.profile.offer.ike);
  if (chosen.type === 'mismatch') {
    return hint(sa, { code: 'no-proposal-chosen', reason: mismatchText(chosen) }, now);
  }
  // Both name the group; where they differ from each other or from ours somebody has meddled.
  if (chosen.proposal.group !== init.group || groupOf(ke.group) !== init.group) return hint(sa, UNUSABLE_GROUP, now);
  const { current } = association;
  current!.answered = true;
  sa.hint = undefined;
  sa.timers.clear('hint');
  sa.timers.clear(`retransmit:${association.serial}`);
  context.unindex(association);
  association.responderSpi = responderSpi.slice();
  association.proposal = chosen.proposal;
  context.index(association);
  milestone(context, sa, 'ike proposal agreed', ikeV2ProposalText(chosen.proposal));
  sa.peer = { ...abilitiesOf(message), offers: [ikeV2ProposalText(chosen.proposal)] };
  detectNat(context, sa, association, sa, message);
  floatPorts(context, sa);
  sa.opening = {
    message1: init.request,
    message2: message.bytes.slice(),
    initiatorNonce: init.nonce,
    responderNonce: nonce.data.slice(),
    intermediate: {},
    furtherGroups: [...chosen.proposal.additional],
    peerHashes: hashesOf(message),
    peerAuthorities: authoritiesOf(all(message, 'CERTREQ')),
    postquantumKeys: findNotify(message, NotifyType.USE_PPK) !== undefined,
    resumed: false,
  };
  deriveSecret(context, sa, init.group, init.keyPair, ke.data.slice(), (secret, later) => {
    if (secret === undefined) closed(context, sa, refusedKey);
    else onSecret(context, sa, secret, later);
  });
  return undefined;
}

function onSecret(context: Context, sa: IkeSa, secret: Uint8Array, now: Instant): void {
  const { association, opening } = sa;
  if (opening === undefined || association.proposal === undefined) return;
  const nonces = { initiator: opening.initiatorNonce, responder: opening.responderNonce };
  const spis = { initiator: association.initiatorSpi, responder: association.responderSpi };
  association.keys = initialKeys(context.crypto, association.proposal, { nonces, spis }, secret);
  logIkeKeys(context, association);
  milestone(context, sa, 'ike keys agreed', ikeV2ProposalText(association.proposal));
  sa.phase = 'authenticating';
  sa.init = undefined;
  finishTask(context, association, now);
  runIntermediate(context, sa, now, (later) => beginAuth(context, sa, later));
}

const UNUSABLE_GROUP: Failure = {
  code: 'no-proposal-chosen',
  reason: 'the peer wants a key exchange method that was not offered, or names two of them',
  remedy: 'Let both ends have a key exchange method in common.',
};

const TOO_MANY_RESTARTS: Failure = {
  code: 'peer-refused',
  reason: 'the peer asked again and again to begin anew',
  remedy: 'Look into the log of the peer; it may be under attack.',
};
