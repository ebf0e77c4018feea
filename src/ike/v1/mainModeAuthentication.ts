/** Messages 5 and 6 of Main Mode: both ends prove that they hold the pre-shared key. RFC 2409 §5.4, RFC 3947 §4. */

import type { Instant } from '../../core/index.ts';
import { identityOf, identityPayload, identityText, sameIdentity } from '../identity.ts';
import { all, encodePayloadBody, find, type Message, receivedBody } from '../message.ts';
import type { Identity } from '../output.ts';
import { NotifyType, type Payload } from '../payloads/index.ts';
import { hasPeer } from '../peerTable.ts';
import { type Arrival, outOfState, type Refusal } from './arrival.ts';
import { type OpenedAuthentication, openAuthentication } from './authenticationMessage.ts';
import { isSigned } from './certificates.ts';
import { closed } from './closing.ts';
import type { Context } from './context.ts';
import { establish } from './establishment.ts';
import type { Exchanged, IkeSa } from './ikeSa.ts';
import { hashI, hashR, type Phase1Keys } from './keys.ts';
import { messageTable } from './messageTable.ts';
import { floatPorts, followPath } from './natTraversal.ts';
import { ikeLifetimeNotify, isakmpNotify, toldLifetime } from './notifications.ts';
import {
  candidateSecrets,
  isSecretOf,
  keysAgreed,
  keysFor,
  localIdentity,
  noSecret,
  pskMismatch,
  settled,
} from './phase1.ts';
import { onSignedMessage5, onSignedMessage6 } from './signatureAuthentication.ts';
import { clearNotify, prepare, traceIn, transmit, transmitUntilAnswered } from './transmission.ts';

/** Message 5, out, from port 4500 where there is a NAT. */
export function authenticateToResponder(
  context: Context,
  sa: IkeSa,
  exchanged: Exchanged,
  sharedSecret: Uint8Array,
  now: Instant,
): void {
  const local = localIdentity(context, sa);
  const remoteIdentity = context.config.remoteIdentity;
  const query = { localIdentity: local, ...(remoteIdentity && { remoteIdentity }), remoteAddress: sa.remote.address };
  const preSharedKey = context.config.secrets.secretFor(query);
  if (preSharedKey === undefined) {
    closed(context, sa, noSecret(sa));
    return;
  }
  const keys = keysFor(context, exchanged, sharedSecret, preSharedKey);
  keysAgreed(context, sa, exchanged, keys);
  floatPorts(context, sa);
  const id = identityPayload(local);
  const data = hashI(context.crypto, keys, exchanged.transcript, encodePayloadBody(id));
  const payloads: Payload[] = [id, { kind: 'HASH', data }];
  if (context.config.initialContact && !hasPeer(context, sa)) {
    payloads.push(isakmpNotify(sa, NotifyType.INITIAL_CONTACT));
  }
  const message = prepare(context, sa, 'mainMode5', payloads, { cipher: keys.cipher, iv: keys.phase1Iv });
  sa.state = { name: 'authSent', awaits: 'mainMode6', exchanged, keys, iv: message.nextIv, localIdentity: local };
  sa.outstanding = transmitUntilAnswered(context, sa, message, 'retransmit', now);
}

/** Message 5 in, message 6 out; the IKE SA stands. */
export function onMessage5(context: Context, sa: IkeSa, { message, digest, datagram }: Arrival, now: Instant): Refusal {
  if (sa.state.name !== 'keysAgreed') return outOfState;
  const { exchanged } = sa.state;
  if (isSigned(exchanged)) return onSignedMessage5(context, sa, { message, digest, datagram }, now);
  const opened = openMessage5(context, sa, exchanged, sa.state.sharedSecret, message);
  if (typeof opened === 'string') return refuseMessage5(context, sa, opened, digest, now);
  const { keys, chain, nextIv, identity } = opened;
  followPath(context, sa, datagram);
  traceIn(context, sa, messageTable.mainMode5, chain, message);
  keysAgreed(context, sa, exchanged, keys);
  const local = localIdentity(context, sa);
  const id = identityPayload(local);
  const data = hashR(context.crypto, keys, exchanged.transcript, encodePayloadBody(id));
  const payloads: Payload[] = [id, { kind: 'HASH', data }];
  if (exchanged.shortened) payloads.push(ikeLifetimeNotify(sa, exchanged.lifetimeSeconds));
  const answer = prepare(context, sa, 'mainMode6', payloads, { cipher: keys.cipher, iv: nextIv });
  sa.answered.arrived();
  sa.answered.remember(digest, answer, now);
  const secured = {
    keys,
    lastBlock: answer.nextIv,
    proposal: exchanged.proposal,
    authentication: exchanged.authentication,
    localIdentity: local,
    remoteIdentity: identity,
  };
  const initialContact = all(chain, 'N').some(({ notifyType }) => notifyType === NotifyType.INITIAL_CONTACT);
  transmit(context, sa, answer);
  establish(context, sa, secured, { lifetimeSeconds: exchanged.lifetimeSeconds, initialContact }, now);
  return undefined;
}

