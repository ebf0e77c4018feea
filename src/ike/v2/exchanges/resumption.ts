/** Session resumption: a ticket in place of authentication and public-key work. RFC 5723. */

import type { Failure, Instant } from '../../../core/index.ts';
import { Malformed, sameBytes } from '../../../wire/index.ts';
import { milestone } from '../../milestone.ts';
import type { Identity, IkeDatagram } from '../../output.ts';
import type { AuthenticationMethod } from '../../signature.ts';
import type { Association, Task } from '../association.ts';
import { closed } from '../closing.ts';
import type { Context } from '../context.ts';
import type { IkeSa, Opening } from '../ikeSa.ts';
import { resumedKeys } from '../keys.ts';
import { detectNat, firstSpis, floatPorts, natNotifies } from '../natTraversal.ts';
import { isNonceLength, NONCE_BYTES } from '../nonces.ts';
import { ExchangeType, type NotifyPayload, NotifyType, notify, type Payload } from '../payloads/index.ts';
import type { IkeV2Proposal } from '../proposal.ts';
import { ikeV2ProposalText } from '../proposal.ts';
import { outOfState, type Refusal } from '../refusal.ts';
import { enqueue, finishTask, sendPrepared } from '../requests.ts';
import { freshSpi } from '../spis.ts';
import { readTicketData, ticketData } from '../ticket.ts';
import { prepareClear, respondPrepared } from '../transmission.ts';
import { find, findNotify, type Message, type PayloadChain } from '../wire/index.ts';
import { abilitiesOf, announcements, hashesOf } from './announcements.ts';
import { beginAuth } from './authInitiator.ts';
import { logIkeKeys } from './keyLog.ts';
import { answerClear, provesAddress } from './newcomer.ts';
import { followRedirect, redirectNotify } from './redirect.ts';
import { beginResponder } from './responderSa.ts';
import { beginSaInit } from './saInitInitiator.ts';

/** What an initiator keeps of a session for the next one. */
export interface KeptTicket {
  readonly ticket: Uint8Array;
  readonly expiresAt: Instant;
  readonly proposal: IkeV2Proposal;
  readonly skD: Uint8Array;
  /** The ticket is for whom we said to be. */
  readonly localIdentity: Identity;
  /** A post-quantum pre-shared key is in `skD`. RFC 8784. */
  readonly usesPostquantumKey: boolean;
  /** Times that the gateway was asked with it and did not answer. */
  readonly unanswered: number;
}

/** A gateway that never answers to a ticket may still answer to a first message. */
const MOST_UNANSWERED = 2;

const MOST_COOKIES = 3;

/** Gateways whose tickets are kept. */
const MOST_TICKETS = 64;

/** As initiator, in the first IKE_AUTH. */
export const wantsTicket = ({ config }: Context): readonly NotifyPayload[] =>
  config.resumption ? [notify(NotifyType.TICKET_REQUEST)] : [];

/** As responder: the ticket that was asked for. */
export function ticketFor(
  context: Context,
  { sa, keys, proposal }: Association,
  request: Pick<PayloadChain, 'payloads'>,
  now: Instant,
): readonly NotifyPayload[] {
  const { resumption, ticketLifetimeSeconds } = context.config;
  if (!resumption || findNotify(request, NotifyType.TICKET_REQUEST) === undefined) return [];
  // Resumed again and again, a session is still no older than its ticket could be: then the peer proves itself anew.
  const expiresAt = sa.resumedFrom?.expiresAt ?? now + ticketLifetimeSeconds * 1000;
  const lifetimeSeconds = Math.floor((expiresAt - now) / 1000);
  if (lifetimeSeconds <= 0) return [];
  const ticket = context.tickets.seal(
    {
      expiresAt,
      initiatorId: sa.auth!.remoteIdBody!,
      responderId: sa.auth!.localIdBody,
      proposal: proposal!,
      skD: keys!.skD,
      ...(sa.user !== undefined && { user: sa.user }),
      ...(sa.eapMethod !== undefined && { eapMethod: sa.eapMethod }),
      ...(sa.auth!.credential !== undefined && { credential: sa.auth!.credential }),
      method: sa.authentication!.remote,
      usesPostquantumKey: sa.usesPostquantumKey,
    },
    now,
  );
  return [notify(NotifyType.TICKET_LT_OPAQUE, ticketData(lifetimeSeconds, ticket))];
}

