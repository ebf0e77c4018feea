/**
 * A message for an IKE SA: is it authentic, is it its turn, is it allowed here? RFC 7296 §2.1 to §2.3, §2.5, §2.21.
 */

import type { Instant } from '../../core/index.ts';
import { Malformed } from '../../wire/index.ts';
import type { IkeDatagram } from '../output.ts';
import { digestOf } from '../v1/arrival.ts';
import { type Association, spiKey } from './association.ts';
import { closed, closedAfterAnswer, takeUpAll } from './closing.ts';
import type { Context } from './context.ts';
import { onAuthRequest } from './exchanges/authResponder.ts';
import { onCreateChild } from './exchanges/createChildResponder.ts';
import { onFollowupKe } from './exchanges/followupKe.ts';
import { onInformational } from './exchanges/informational.ts';
import { onIntermediate } from './exchanges/intermediate.ts';
import { onClearAnswer } from './exchanges/saInitInitiator.ts';
import { failureOfError, malformed } from './failures.ts';
import type { IkeSa } from './ikeSa.ts';
import { followPath } from './natTraversal.ts';
import { ExchangeType, NotifyType, notify } from './payloads/index.ts';
import { busy, duplicate, outOfState, type Refusal } from './refusal.ts';
import { awaits, takeAnswer } from './requests.ts';
import { repeatAnswer, respond, traceIn } from './transmission.ts';
import { takeUnknownIkeSpiHint } from './unknownSpi.ts';
import {
  isFromInitiator,
  isResponse,
  type Message,
  openMessage,
  type PayloadChain,
  unsupportedCritical,
} from './wire/index.ts';
import { openPart } from './wire/protection.ts';

/** What came and may be acted on. */
export interface Arrival {
  readonly message: Message;
  readonly chain: PayloadChain;
  readonly datagram: IkeDatagram;
}

export function receiveOn(
  context: Context,
  association: Association,
  arrival: Omit<Arrival, 'chain'>,
  now: Instant,
): Refusal {
  const { message } = arrival;
  if (isFromInitiator(message.header) === association.initiated) {
    return { code: 'reflected', reason: 'the message claims to be from the same end of the IKE SA as we are' };
  }
  return isResponse(message.header)
    ? onResponse(context, association, arrival, now)
    : onRequest(context, association, arrival, now);
}

function onResponse(
  context: Context,
  association: Association,
  arrival: Omit<Arrival, 'chain'>,
  now: Instant,
): Refusal {
  const { message, datagram } = arrival;
  const { messageId, exchange } = message.header;
  if (!awaits(association, messageId) || association.current?.task.exchange !== exchange) {
    return outOfState(`no answer of message id ${messageId} is awaited`);
  }
  if (exchange === ExchangeType.IKE_SA_INIT || exchange === ExchangeType.IKE_SESSION_RESUME) {
    if (message.sealed !== undefined) return outOfState('a protected answer to the first message');
    return onClearAnswer(context, association, arrival, now);
  }
  if (message.sealed === undefined && takeUnknownIkeSpiHint(context, association.sa, arrival, now)) return undefined;
  const opened = open(context, association, arrival, now);
  if (!('chain' in opened)) return opened.refusal;
  const { chain } = opened;
  const { sa } = association;
  alive(sa, now);
  traceIn(context, sa, { exchange, messageId, response: true }, chain.payloads, datagram.bytes.length);
  followPath(context, sa, datagram);
  if (unsupportedCritical(chain) !== undefined) {
    // A response has no answer: what is critical in it and unknown makes it void. RFC 7296 §2.5.
    return { code: 'unsupported-critical-payload', reason: 'the answer holds an unknown critical payload' };
  }
  try {
    takeAnswer(context, association, messageId, chain, now);
  } catch (error) {
    closed(context, sa, failureOfError(error));
  }
  return undefined;
}

function onRequest(context: Context, association: Association, arrival: Omit<Arrival, 'chain'>, now: Instant): Refusal {
  const { message, datagram } = arrival;
  const { messageId, exchange } = message.header;
  const { sa } = association;
  if (messageId + 1 === association.nextExpected) return onDuplicate(context, association, arrival, now);
  if (messageId !== association.nextExpected) {
    return { code: 'invalid-message-id', reason: `message id ${messageId}, ${association.nextExpected} is next` };
  }
  if (association.answering !== undefined) return busy;
  if (sa.phase === 'gone' || association.state === 'gone') {
    // Who was refused may say that it has understood, and nobody needs to hear it.
    return exchange === ExchangeType.INFORMATIONAL ? undefined : outOfState('the IKE SA has ended');
  }
  const wrong = allowed(association, exchange);
  if (wrong !== undefined) return wrong;
  const opened = open(context, association, arrival, now);
  if (!('chain' in opened)) return opened.refusal;
  const { chain } = opened;
  const digest = digestOf(context.crypto, datagram.bytes);
  association.answering = { messageId, exchange, datagram, digest };
  alive(sa, now);
  traceIn(context, sa, { exchange, messageId, response: false }, chain.payloads, datagram.bytes.length);
  followPath(context, sa, datagram);
  if (opened.malformed !== undefined) {
    // Authentic and yet not readable: the end of the IKE SA on both sides. RFC 7296 §2.21.3.
    respond(context, association, [notify(NotifyType.INVALID_SYNTAX)], now);
    closedAfterAnswer(context, sa, malformed(`the peer sent a malformed request: ${opened.malformed}`), now);
    return undefined;
  }
  const critical = unsupportedCritical(chain);
  if (critical !== undefined) {
    respond(context, association, [notify(NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD, Uint8Array.of(critical))], now);
    return {
      code: 'unsupported-critical-payload',
      reason: `the request holds an unknown critical payload ${critical}`,
    };
  }
  const before = [...sa.children.values()];
  try {
    act(context, association, { message, chain, datagram }, now);
  } catch (error) {
    respond(context, association, [notify(NotifyType.INVALID_SYNTAX)], now);
    closedAfterAnswer(context, sa, failureOfError(error), now);
  }
  if (sa.established) takeUpAll(context, sa, before, now);
  return undefined;
}

