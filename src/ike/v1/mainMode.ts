/** Messages 1 to 4 of Main Mode, both roles: proposal, key exchange, NAT detection. RFC 2409 §5.4, RFC 3947 §3. */

import type { Instant } from '../../core/index.ts';
import type { KeyPair } from '../../crypto/index.ts';
import { type ChosenIke, readIkeAnswer } from '../choose.ts';
import { all, encodePayloadBody, find, receivedBody } from '../message.ts';
import { milestone } from '../milestone.ts';
import { buildIkeProposals } from '../offer.ts';
import type { Payload } from '../payloads/index.ts';
import type { IkePolicy } from '../proposal.ts';
import { type Arrival, badNonce, isZero, noCookie, outOfState, type Refusal } from './arrival.ts';
import { certificateRequests, isSigned, methodsOf, NO_METHOD, noteRequests } from './certificates.ts';
import { closed } from './closing.ts';
import type { Context } from './context.ts';
import { type Agreement, COOKIE_BYTES, type Exchanged, type IkeSa } from './ikeSa.ts';
import { authenticateToResponder } from './mainModeAuthentication.ts';
import { detectNat, natPayloads } from './natTraversal.ts';
import { abilitiesOf, announcements } from './peerAbilities.ts';
import { agreementOf, isNonceLength, NONCE_BYTES, noProposalChosen, refusedKey, settled } from './phase1.ts';
import { signToResponder } from './signatureAuthentication.ts';
import { prepare, transmit, transmitUntilAnswered } from './transmission.ts';

/** Message 1, out. */
export function initiateMainMode(context: Context, sa: IkeSa, now: Instant): void {
  const methods = methodsOf(context, sa);
  if (methods.length === 0) {
    closed(context, sa, NO_METHOD);
    return;
  }
  const offer = buildIkeProposals(offered(context, sa), methods);
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
  const chosen = readIkeAnswer(find(message, 'SA')!, offered(context, sa), methodsOf(context, sa));
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
  noteRequests(sa, message);
  sa.answered.remember(digest, undefined, now);
  sa.state = { name: 'computing', awaits: undefined };
  detectNat(context, sa, agreement.proposal.hash, all(message, 'NAT-D'));
  context.ask(sa, { kind: 'generateKey', group }, ({ keyPair }, later) => {
    const nonce = context.random(NONCE_BYTES);
    const payloads = keyExchangePayloads(context, sa, agreement, keyPair, nonce);
    const requests = isSigned(agreement) ? certificateRequests(context) : [];
    const answer = prepare(context, sa, 'mainMode4', [...payloads, ...requests]);
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
  noteRequests(sa, message);
  sa.state = { name: 'computing', awaits: undefined };
  detectNat(context, sa, hash, all(message, 'NAT-D'));
  const exchanged = exchangedOf(sa, agreement, {
    nonces: { initiator: nonce, responder: responderNonce },
    publicValues: { initiator: keyPair.publicValue, responder: peerPublicValue },
  });
  const { privateValue } = keyPair;
  context.ask(sa, { kind: 'deriveSecret', group, privateValue, peerPublicValue }, ({ secret }, later) => {
    if (secret === undefined) closed(context, sa, refusedKey);
    else if (isSigned(exchanged)) signToResponder(context, sa, exchanged, secret);
    else authenticateToResponder(context, sa, exchanged, secret, later);
  });
  return undefined;
}

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

/** The peer that began what we renew in its stead has asked for so long a life, and counts on it. */
function offered({ config }: Context, { renews }: IkeSa): IkePolicy {
  const policy = config.profile.offer.ike;
  if (renews?.role !== 'responder') return policy;
  return { ...policy, lifetimeSeconds: Math.min(policy.lifetimeSeconds, renews.lifetimeSeconds) };
}