/** As initiator: keeps what the answer brings. */
export function takeTicket(
  context: Context,
  { sa, keys, proposal }: Association,
  answer: PayloadChain,
  now: Instant,
): void {
  const notified = findNotify(answer, NotifyType.TICKET_LT_OPAQUE);
  if (notified === undefined || !context.config.resumption) return;
  try {
    const { lifetimeSeconds, ticket } = readTicketData(notified.data);
    const kept: KeptTicket = {
      ticket,
      expiresAt: now + lifetimeSeconds * 1000,
      proposal: proposal!,
      skD: keys!.skD,
      localIdentity: sa.localIdentity!,
      usesPostquantumKey: sa.usesPostquantumKey,
      unanswered: 0,
    };
    context.keptTickets.delete(sa.remote.address);
    context.keptTickets.set(sa.remote.address, kept);
    if (context.keptTickets.size > MOST_TICKETS) {
      context.keptTickets.delete(context.keptTickets.keys().next().value!);
    }
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
  }
}

/**
 * As initiator: begins with a ticket where there is one. It is good for one answer of the gateway: one that is not reached
 * for a while does not cost us the ticket.
 * @returns whether it does
 */
export function resume(context: Context, sa: IkeSa, now: Instant): boolean {
  const { address } = sa.remote;
  const kept = context.config.resumption ? context.keptTickets.get(address) : undefined;
  if (kept === undefined) return false;
  context.keptTickets.delete(address);
  if (kept.expiresAt <= now || kept.unanswered >= MOST_UNANSWERED) return false;
  if (context.config.postquantumKeys?.required && !kept.usesPostquantumKey) return false;
  context.keptTickets.set(address, { ...kept, unanswered: kept.unanswered + 1 });
  sa.usesPostquantumKey = kept.usesPostquantumKey;
  sa.localIdentity = kept.localIdentity;
  sa.resuming = { kept, nonce: context.random(NONCE_BYTES), cookie: undefined, request: undefined };
  const task: Task = {
    name: 'resume',
    exchange: ExchangeType.IKE_SESSION_RESUME,
    begin: (later) => {
      sendResume(context, sa, undefined, later);
      return 'later';
    },
    done: () => undefined,
  };
  enqueue(context, sa.association, task, now);
  return true;
}

function sendResume(context: Context, sa: IkeSa, cookie: Uint8Array | undefined, now: Instant): void {
  const { association, resuming } = sa;
  const payloads: Payload[] = [
    ...(cookie === undefined ? [] : [notify(NotifyType.COOKIE, cookie)]),
    { kind: 'Nonce', data: resuming!.nonce },
    notify(NotifyType.TICKET_OPAQUE, resuming!.kept.ticket),
    ...natNotifies(context, firstSpis(association), sa),
    ...announcements(context, sa, 'initiator'),
  ];
  const head = { exchange: ExchangeType.IKE_SESSION_RESUME, messageId: 0, response: false };
  const prepared = prepareClear(context, association, head, payloads);
  sa.resuming = { ...resuming!, cookie, request: prepared.pieces[0]! };
  sendPrepared(context, association, prepared, now);
}

/** As initiator: the answer to IKE_SESSION_RESUME. Where the ticket is not taken, all begins anew. */
export function onResumeAnswer(context: Context, sa: IkeSa, message: Message, now: Instant): Refusal {
  const { association, resuming } = sa;
  if (resuming?.request === undefined) return outOfState('no session is being resumed');
  const cookie = findNotify(message, NotifyType.COOKIE)?.data;
  if (cookie !== undefined) {
    // The answer to a request that came twice tells nothing new.
    if (resuming.cookie !== undefined && sameBytes(resuming.cookie, cookie))
      return outOfState('a cookie that was said');
    if (++sa.restarts > MOST_COOKIES) return outOfState('cookies without end');
    association.nextRequest = 0;
    association.current!.prepared = undefined;
    sendResume(context, sa, cookie.slice(), now);
    return undefined;
  }
  if (followRedirect(context, sa, message, resuming.nonce)) return undefined;
  context.keptTickets.delete(sa.remote.address);
  const nonce = find(message, 'Nonce')?.data.slice();
  const { responderSpi } = message.header;
  if (nonce === undefined || !isNonceLength(nonce) || responderSpi.every((byte) => byte === 0)) {
    sa.resuming = undefined;
    sa.localIdentity = undefined;
    sa.usesPostquantumKey = false;
    association.nextRequest = 0;
    // Should the refusal be forged, the gateway has a session under the first SPI, and would take no other beginning.
    context.unindex(association);
    association.initiatorSpi = freshSpi(context);
    context.index(association);
    finishTask(context, association, now);
    beginSaInit(context, sa, now);
    return undefined;
  }
  const { kept, request } = resuming;
  context.unindex(association);
  association.responderSpi = responderSpi.slice();
  context.index(association);
  sa.peer = { ...abilitiesOf(message), offers: [ikeV2ProposalText(kept.proposal)] };
  detectNat(context, sa, association, sa, message);
  floatPorts(context, sa);
  const nonces = { initiator: resuming.nonce, responder: nonce };
  sa.opening = openingOf(request, message.bytes.slice(), nonces, message);
  begun(context, association, kept.proposal, kept.skD, nonces);
  sa.resuming = undefined;
  finishTask(context, association, now);
  beginAuth(context, sa, now);
  return undefined;
}