/** What may come before the IKE SA stands, and after. */
function allowed({ sa, initiated }: Association, exchange: number): Refusal {
  const opening = sa.phase === 'authenticating' && !initiated && sa.role === 'responder';
  switch (exchange) {
    case ExchangeType.IKE_AUTH:
    case ExchangeType.IKE_INTERMEDIATE:
      return opening ? undefined : outOfState('the IKE SA is authenticated already, or not that far');
    case ExchangeType.CREATE_CHILD_SA:
    case ExchangeType.INFORMATIONAL:
    case ExchangeType.IKE_FOLLOWUP_KE: {
      const stands = sa.phase === 'established' || sa.phase === 'closing';
      // A peer that gives EAP up says so. RFC 7296 §2.21.2.
      const mayGiveUp = exchange === ExchangeType.INFORMATIONAL && opening && sa.auth?.eap !== undefined;
      return stands || mayGiveUp
        ? undefined
        : outOfState('nothing but the first exchanges may come before authentication');
    }
  }
  return { code: 'unknown-exchange', reason: `exchange type ${exchange}` };
}

function act(context: Context, association: Association, arrival: Arrival, now: Instant): void {
  switch (arrival.message.header.exchange) {
    case ExchangeType.IKE_INTERMEDIATE:
      onIntermediate(context, association, arrival, now);
      break;
    case ExchangeType.IKE_AUTH:
      onAuthRequest(context, association, arrival, now);
      break;
    case ExchangeType.CREATE_CHILD_SA:
      onCreateChild(context, association, arrival.chain, now);
      break;
    case ExchangeType.IKE_FOLLOWUP_KE:
      onFollowupKe(context, association, arrival.chain, now);
      break;
    case ExchangeType.INFORMATIONAL:
      onInformational(context, association, arrival, now);
      break;
  }
}

function onDuplicate(
  context: Context,
  association: Association,
  arrival: Omit<Arrival, 'chain'>,
  now: Instant,
): Refusal {
  const { message, datagram } = arrival;
  const { answered } = association;
  if (answered === undefined || answered.messageId !== message.header.messageId) return duplicate;
  const { sealed } = message;
  // Of a request in fragments the first one asks for the answer. RFC 7383 §2.6.1.
  if (sealed?.payload.kind === 'SKF' && sealed.payload.fragment !== 1) return duplicate;
  const exact = digestOf(context.crypto, datagram.bytes) === answered.digest;
  if (!exact && !isAuthentic(context, association, message)) return BAD_INTEGRITY;
  repeatAnswer(context, association, datagram, now);
  return undefined;
}

type Opened = { readonly chain: PayloadChain; readonly malformed?: string } | { readonly refusal: Refusal };

const NOTHING: PayloadChain = { payloads: [], raw: [] };

/** The peer's direction of the keys. */
const inboundKeys = ({ keys, initiated }: Association) => (initiated ? keys?.responder : keys?.initiator);

/** Verifies and decrypts; of a fragment only when it was the last one that was missing. */
function open(context: Context, association: Association, { message }: Omit<Arrival, 'chain'>, now: Instant): Opened {
  const keys = inboundKeys(association);
  if (message.sealed === undefined) return { refusal: CLEAR_TEXT };
  if (keys === undefined) return { refusal: outOfState('a protected message before there are keys') };
  try {
    if (message.sealed.payload.kind === 'SK') {
      const opened = openMessage(context.crypto, keys, message);
      return opened === undefined ? { refusal: BAD_INTEGRITY } : { chain: opened };
    }
    const result = context.fragments.add(spiKey(association.localSpi), context.crypto, keys, message, now);
    if (result.type === 'waiting') return { refusal: undefined };
    if (result.type === 'refused') return { refusal: { code: 'bad-fragment', reason: result.reason } };
    return { chain: result.opened };
  } catch (error) {
    // What throws here was authentic: nothing is read before its integrity is verified.
    if (!(error instanceof Malformed)) throw error;
    if (isResponse(message.header)) return { refusal: { code: 'malformed', reason: error.message } };
    return { chain: NOTHING, malformed: error.message };
  }
}

function isAuthentic(context: Context, association: Association, message: Message): boolean {
  const keys = inboundKeys(association);
  if (keys === undefined || message.sealed === undefined) return false;
  try {
    return openPart(context.crypto, keys, message) !== undefined;
  } catch {
    return false;
  }
}

function alive(sa: IkeSa, now: Instant): void {
  sa.lastAlive = now;
}

const BAD_INTEGRITY: NonNullable<Refusal> = {
  code: 'bad-integrity',
  reason: 'the integrity check of the message failed',
};
const CLEAR_TEXT: NonNullable<Refusal> = { code: 'clear-text', reason: 'a message in the clear after there are keys' };
