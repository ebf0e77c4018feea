/** Informational exchanges: Delete and Notify, protected once there are keys, hints before. RFC 2409 §5.7, RFC 2408 §5.14, §5.15. */

import type { Instant } from '../../core/index.ts';
import { concat, nameOf, sameBytes } from '../../wire/index.ts';
import { all, encodePayloads, find, type PayloadChain, receivedAfterHash } from '../message.ts';
import {
  type DeletePayload,
  FIRST_STATUS_NOTIFY,
  type NotifyPayload,
  NotifyType,
  type Payload,
  ProtocolId,
} from '../payloads/index.ts';
import type { Arrival, Refusal } from './arrival.ts';
import { dropChild } from './childSa.ts';
import { closed, forget, repeatDelete } from './closing.ts';
import type { Context } from './context.ts';
import { onAcknowledged, onAreYouThere } from './deadPeerDetection.ts';
import { dropEarlier } from './establishment.ts';
import type { IkeSa } from './ikeSa.ts';
import { onInvalidSpi } from './invalidSpi.ts';
import { informationalHash, phase2Iv } from './keys.ts';
import { decryptMessage } from './message.ts';
import { breach, messageTable } from './messageTable.ts';
import { followPath } from './natTraversal.ts';
import { hintFrom, pskMismatch } from './phase1.ts';
import { refusedByPeer } from './quickMode.ts';
import { type Prepared, prepare, randomMessageId, traceIn, transmit } from './transmission.ts';

/** Sends payloads under a HASH; nobody answers. */
export function sendInformational(context: Context, sa: IkeSa, payloads: readonly Payload[]): Prepared | undefined {
  const { secured } = sa;
  if (secured === undefined) return undefined;
  const { keys, lastBlock } = secured;
  const messageId = freshMessageId(context, sa);
  const iv = phase2Iv(context.crypto, keys, lastBlock, messageId);
  const data = informationalHash(context.crypto, keys, messageId, encodePayloads(payloads));
  const protect = { cipher: keys.cipher, iv };
  const message = prepare(context, sa, 'informational', [{ kind: 'HASH', data }, ...payloads], protect, messageId);
  transmit(context, sa, message);
  return message;
}

/** A message id that neither end has used. */
export function freshMessageId(context: Context, sa: IkeSa): number {
  for (;;) {
    const messageId = randomMessageId(context);
    if (sa.usedMessageIds.has(messageId)) continue;
    useMessageId(sa, messageId);
    return messageId;
  }
}

/** Bars a message id, so that nothing that was recorded can be replayed. */
export function useMessageId(sa: IkeSa, messageId: number): void {
  sa.usedMessageIds.add(messageId);
}

/** Any Informational message, in. */
export function receiveInformational(context: Context, sa: IkeSa, arrival: Arrival, now: Instant): Refusal {
  const { message } = arrival;
  const encrypted = message.payloads.length === 0;
  if (sa.secured === undefined) {
    if (encrypted) return onUnreadable(sa, arrival);
    return onClear(context, sa, arrival);
  }
  if (!encrypted) return { code: 'clear-text', reason: 'an Informational message in the clear after there are keys' };
  const { keys, lastBlock } = sa.secured;
  const { messageId } = message.header;
  if (sa.usedMessageIds.has(messageId)) return { code: 'replayed', reason: `message id ${messageId} has been used` };
  const iv = phase2Iv(context.crypto, keys, lastBlock, messageId);
  const chain = decryptMessage(context.crypto, keys.cipher, iv, message).message;
  const reason = breach(messageTable.informational, chain);
  if (reason !== undefined) return { code: 'unexpected-payload', reason };
  const expected = informationalHash(context.crypto, keys, messageId, receivedAfterHash(chain));
  if (!context.crypto.equal(find(chain, 'HASH')!.data, expected)) {
    return { code: 'bad-hash', reason: 'the HASH payload does not verify' };
  }
  useMessageId(sa, messageId);
  sa.answered.remember(arrival.digest, undefined, now);
  followPath(context, sa, arrival.datagram);
  sa.lastAlive = now;
  sa.unconfirmed = undefined;
  traceIn(context, sa, messageTable.informational, chain, message);
  if (sa.established) actOn(context, sa, chain, arrival, now);
  else answerAfterDelete(context, sa, chain);
  return undefined;
}