/** As responder: IKE_SESSION_RESUME of a peer that we knew. */
export function onResumeRequest(
  context: Context,
  { message, datagram }: { readonly message: Message; readonly datagram: IkeDatagram },
  now: Instant,
): Refusal {
  const nonce = find(message, 'Nonce')?.data.slice();
  const ticket = findNotify(message, NotifyType.TICKET_OPAQUE)?.data;
  if (nonce === undefined || ticket === undefined || !isNonceLength(nonce) || message.header.messageId !== 0) {
    return { code: 'malformed', reason: 'IKE_SESSION_RESUME without a ticket or a nonce of 16 to 256 bytes' };
  }
  if (!provesAddress(context, { message, datagram }, nonce, now)) return undefined;
  const redirect = redirectNotify(context, { message, datagram }, nonce);
  if (redirect !== undefined) {
    answerClear(context, { message, datagram }, [redirect], now, 'unlimited');
    return { code: 'redirected', reason: 'the peer was sent to another gateway' };
  }
  const { admitted, evict } = context.halfOpen.admit(datagram.remote.address);
  if (!admitted) return { code: 'half-open-limit', reason: 'too many unfinished exchanges' };
  const { resumption, postquantumKeys } = context.config;
  const state = resumption ? context.tickets.open(ticket, now) : undefined;
  if (state === undefined || (postquantumKeys?.required && !state.usesPostquantumKey)) {
    answerClear(context, { message, datagram }, [notify(NotifyType.TICKET_NACK)], now);
    return { code: 'ticket-refused', reason: 'the peer resumes with a ticket that is not ours, old or used' };
  }
  if (evict !== undefined) closed(context, evict, EVICTED);
  const sa = beginResponder(context, { message, datagram }, now);
  const { association } = sa;
  sa.peer = { ...sa.peer, offers: [ikeV2ProposalText(state.proposal)] };
  const nonces = { initiator: nonce, responder: context.random(NONCE_BYTES) };
  const payloads: Payload[] = [
    { kind: 'Nonce', data: nonces.responder },
    ...(sa.natTraversal ? natNotifies(context, association, sa) : []),
    ...announcements(context, sa, 'responder', message),
  ];
  const prepared = prepareClear(
    context,
    association,
    { exchange: ExchangeType.IKE_SESSION_RESUME, messageId: 0, response: true },
    payloads,
  );
  sa.opening = openingOf(message.bytes.slice(), prepared.pieces[0]!, nonces, message);
  const { initiatorId, user, credential, expiresAt } = state;
  sa.resumedFrom = { initiatorId, user, credential, method: state.method as AuthenticationMethod, expiresAt };
  sa.eapMethod = state.eapMethod;
  sa.usesPostquantumKey = state.usesPostquantumKey;
  begun(context, association, state.proposal, state.skD, nonces);
  respondPrepared(context, association, prepared, now);
  return undefined;
}

/** As responder: the identity must be the one that the ticket was given to. */
export const isTicketOf = (sa: IkeSa, idBody: Uint8Array): boolean =>
  sa.resumedFrom !== undefined && sameBytes(sa.resumedFrom.initiatorId, idBody);

interface Nonces {
  readonly initiator: Uint8Array;
  readonly responder: Uint8Array;
}

function openingOf(message1: Uint8Array, message2: Uint8Array, nonces: Nonces, peers: Message): Opening {
  return {
    message1,
    message2,
    initiatorNonce: nonces.initiator,
    responderNonce: nonces.responder,
    intermediate: {},
    furtherGroups: [],
    peerHashes: hashesOf(peers),
    peerAuthorities: undefined,
    postquantumKeys: false,
    resumed: true,
  };
}

function begun(context: Context, association: Association, proposal: IkeV2Proposal, skD: Uint8Array, nonces: Nonces) {
  const { sa, initiatorSpi, responderSpi } = association;
  const seed = { nonces, spis: { initiator: initiatorSpi, responder: responderSpi } };
  association.proposal = proposal;
  association.keys = resumedKeys(context.crypto, proposal, skD, seed);
  logIkeKeys(context, association);
  sa.phase = 'authenticating';
  milestone(context, sa, 'ike session resumed', ikeV2ProposalText(proposal));
}

const EVICTED: Failure = { code: 'half-open-limit', reason: 'it made room: too many unfinished exchanges' };
