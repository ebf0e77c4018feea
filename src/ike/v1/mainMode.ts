/** Main Mode with pre-shared keys, both roles: one function per message. RFC 2409 §5.4, RFC 3947 §3 and §4. */

import type { Instant } from '../../core/index.ts';
import type { KeyPair } from '../../crypto/index.ts';
import { Malformed } from '../../wire/index.ts';
import { type ChosenIke, readIkeAnswer } from '../choose.ts';
import { identityOf, identityPayload, identityText, sameIdentity } from '../identity.ts';
import { all, encodePayloadBody, find, type Message, type PayloadChain, receivedBody } from '../message.ts';
import { buildIkeProposals } from '../offer.ts';
import type { Identity } from '../output.ts';
import { NotifyType, type Payload } from '../payloads/index.ts';
import { type Arrival, badNonce, isZero, noCookie, outOfState, type Refusal } from './arrival.ts';
import { closed } from './closing.ts';
import type { Context } from './context.ts';
import { establish } from './establishment.ts';
import { type Agreement, COOKIE_BYTES, type Exchanged, type IkeSa } from './ikeSa.ts';
import { hashI, hashR, type Phase1Keys } from './keys.ts';
import { decryptMessage } from './message.ts';
import { breach, messageTable } from './messageTable.ts';
import { detectNat, floatPorts, followPath, natPayloads } from './natTraversal.ts';
import { ikeLifetimeNotify, isakmpNotify, toldLifetime } from './notifications.ts';
import { abilitiesOf, announcements } from './peerAbilities.ts';
import { hasPeer } from './peers.ts';
import {
  agreementOf,
  candidateSecrets,
  isNonceLength,
  isSecretOf,
  keysAgreed,
  keysFor,
  localIdentity,
  milestone,
  NONCE_BYTES,
  noProposalChosen,
  noSecret,
  pskMismatch,
  refusedKey,
  settled,
} from './phase1.ts';
import { clearNotify, prepare, traceIn, transmit, transmitUntilAnswered } from './transmission.ts';

/** Message 1, out. */
export function initiateMainMode(context: Context, sa: IkeSa, now: Instant): void {
  const offer = buildIkeProposals(context.config.profile.offer.ike);
  const message = prepare(context, sa, 'mainMode1', [offer, ...announcements(undefined)]);
  milestone(context, sa, 'ike first message', 'sent');
  sa.state = { name: 'saOffered', awaits: 'mainMode2', saBody: encodePayloadBody(offer) };
  sa.outstanding = transmitUntilAnswered(context, sa, message, 'retransmit', now);
}

/** Message 1 in, message 2 out. */
export function onMessage1(
  context: Context,
  sa: IkeSa,
  { message, digest }: Arrival,
  chosen: ChosenIke,
  now: Instant,
): Refusal {
  sa.responderCookie = context.random(COOKIE_BYTES);
  sa.abilities = abilitiesOf(message);
  context.index(sa);
  milestone(context, sa, 'ike first message', 'received');
  const agreement = agreementOf(context, sa, chosen, receivedBody(message, 'SA')!.slice());
  sa.state = { name: 'saAgreed', awaits: 'mainMode3', agreement };
  const answer = prepare(context, sa, 'mainMode2', [chosen.answer, ...announcements(sa.abilities)]);
  sa.answered.remember(digest, answer, now);
  transmit(context, sa, answer);
  return undefined;
}

/** Message 2 in, message 3 out. */
export function onMessage2(context: Context, sa: IkeSa, { message }: Arrival): Refusal {
  if (sa.state.name !== 'saOffered') return outOfState;
  if (isZero(message.header.responderCookie)) return noCookie;
  const chosen = readIkeAnswer(find(message, 'SA')!, context.config.profile.offer.ike);
  if (chosen.type === 'mismatch') {
    // Nobody has authenticated this answer: the true one may still come.
    sa.hint = noProposalChosen(chosen, 'initiator');
    return { code: 'bad-proposal', reason: 'the answer is not one of the proposals that were offered' };
  }
  settled(sa);
  sa.responderCookie = message.header.responderCookie.slice();
  sa.abilities = abilitiesOf(message);
  context.index(sa);
  const agreement = agreementOf(context, sa, chosen, sa.state.saBody);
  sa.state = { name: 'computing', awaits: undefined };
  context.ask(sa, { kind: 'generateKey', group: agreement.proposal.group }, ({ keyPair }, later) => {
    const nonce = context.random(NONCE_BYTES);
    sa.state = { name: 'keySent', awaits: 'mainMode4', agreement, keyPair, nonce };
    const payloads = keyExchangePayloads(context, sa, agreement, keyPair, nonce);
    const prepared = prepare(context, sa, 'mainMode3', payloads);
    sa.outstanding = transmitUntilAnswered(context, sa, prepared, 'retransmit', later);
  });
  return undefined;
}

