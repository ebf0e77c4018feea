/** ESP for an SA that is not there: who shares keys with us and sends it from there is asked whether it lives. RFC 4301 §5.2, RFC 7296 §1.5. */

import type { Instant, Milliseconds } from '../../core/index.ts';
import type { IkeCommand, IkeDatagram } from '../output.ts';
import { NO_SPI } from './association.ts';
import { childByOutboundSpi, dropChild, spiBytes, spiNumber } from './childSa.ts';
import type { Context } from './context.ts';
import type { IkeSa } from './ikeSa.ts';
import { probePeer } from './liveness.ts';
import { samePath } from './natTraversal.ts';
import { ExchangeType, NotifyType, notify } from './payloads/index.ts';
import { enqueue, isAsking } from './requests.ts';
import { freshSpi } from './spis.ts';
import { sendAnswer } from './transmission.ts';
import { encodeMessage, findNotify, type Message, type PayloadChain } from './wire/index.ts';

type UnknownSpi = Extract<IkeCommand, { type: 'unknownSpi' }>;

/** IKE has this port where ESP is not in UDP. */
const IKE_PORT = 500;
/** Non-ESP marker, header and notification: an answer in the clear is no longer than what it answers. */
const ANSWER_BYTES = 48;

/** Tells the sender: under the keys that it shares with us, else in the clear and seldom. */
export function tellUnknownSpi(context: Context, { spi, bytes, ...source }: UnknownSpi, now: Instant): void {
  if (!context.notifyLimit.allows(`${source.remote.address}|${source.remote.port}`, now)) return;
  const local = { ...source.local, port: source.local.port || IKE_PORT };
  const remote = { ...source.remote, port: source.remote.port || IKE_PORT };
  // INVALID_SPI carries the SPI as data: there is no SA whose SPI could stand in its field. RFC 7296 §3.10.1.
  const payload = notify(NotifyType.INVALID_SPI, spiBytes(spi));
  for (const sa of context.sas.values()) {
    if (!sa.established || !samePath(sa, { local, remote })) continue;
    if (isAsking(sa.association)) return;
    const task = {
      name: 'name an unknown SPI',
      exchange: ExchangeType.INFORMATIONAL,
      begin: () => [payload],
      done: () => undefined,
    };
    enqueue(context, sa.association, task, now);
    return;
  }
  if (bytes < ANSWER_BYTES) return;
  const head = { exchange: ExchangeType.INFORMATIONAL, messageId: 0, response: false };
  const answer = encodeMessage(
    { ...head, initiatorSpi: freshSpi(context), responderSpi: NO_SPI, fromInitiator: true },
    [payload],
  );
  sendAnswer(context, { local, remote, bytes: answer }, head, [payload]);
}

/** How long a peer that says so in the clear may take to show that it knows us all the same. */
const HINT_PATIENCE: Milliseconds = 5000;

/**
 * Anyone may say in the clear that an SA of ours is unknown: it makes us ask the peer at once whether it lives, and
 * nothing else. RFC 7296 §1.5, §2.21.4.
 * @returns whether the message was such a hint
 */
export function takeUnknownSpiHint(
  context: Context,
  { message, datagram }: { readonly message: Message; readonly datagram: IkeDatagram },
  now: Instant,
): boolean {
  const notified = findNotify(message, NotifyType.INVALID_SPI);
  if (
    message.header.exchange !== ExchangeType.INFORMATIONAL ||
    message.sealed !== undefined ||
    notified === undefined
  ) {
    return false;
  }
  const { address } = datagram.remote;
  if (!context.hintLimit.allows(address, now)) return true;
  const spi = spiNumber(notified.data);
  for (const child of context.children.values()) {
    if (child.sa.remote.address !== address || child.outboundSpi !== spi) continue;
    probePeer(context, child.sa, HINT_PATIENCE, now);
    break;
  }
  return true;
}

/** The peer answered in the clear that it does not know our IKE SA: the same hint, from where the peer is. */
export function takeUnknownIkeSpiHint(
  context: Context,
  sa: IkeSa,
  { message, datagram }: { readonly message: Message; readonly datagram: IkeDatagram },
  now: Instant,
): boolean {
  if (!sa.established || findNotify(message, NotifyType.INVALID_IKE_SPI) === undefined) return false;
  if (!samePath(sa, datagram)) return true;
  const { probe } = sa.deadPeer;
  const isAsked = probe !== undefined && sa.lastAlive <= probe.since;
  if (!isAsked && context.hintLimit.allows(sa.remote.address, now)) probePeer(context, sa, HINT_PATIENCE, now);
  return true;
}

/** The peer says under our keys that it has no such child SA. */
export function onInvalidSpi(context: Context, sa: IkeSa, chain: Pick<PayloadChain, 'payloads'>): void {
  const notified = findNotify(chain, NotifyType.INVALID_SPI);
  if (notified === undefined || notified.data.length !== 4) return;
  const child = childByOutboundSpi(sa, spiNumber(notified.data));
  if (child !== undefined) dropChild(context, child, NO_SUCH_CHILD);
}

const NO_SUCH_CHILD = { code: 'invalid-spi', reason: 'the peer has no such SA any more' };
