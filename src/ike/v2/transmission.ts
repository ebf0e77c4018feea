/** Putting messages on the wire: protected, fragmented where the peer can put them together, traced. RFC 7383 §2.5. */

import type { Endpoint, Instant } from '../../core/index.ts';
import { nameOf } from '../../wire/index.ts';
import type { IkeDatagram } from '../output.ts';
import { ANSWER_REPEAT_GAP, MAX_ANSWER_REPEATS } from '../v1/retransmission.ts';
import type { Association, Prepared } from './association.ts';
import type { Context } from './context.ts';
import type { IkeSa } from './ikeSa.ts';
import { ExchangeType, NotifyType, type Payload, ProtocolId } from './payloads/index.ts';
import { encodeMessage, type MessageHead, sealMessage } from './wire/index.ts';

export interface Head {
  readonly exchange: number;
  readonly messageId: number;
  readonly response: boolean;
}

export const headOf = (association: Association, { exchange, messageId, response }: Head): MessageHead => ({
  initiatorSpi: association.initiatorSpi,
  responderSpi: association.responderSpi,
  exchange,
  messageId,
  fromInitiator: association.initiated,
  response,
});

/** Protects, and fragments what is too long. */
export function prepare(
  context: Context,
  association: Association,
  head: Head,
  payloads: readonly Payload[],
  fragmentBytes = context.config.fragmentBytes,
): Prepared {
  const { keys, sa } = association;
  if (keys === undefined) throw new Error('a protected message before there are keys');
  const pieces = sealMessage(
    { crypto: context.crypto, random: (length) => context.random(length) },
    association.initiated ? keys.initiator : keys.responder,
    headOf(association, head),
    payloads,
    sa.peer.fragmentation ? Math.min(fragmentBytes, context.config.fragmentBytes) : undefined,
  );
  return { pieces, summary: summaryOf(context, head, payloads) };
}

/** Protects a message that goes whole or not at all. */
export function prepareWhole(
  context: Context,
  association: Association,
  head: Head,
  payloads: readonly Payload[],
): Prepared {
  const { keys, initiated } = association;
  if (keys === undefined) throw new Error('a protected message before there are keys');
  const by = { crypto: context.crypto, random: (length: number) => context.random(length) };
  const pieces = sealMessage(by, initiated ? keys.initiator : keys.responder, headOf(association, head), payloads);
  return { pieces, summary: summaryOf(context, head, payloads), dontFragment: true };
}

/** A message in the clear. */
export function prepareClear(
  context: Context,
  association: Association,
  head: Head,
  payloads: readonly Payload[],
): Prepared {
  return { pieces: [encodeMessage(headOf(association, head), payloads)], summary: summaryOf(context, head, payloads) };
}

/** Sends once. @param sends which sending of the same message this is */
export function transmit(
  context: Context,
  sa: IkeSa,
  message: Prepared,
  sends = 1,
  path: { readonly local: Endpoint; readonly remote: Endpoint } = sa,
): void {
  if (!context.untraced) traceOut(context, sa, message, sends, path.remote);
  const whole = message.dontFragment ? { dontFragment: true } : {};
  for (const piece of message.pieces) {
    context.emit({ type: 'send', local: path.local, remote: path.remote, bytes: piece, ...whole });
  }
}

function traceOut(context: Context, sa: IkeSa, { pieces, summary }: Prepared, sends: number, remote: Endpoint): void {
  const again = sends > 1 ? ` (sending ${sends})` : '';
  const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const fields = { ikeSa: sa.id, remote, bytes, ...(pieces.length > 1 && { fragments: pieces.length }) };
  context.emit({ type: 'trace', layer: 'ike', direction: 'out', summary: summary + again, fields });
}

/** Sends in the clear what belongs to no IKE SA. */
export function sendAnswer(context: Context, datagram: IkeDatagram, head: Head, payloads: readonly Payload[]): void {
  const { remote, bytes } = datagram;
  if (!context.untraced) {
    const fields = { remote, bytes: bytes.length };
    context.emit({
      type: 'trace',
      layer: 'ike',
      direction: 'out',
      summary: summaryOf(context, head, payloads),
      fields,
    });
  }
  context.emit({ type: 'send', ...datagram });
}

/** Answers the request that is being worked on, and keeps the answer for duplicates of it. */
export function respond(context: Context, association: Association, payloads: readonly Payload[], now: Instant): void {
  const { answering } = association;
  if (answering === undefined) return;
  const head = { exchange: answering.exchange, messageId: answering.messageId, response: true };
  respondPrepared(context, association, prepare(context, association, head, payloads), now);
}

export function respondPrepared(context: Context, association: Association, prepared: Prepared, now: Instant): void {
  const { answering, sa } = association;
  if (answering === undefined) return;
  const { messageId, digest, datagram } = answering;
  association.answering = undefined;
  association.nextExpected = messageId + 1;
  association.answered = { messageId, digest, prepared, repeats: 0, last: now };
  // To where the request came from, whatever the IKE SA thinks. RFC 7296 §2.11.
  transmit(context, sa, prepared, 1, datagram);
}

/** Repeats the last answer to a duplicate of its request, at a bounded rate. @returns whether it did */
export function repeatAnswer(
  context: Context,
  association: Association,
  path: { readonly local: Endpoint; readonly remote: Endpoint },
  now: Instant,
): boolean {
  const { answered, sa } = association;
  if (answered === undefined) return false;
  if (answered.repeats >= MAX_ANSWER_REPEATS || now - answered.last < ANSWER_REPEAT_GAP) return false;
  answered.repeats++;
  answered.last = now;
  const prepared = { ...answered.prepared, summary: `${answered.prepared.summary} (to a duplicate)` };
  transmit(context, sa, prepared, 1, path);
  return true;
}

export function traceIn(context: Context, sa: IkeSa, head: Head, payloads: readonly Payload[], bytes: number): void {
  if (context.untraced) return;
  const fields = { ikeSa: sa.id, remote: sa.remote, bytes, messageId: head.messageId };
  context.emit({ type: 'trace', layer: 'ike', direction: 'in', summary: summaryOf(context, head, payloads), fields });
}

/** E.g. `IKE_AUTH 1 request IDi AUTH SA TSi TSr N(MOBIKE_SUPPORTED)`; empty where nobody reads it. */
export function summaryOf(
  { untraced }: Pick<Context, 'untraced'>,
  { exchange, messageId, response }: Head,
  payloads: readonly Payload[],
): string {
  if (untraced) return '';
  const kind = response ? 'response' : 'request';
  return [nameOf(ExchangeType, exchange), messageId, kind, ...payloads.map(payloadName)].join(' ');
}

function payloadName(payload: Payload): string {
  switch (payload.kind) {
    case 'N':
      return `N(${nameOf(NotifyType, payload.notifyType)})`;
    case 'D':
      return payload.protocol === ProtocolId.IKE ? 'D(IKE)' : `D(ESP×${payload.spis.length})`;
    case 'unknown':
      return `payload-${payload.number}`;
    default:
      return payload.kind;
  }
}