/** Message 3 in, message 4 out; then the secret is derived while message 4 travels. */
export function onMessage3(context: Context, sa: IkeSa, { message, digest }: Arrival, now: Instant): Refusal {
  if (sa.state.name !== 'saAgreed') return outOfState;
  const initiatorNonce = find(message, 'NONCE')!.data.slice();
  if (!isNonceLength(initiatorNonce)) return badNonce;
  const { agreement } = sa.state;
  const { group } = agreement.proposal;
  const peerPublicValue = find(message, 'KE')!.data.slice();
  context.halfOpen.prove(sa);
  sa.answered.remember(digest, undefined, now);
  sa.state = { name: 'computing', awaits: undefined };
  detectNat(context, sa, agreement.proposal.hash, all(message, 'NAT-D'));
  context.ask(sa, { kind: 'generateKey', group }, ({ keyPair }, later) => {
    const nonce = context.random(NONCE_BYTES);
    const payloads = keyExchangePayloads(context, sa, agreement, keyPair, nonce);
    const answer = prepare(context, sa, 'mainMode4', payloads);
    sa.answered.remember(digest, answer, later);
    transmit(context, sa, answer);
    const exchanged = exchangedOf(sa, agreement, {
      nonces: { initiator: initiatorNonce, responder: nonce },
      publicValues: { initiator: peerPublicValue, responder: keyPair.publicValue },
    });
    const { privateValue } = keyPair;
    context.ask(sa, { kind: 'deriveSecret', group, privateValue, peerPublicValue }, ({ secret }, evenLater) => {
      if (secret === undefined) return closed(context, sa, refusedKey);
      sa.state = { name: 'keysAgreed', awaits: 'mainMode5', exchanged, sharedSecret: secret, refused: false };
      context.resume(sa, evenLater);
    });
  });
  return undefined;
}

/** Message 4 in, message 5 out, from port 4500 where there is a NAT. */
export function onMessage4(context: Context, sa: IkeSa, { message }: Arrival, now: Instant): Refusal {
  if (sa.state.name !== 'keySent') return outOfState;
  const responderNonce = find(message, 'NONCE')!.data.slice();
  if (!isNonceLength(responderNonce)) return badNonce;
  const { agreement, keyPair, nonce } = sa.state;
  const { group, hash } = agreement.proposal;
  const peerPublicValue = find(message, 'KE')!.data.slice();
  settled(sa);
  sa.lastAlive = now;
  sa.state = { name: 'computing', awaits: undefined };
  detectNat(context, sa, hash, all(message, 'NAT-D'));
  const exchanged = exchangedOf(sa, agreement, {
    nonces: { initiator: nonce, responder: responderNonce },
    publicValues: { initiator: keyPair.publicValue, responder: peerPublicValue },
  });
  const { privateValue } = keyPair;
  context.ask(sa, { kind: 'deriveSecret', group, privateValue, peerPublicValue }, ({ secret }, later) => {
    if (secret === undefined) closed(context, sa, refusedKey);
    else authenticateToResponder(context, sa, exchanged, secret, later);
  });
  return undefined;
}

function authenticateToResponder(
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
  sa.answered.remember(digest, answer, now);
  const secured = {
    keys,
    lastBlock: answer.nextIv,
    proposal: exchanged.proposal,
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
  const opened = open(context, keys, iv, message, 'mainMode6');
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
  const { nextIv } = opened as Opened;
  const secured = { keys, lastBlock: nextIv, proposal: exchanged.proposal, localIdentity: local, remoteIdentity };
  const initialContact = all(chain, 'N').some(({ notifyType }) => notifyType === NotifyType.INITIAL_CONTACT);
  const { lifetimeSeconds } = toldLifetime(chain, exchanged);
  establish(context, sa, secured, { lifetimeSeconds, initialContact }, now);
  return undefined;
}

interface Opened {
  readonly chain: PayloadChain;
  readonly nextIv: Uint8Array;
}

/** Decrypts and holds against the table; a wrong key shows in either. */
function open(
  context: Context,
  keys: Phase1Keys,
  iv: Uint8Array,
  message: Message,
  name: 'mainMode5' | 'mainMode6',
): Opened | string {
  try {
    const { message: chain, nextIv } = decryptMessage(context.crypto, keys.cipher, iv, message);
    return breach(messageTable[name], chain) ?? { chain, nextIv };
  } catch (error) {
    if (error instanceof Malformed) return 'it does not decrypt to payloads';
    throw error;
  }
}

/** Tries the secrets of this peer. @returns what opened it, or why nothing did */
function openMessage5(
  context: Context,
  sa: IkeSa,
  exchanged: Exchanged,
  sharedSecret: Uint8Array,
  message: Message,
): (Opened & { readonly keys: Phase1Keys; readonly identity: Identity }) | string {
  let reason: string | undefined;
  for (const secret of candidateSecrets(context, sa)) {
    const keys = keysFor(context, exchanged, sharedSecret, secret);
    const opened = open(context, keys, keys.phase1Iv, message, 'mainMode5');
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
  }
  return { code: 'psk-mismatch', reason };
}

/** How long a responder waits for a better message 5. */
const REFUSED_TIMEOUT = 5000;

function exchangedOf(
  sa: IkeSa,
  agreement: Agreement,
  given: { readonly nonces: Exchanged['nonces']; readonly publicValues: Exchanged['transcript']['publicValues'] },
): Exchanged {
  const transcript = { cookies: sa.cookies, publicValues: given.publicValues, saBody: agreement.saBody };
  return { ...agreement, nonces: given.nonces, transcript };
}

function keyExchangePayloads(
  context: Context,
  sa: IkeSa,
  { proposal }: Agreement,
  { publicValue }: KeyPair,
  nonce: Uint8Array,
): Payload[] {
  const payloads: Payload[] = [
    { kind: 'KE', data: publicValue },
    { kind: 'NONCE', data: nonce },
  ];
  return [...payloads, ...natPayloads(context, sa, proposal.hash)];
}
