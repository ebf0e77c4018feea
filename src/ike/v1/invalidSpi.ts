/**
 * ESP for an SA that is not there, seen from both ends: telling the sender, and being told. After a restart this is how
 * a peer learns at once that its SAs are gone. RFC 2408 §3.14.1, RFC 4301 §5.2.
 */

import type { Instant, Milliseconds } from '../../core/index.ts';
import { all, encodeMessage } from '../message.ts';
import type { IkeCommand } from '../output.ts';
import { ExchangeType, type NotifyPayload, NotifyType, ProtocolId } from '../payloads/index.ts';
import { type Arrival, isEncrypted } from './arrival.ts';
import { type Child, dropChild } from './childSa.ts';
import type { Context } from './context.ts';
import { probePeer } from './deadPeerDetection.ts';
import { COOKIE_BYTES, type IkeSa, NO_COOKIE } from './ikeSa.ts';
import { sendInformational } from './informational.ts';
import { messageTable } from './messageTable.ts';
import { samePath } from './natTraversal.ts';
import { espNotify } from './notifications.ts';
import { initiateQuickMode } from './quickModeInitiator.ts';
import { randomMessageId, summaryOf } from './transmission.ts';

type UnknownSpi = Extract<IkeCommand, { type: 'unknownSpi' }>;

/** IKE has this port where ESP is not in UDP. */
const IKE_PORT = 500;
/** Non-ESP marker, ISAKMP header and notification: an answer in the clear is no longer than what it answers. */
const ANSWER_BYTES = 48;
/** How long a peer that says so in the clear may take to show that it knows us all the same. */
const HINT_PATIENCE: Milliseconds = 5000;

/** Tells the sender of ESP for an unknown SPI: under the keys that it shares with us, else in the clear and seldom. */
export function tellInvalidSpi(context: Context, { spi, bytes, ...source }: UnknownSpi, now: Instant): void {
  if (!context.notifyLimit.allows(`${source.remote.address}|${source.remote.port}`, now)) return;
  const local = { ...source.local, port: source.local.port || IKE_PORT };
  const remote = { ...source.remote, port: source.remote.port || IKE_PORT };
  const notify = espNotify(NotifyType.INVALID_SPI, spi);
  for (const sa of context.sas.values()) {
    if (sa.established && sa.successor === undefined && samePath(sa, { local, remote })) {
      sendInformational(context, sa, [notify]);
      return;
    }
  }
  if (bytes < ANSWER_BYTES) return;
  const { exchange } = messageTable.clearInformational;
  const initiatorCookie = context.random(COOKIE_BYTES);
  const head = { initiatorCookie, responderCookie: NO_COOKIE, exchange, messageId: randomMessageId(context) };
  const answer = encodeMessage(head, [notify]);
  const summary = `${summaryOf(messageTable.clearInformational, { payloads: [notify], raw: [] })} in the clear`;
  const fields = { remote, bytes: answer.length };
  if (!context.untraced) context.emit({ type: 'trace', layer: 'ike', direction: 'out', summary, fields });
  context.emit({ type: 'send', local, remote, bytes: answer });
}

/** The peer says under our keys that it has no such SA: a successor is made, or the SA goes. */
export function onInvalidSpi(context: Context, sa: IkeSa, notify: NotifyPayload, now: Instant): void {
  for (const owner of new Set([sa, sa.current])) {
    for (const child of [...owner.children.values()]) {
      if (!names(notify, child)) continue;
      const isNewest = [...owner.children.values()].at(-1) === child;
      if (child.role === 'initiator' && isNewest) initiateQuickMode(context, owner, child, now);
      else dropChild(context, child, { code: 'invalid-spi', reason: 'the peer has no such SA any more' });
    }
  }
}

/**
 * Anyone may say so in the clear: it makes us ask the peer at once whether it lives, and nothing else.
 * @returns whether the message was such a hint
 */
export function takeInvalidSpiHint(context: Context, { message, datagram }: Arrival, now: Instant): boolean {
  if (message.header.exchange !== ExchangeType.INFORMATIONAL || isEncrypted(message)) return false;
  const notifies = all(message, 'N').filter(({ notifyType }) => notifyType === NotifyType.INVALID_SPI);
  const { address } = datagram.remote;
  if (notifies.length !== 1 || !context.hintLimit.allows(address, now)) return notifies.length > 0;
  for (const child of context.children.values()) {
    if (child.ikeSa.remote.address !== address || !names(notifies[0]!, child)) continue;
    probePeer(context, child.ikeSa, HINT_PATIENCE, now);
    break;
  }
  return true;
}

const names = ({ protocol, spi }: NotifyPayload, { outboundSpi }: Child): boolean =>
  protocol === ProtocolId.PROTO_IPSEC_ESP &&
  spi.length === 4 &&
  spi.reduce((sum, byte) => sum * 256 + byte, 0) === outboundSpi;