function actOn(context: Context, sa: IkeSa, chain: PayloadChain, arrival: Arrival, now: Instant): void {
  for (const payload of all(chain, 'N')) onNotify(context, sa, payload, arrival, now);
  const deletes = all(chain, 'D');
  // The child SAs first, whatever the order of the payloads.
  for (const payload of deletes) if (payload.protocol !== ProtocolId.PROTO_ISAKMP) onDeleteChild(context, sa, payload);
  for (const payload of deletes)
    if (payload.protocol === ProtocolId.PROTO_ISAKMP) onDeleteIkeSa(context, sa, payload, now);
}

function onNotify(context: Context, sa: IkeSa, notify: NotifyPayload, arrival: Arrival, now: Instant): void {
  switch (notify.notifyType) {
    case NotifyType.R_U_THERE:
      onAreYouThere(context, sa, notify, arrival, now);
      return;
    case NotifyType.R_U_THERE_ACK:
      onAcknowledged(context, sa, notify, now);
      return;
    case NotifyType.INITIAL_CONTACT:
      dropEarlier(context, sa);
      return;
    case NotifyType.INVALID_SPI:
      onInvalidSpi(context, sa, notify, now);
      return;
  }
  if (notify.notifyType < FIRST_STATUS_NOTIFY) {
    refusedByPeer(context, sa, notify.notifyType, nameOf(NotifyType, notify.notifyType), notify.spi);
  }
}

/** The peer names the SPIs that it receives on: what we send with. RFC 2408 §3.15. */
function onDeleteChild(context: Context, sa: IkeSa, { protocol, spis }: DeletePayload): void {
  if (protocol !== ProtocolId.PROTO_IPSEC_ESP) return;
  const owners = new Set([sa, sa.current]);
  const named = spis.map((spi) => spi.reduce((sum, byte) => sum * 256 + byte, 0));
  for (const owner of owners) {
    for (const child of [...owner.children.values()]) {
      if (!named.includes(child.outboundSpi)) continue;
      dropChild(context, child, { code: 'peer-deleted', reason: 'the peer deleted the child SA' });
    }
  }
}

/**
 * Deletes the IKE SA alone. Its children wait a little for a successor, because a client may delete the old IKE SA
 * before the new one stands.
 */
function onDeleteIkeSa(context: Context, sa: IkeSa, { spis }: DeletePayload, now: Instant): void {
  const own = concat(sa.initiatorCookie, sa.responderCookie);
  if (!spis.some((spi) => sameBytes(spi, own))) return;
  const { orphanTimeout } = context.config;
  if (sa.children.size === 0 || orphanTimeout === 0) {
    closed(context, sa, peerDeleted);
    return;
  }
  sa.state = { name: 'orphaned', awaits: undefined };
  for (const timer of ['keepalive', 'deadPeer', 'renew', 'lifetime', 'superseded'] as const) sa.timers.clear(timer);
  sa.quickModes.clear();
  context.unindex(sa);
  sa.timers.set('orphaned', now + orphanTimeout);
}

export const peerDeleted = { code: 'peer-deleted', reason: 'the peer deleted the IKE SA' };

/** The peer has not heard that the SA is deleted, or deletes it too. */
function answerAfterDelete(context: Context, sa: IkeSa, chain: PayloadChain): void {
  if (all(chain, 'D').some(({ protocol }) => protocol === ProtocolId.PROTO_ISAKMP)) forget(context, sa);
  else if (find(chain, 'D') === undefined) repeatDelete(context, sa);
}

/** Some servers say under their own keys that ours are wrong. As unauthenticated as a word in the clear. */
function onUnreadable(sa: IkeSa, { datagram }: Arrival): Refusal {
  if (sa.state.name === 'authSent' && sa.remote.address === datagram.remote.address) {
    sa.hint ??= pskMismatch('the peer answered our first encrypted message with an encrypted refusal');
  }
  return { code: 'no-keys', reason: 'an encrypted Informational message before there are keys' };
}

/** Anyone can have sent this: it may end our patience, nothing else. */
function onClear(context: Context, sa: IkeSa, { message, datagram }: Arrival): Refusal {
  const reason = breach(messageTable.clearInformational, message);
  if (reason !== undefined) return { code: 'unexpected-payload', reason };
  if (sa.role !== 'initiator' || sa.remote.address !== datagram.remote.address) {
    return { code: 'unauthenticated', reason: 'a notification that nobody has authenticated' };
  }
  traceIn(context, sa, messageTable.clearInformational, message, message);
  const error = all(message, 'N').find(({ notifyType }) => notifyType < FIRST_STATUS_NOTIFY);
  if (error !== undefined) sa.hint ??= hintFrom(context, sa, error, nameOf(NotifyType, error.notifyType));
  return undefined;
}
