/** Putting messages on the wire: traced, fragmented where the peer can put them together, repeated until answered. */

import type { Endpoint, Instant } from '../../core/index.ts';
import { nameOf } from '../../wire/index.ts';
import { splitMessage } from '../fragmentation.ts';
import { encodeMessage, type Message, type MessageHead, type PayloadChain } from '../message.ts';
import { ExchangeType, NotifyType, type Payload } from '../payloads/index.ts';
import type { Context } from './context.ts';
import type { IkeSa, TimerName } from './ikeSa.ts';
import type { IkeCipher } from './keys.ts';
import { encryptMessage } from './message.ts';
import { type MessageName, type MessageRule, messageTable } from './messageTable.ts';
import { isakmpNotify } from './notifications.ts';
import { type Outstanding, waitAfter } from './retransmission.ts';

/** A message ready to be sent, with its line for the trace. */
export interface Prepared {
  readonly bytes: Uint8Array;
  readonly summary: string;
  /** IV of the next message in the same exchange; empty for a message in the clear. */
  readonly nextIv: Uint8Array;
}

/** After so many sendings without an answer a peer that can is sent fragments: the message may be too large. */
const FRAGMENT_AFTER_SENDS = 2;
/** Then small enough for any path. */
const SMALL_FRAGMENT_BYTES = 552;

/** Encodes, and encrypts where `protect` is given. */
export function prepare(
  context: Context,
  sa: IkeSa,
  name: MessageName,
  payloads: readonly Payload[],
  protect?: { readonly cipher: IkeCipher; readonly iv: Uint8Array },
  messageId = 0,
): Prepared {
  const rule = messageTable[name];
  const head: MessageHead = {
    initiatorCookie: sa.initiatorCookie,
    responderCookie: sa.responderCookie,
    exchange: rule.exchange,
    messageId,
  };
  const summary = context.untraced ? '' : summaryOf(rule, { payloads, raw: [] });
  if (protect === undefined) return { bytes: encodeMessage(head, payloads), summary, nextIv: new Uint8Array(0) };
  const encrypted = encryptMessage(context.crypto, protect.cipher, protect.iv, head, payloads);
  return { bytes: encrypted.bytes, summary, nextIv: encrypted.nextIv };
}

/** Sends once. @param sends which sending of the same message this is */
export function transmit(
  context: Context,
  sa: IkeSa,
  message: { readonly bytes: Uint8Array; readonly summary: string },
  sends = 1,
): void {
  const again = sends > 1 ? ` (sending ${sends})` : '';
  if (!context.untraced) traceOut(context, sa, message.summary + again, message.bytes);
  for (const bytes of pieces(context, sa, message.bytes, sends)) {
    context.emit({ type: 'send', local: sa.local, remote: sa.remote, bytes });
  }
}

/** Sends and repeats under `timer` until the answer comes. The caller keeps what is returned and asks `repeat`. */
export function transmitUntilAnswered(
  context: Context,
  sa: IkeSa,
  message: Prepared,
  timer: TimerName,
  now: Instant,
): Outstanding {
  transmit(context, sa, message);
  sa.timers.set(timer, now + waitAfter(context.config.retransmission, 1));
  return { bytes: message.bytes, summary: message.summary, sends: 1 };
}

/** Sends again what is due. @returns false where it was sent often enough */
export function repeat(context: Context, sa: IkeSa, outstanding: Outstanding, timer: TimerName, now: Instant): boolean {
  const schedule = context.config.retransmission;
  if (outstanding.sends >= schedule.sends) return false;
  outstanding.sends++;
  transmit(context, sa, outstanding, outstanding.sends);
  sa.timers.set(timer, now + waitAfter(schedule, outstanding.sends));
  return true;
}

export function traceIn(
  context: Context,
  sa: IkeSa,
  rule: MessageRule,
  chain: PayloadChain,
  { header: { length: bytes, messageId } }: Message,
): void {
  if (context.untraced) return;
  const fields = { ikeSa: sa.id, remote: sa.remote, bytes, messageId };
  context.emit({ type: 'trace', layer: 'ike', direction: 'in', summary: summaryOf(rule, chain), fields });
}

/** E.g. `MAIN_MODE #1 SA VID VID` or `INFORMATIONAL N(R_U_THERE)`. */
export function summaryOf(rule: MessageRule, chain: PayloadChain): string {
  const number = rule.exchange === ExchangeType.INFORMATIONAL ? '' : ` #${rule.number}`;
  return `${nameOf(ExchangeType, rule.exchange)}${number} ${chain.payloads.map(payloadName).join(' ')}`;
}

/** An error said in the clear, before there are keys: at a bounded rate for each source. RFC 2409 §5.7. */
export function clearNotify(context: Context, sa: ClearPeer, notifyType: number, now: Instant): void {
  const { local, remote } = sa;
  if (!context.notifyLimit.allows(remote.address, now)) return;
  const rule = messageTable.clearInformational;
  const { initiatorCookie, responderCookie } = sa;
  const head = { initiatorCookie, responderCookie, exchange: rule.exchange, messageId: randomMessageId(context) };
  const payloads = [isakmpNotify(sa, notifyType)];
  const bytes = encodeMessage(head, payloads);
  const fields = { remote, bytes: bytes.length };
  const summary = `${summaryOf(rule, { payloads, raw: [] })} in the clear`;
  context.emit({ type: 'trace', layer: 'ike', direction: 'out', summary, fields });
  context.emit({ type: 'send', local, remote, bytes });
}

/** Whom a clear message goes to; there may be no SA yet. */
export interface ClearPeer {
  readonly initiatorCookie: Uint8Array;
  readonly responderCookie: Uint8Array;
  readonly local: Endpoint;
  readonly remote: Endpoint;
}

/** Never 0, which is that of phase 1. RFC 2408 §3.1. */
export function randomMessageId(context: Context): number {
  const bytes = context.random(4);
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0) || 1;
}

function traceOut(context: Context, sa: IkeSa, summary: string, bytes: Uint8Array): void {
  const fields = { ikeSa: sa.id, remote: sa.remote, bytes: bytes.length };
  context.emit({ type: 'trace', layer: 'ike', direction: 'out', summary, fields });
}

function pieces(context: Context, sa: IkeSa, bytes: Uint8Array, sends: number): readonly Uint8Array[] {
  if (!sa.abilities.fragmentation) return [bytes];
  const narrow = sa.sendsFragments || sends > FRAGMENT_AFTER_SENDS;
  const largest = narrow ? Math.min(SMALL_FRAGMENT_BYTES, context.config.fragmentBytes) : context.config.fragmentBytes;
  if (bytes.length <= largest) return [bytes];
  sa.fragmentId = (sa.fragmentId + 1) & 0xffff;
  return splitMessage(bytes, sa.fragmentId, largest);
}

function payloadName(payload: Payload): string {
  switch (payload.kind) {
    case 'N':
      return `N(${nameOf(NotifyType, payload.notifyType)})`;
    case 'D':
      return payload.spiSize === 4 ? `D(ESP×${payload.spis.length})` : 'D(ISAKMP)';
    case 'unknown':
      return `payload-${payload.number}`;
    default:
      return payload.kind;
  }
}