/** Message 6 in; the IKE SA stands, and Quick Mode can begin. */
export function onMessage6(context: Context, sa: IkeSa, { message }: Arrival, now: Instant): Refusal {
  if (sa.state.name !== 'authSent') return outOfState;
  const { exchanged, keys, iv, localIdentity: local } = sa.state;
  if (isSigned(exchanged)) return onSignedMessage6(context, sa, message, now);
  const opened = openAuthentication(context, keys, iv, message, 'mainMode6', 'HASH');
  const bad = typeof opened === 'string' ? opened : undefined;
  const chain = typeof opened === 'string' ? undefined : opened.chain;
  const idBody = chain && receivedBody(chain, 'ID')!;
  const expected = idBody && hashR(context.crypto, keys, exchanged.transcript, idBody);
  if (chain === undefined || !context.crypto.equal(find(chain, 'HASH')!.data, expected!)) {
    const reason = bad ?? 'HASH_R does not verify';
    sa.hint = pskMismatch(`the peer's first encrypted message does not verify: ${reason}`);
    return { code: 'bad-hash', reason };
  }
  traceIn(context, sa, messageTable.mainMode6, chain, message);
  const remoteIdentity = identityOf(find(chain, 'ID')!);
  const wanted = context.config.remoteIdentity;
  settled(sa);
  if (wanted !== undefined && !sameIdentity(wanted, remoteIdentity)) {
    return void closed(context, sa, {
      code: 'wrong-identity',
      reason: `the peer is ${identityText(remoteIdentity)}, expected was ${identityText(wanted)}`,
      remedy: 'Correct the expected identity of the server, or its own.',
    });
  }
  const { nextIv } = opened as OpenedAuthentication;
  const { proposal, authentication } = exchanged;
  const secured = { keys, lastBlock: nextIv, proposal, authentication, localIdentity: local, remoteIdentity };
  const initialContact = all(chain, 'N').some(({ notifyType }) => notifyType === NotifyType.INITIAL_CONTACT);
  const { lifetimeSeconds } = toldLifetime(chain, exchanged);
  establish(context, sa, secured, { lifetimeSeconds, initialContact }, now);
  return undefined;
}

/** Tries the secrets of this peer. @returns what opened it, or why nothing did */
function openMessage5(
  context: Context,
  sa: IkeSa,
  exchanged: Exchanged,
  sharedSecret: Uint8Array,
  message: Message,
): (OpenedAuthentication & { readonly keys: Phase1Keys; readonly identity: Identity }) | string {
  let reason: string | undefined;
  for (const secret of candidateSecrets(context, sa)) {
    const keys = keysFor(context, exchanged, sharedSecret, secret);
    const opened = openAuthentication(context, keys, keys.phase1Iv, message, 'mainMode5', 'HASH');
    if (typeof opened === 'string') {
      reason ??= opened;
      continue;
    }
    const expected = hashI(context.crypto, keys, exchanged.transcript, receivedBody(opened.chain, 'ID')!);
    const identity = identityOf(find(opened.chain, 'ID')!);
    if (!context.crypto.equal(expected, find(opened.chain, 'HASH')!.data)) reason = 'HASH_I does not verify';
    else if (isSecretOf(context, sa, identity, secret)) return { ...opened, keys, identity };
    else reason = `${identityText(identity)} has a pre-shared key of its own and used another`;
  }
  return reason ?? 'no pre-shared key is configured for this peer';
}

/** Says it once, and waits a little: whoever can forge a message 5 must not be able to end the true one's exchange. */
function refuseMessage5(context: Context, sa: IkeSa, reason: string, digest: string, now: Instant): Refusal {
  if (sa.state.name !== 'keysAgreed') return outOfState;
  sa.answered.remember(digest, undefined, now);
  if (!sa.state.refused) {
    sa.state = { ...sa.state, refused: true };
    sa.hint = pskMismatch(`the first encrypted message of ${sa.remote.address} does not verify: ${reason}`);
    context.emit({ type: 'ikeFailed', ikeSa: sa.id, remote: sa.remote, failure: sa.hint });
    clearNotify(context, sa, NotifyType.PAYLOAD_MALFORMED, now);
    sa.timers.set('halfOpen', now + REFUSED_TIMEOUT);
    return undefined;
  }
  return { code: 'psk-mismatch', reason };
}

/** How long a responder waits for a better message 5. */
const REFUSED_TIMEOUT = 5000;
