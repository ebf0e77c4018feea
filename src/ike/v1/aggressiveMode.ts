/** Aggressive Mode with pre-shared keys, both roles: unsafe, and off unless the config says so. RFC 2409 §5.4, RFC 3947 §3.2. */

import type { Instant } from '../../core/index.ts';
import { Malformed } from '../../wire/index.ts';
import { type ChosenIke, readIkeAnswer } from '../choose.ts';
import { identityOf, identityPayload, identityText, sameIdentity } from '../identity.ts';
import { all, encodePayloadBody, find, type PayloadChain, receivedBody } from '../message.ts';
import { milestone } from '../milestone.ts';
import { buildIkeProposals } from '../offer.ts';
import { HeaderFlag, NotifyType, type Payload } from '../payloads/index.ts';
import { hasPeer } from '../peerTable.ts';
import { type Arrival, badNonce, isZero, noCookie, outOfState, type Refusal } from './arrival.ts';
import { closed } from './closing.ts';
import type { Context } from './context.ts';
import { establish } from './establishment.ts';
import { COOKIE_BYTES, type Exchanged, type IkeSa } from './ikeSa.ts';
import { hashI, hashR, type Phase1Transcript, skeyidForPreSharedKey } from './keys.ts';
import { decryptMessage } from './message.ts';
import { breach, messageTable } from './messageTable.ts';
import { detectNat, floatPorts, followPath, natPayloads } from './natTraversal.ts';
import { isakmpNotify, toldLifetime } from './notifications.ts';
import { abilitiesOf, announcements } from './peerAbilities.ts';
import {
  agreementOf,
  isNonceLength,
  keysAgreed,
  keysFor,
  localIdentity,
  NONCE_BYTES,
  noProposalChosen,
  noSecret,
  pskMismatch,
  refusedKey,
  settled,
} from './phase1.ts';
import { clearNotify, prepare, traceIn, transmit, transmitUntilAnswered } from './transmission.ts';

const BY_SECRET = { authentication: 'pre-shared-key' } as const;

/** Message 1, out. All transforms have one group, for its KE payload cannot wait for the choice. */
export function initiateAggressiveMode(context: Context, sa: IkeSa): void {
  const policy = aggressiveOffer(context);
  const { group } = policy.proposals[0]!;
  sa.state = { name: 'computing', awaits: undefined };
  context.ask(sa, { kind: 'generateKey', group }, ({ keyPair }, now) => {
    const nonce = context.random(NONCE_BYTES);
    const local = localIdentity(context, sa);
    const offer = buildIkeProposals(policy);
    const id = identityPayload(local);
    const payloads: Payload[] = [offer, { kind: 'KE', data: keyPair.publicValue }, { kind: 'NONCE', data: nonce }, id];
    const message = prepare(context, sa, 'aggressiveMode1', [...payloads, ...announcements(undefined)]);
    milestone(context, sa, 'ike first message', 'sent');
    sa.state = {
      name: 'aggressiveOffered',
      awaits: 'aggressiveMode2',
      saBody: encodePayloadBody(offer),
      keyPair,
      nonce,
      idBody: encodePayloadBody(id),
      localIdentity: local,
    };
    sa.outstanding = transmitUntilAnswered(context, sa, message, 'retransmit', now);
  });
}

/** Message 1 in, message 2 out. */
export function onAggressive1(
  context: Context,
  sa: IkeSa,
  { message, digest }: Arrival,
  chosen: ChosenIke,
  now: Instant,
): Refusal {
  const initiatorNonce = find(message, 'NONCE')!.data.slice();
  if (!isNonceLength(initiatorNonce)) return badNonce;
  sa.responderCookie = context.random(COOKIE_BYTES);
  sa.abilities = abilitiesOf(message);
  context.index(sa);
  milestone(context, sa, 'ike first message', 'received');
  const agreement = agreementOf(context, sa, chosen, receivedBody(message, 'SA')!);
  const local = localIdentity(context, sa);
  const remoteIdentity = identityOf(find(message, 'ID')!);
  const initiatorIdBody = receivedBody(message, 'ID')!.slice();
  const query = { localIdentity: local, remoteIdentity, remoteAddress: sa.remote.address };
  const preSharedKey = context.config.secrets.secretFor(query);
  if (preSharedKey === undefined) return void closed(context, sa, noSecret(sa));
  const { group, hash } = agreement.proposal;
  const peerPublicValue = find(message, 'KE')!.data.slice();
  sa.answered.remember(digest, undefined, now);
  sa.state = { name: 'computing', awaits: undefined };
  context.ask(sa, { kind: 'generateKey', group }, ({ keyPair }, later) => {
    const { publicValue, privateValue } = keyPair;
    const nonces = { initiator: initiatorNonce, responder: context.random(NONCE_BYTES) };
    const publicValues = { initiator: peerPublicValue, responder: publicValue };
    const transcript: Phase1Transcript = { cookies: sa.cookies, publicValues, saBody: agreement.saBody };
    const exchanged: Exchanged = { ...agreement, nonces, transcript };
    const id = identityPayload(local);
    const skeyid = skeyidForPreSharedKey(context.crypto, hash, preSharedKey, nonces);
    const data = hashR(context.crypto, { hash, skeyid }, transcript, encodePayloadBody(id));
    const answer = prepare(context, sa, 'aggressiveMode2', [
      chosen.answer,
      { kind: 'KE', data: publicValue },
      { kind: 'NONCE', data: nonces.responder },
      id,
      ...natPayloads(context, sa, hash),
      ...announcements(sa.abilities),
      { kind: 'HASH', data },
    ]);
    sa.answered.remember(digest, answer, later);
    transmit(context, sa, answer);
    context.ask(sa, { kind: 'deriveSecret', group, privateValue, peerPublicValue }, ({ secret }, evenLater) => {
      if (secret === undefined) return closed(context, sa, refusedKey);
      const keys = keysFor(context, exchanged, secret, preSharedKey);
      sa.state = {
        name: 'aggressiveAnswered',
        awaits: 'aggressiveMode3',
        exchanged,
        keys,
        idBody: initiatorIdBody,
        localIdentity: local,
        remoteIdentity,
      };
      context.resume(sa, evenLater);
    });
  });
  return undefined;
}

/** Message 2 in, message 3 out, from port 4500 where there is a NAT; the IKE SA stands. */
export function onAggressive2(context: Context, sa: IkeSa, { message, digest }: Arrival, now: Instant): Refusal {
  if (sa.state.name !== 'aggressiveOffered') return outOfState;
  if (isZero(message.header.responderCookie)) return noCookie;
  const { saBody, keyPair, nonce, idBody, localIdentity: local } = sa.state;
  const policy = aggressiveOffer(context);
  const chosen = readIkeAnswer(find(message, 'SA')!, policy);
  if (chosen.type === 'mismatch') {
    sa.hint = noProposalChosen(chosen, 'initiator');
    return { code: 'bad-proposal', reason: 'the answer is not one of the proposals that were offered' };
  }
  const responderNonce = find(message, 'NONCE')!.data.slice();
  if (!isNonceLength(responderNonce)) return badNonce;
  const remoteIdentity = identityOf(find(message, 'ID')!);
  const query = { localIdentity: local, remoteIdentity, remoteAddress: sa.remote.address };
  const preSharedKey = context.config.secrets.secretFor(query);
  if (preSharedKey === undefined) return void closed(context, sa, noSecret(sa));
  const peerPublicValue = find(message, 'KE')!.data.slice();
  const responderCookie = message.header.responderCookie.slice();
  const { group, hash } = chosen.proposal;
  const nonces = { initiator: nonce, responder: responderNonce };
  const transcript: Phase1Transcript = {
    cookies: { initiator: sa.initiatorCookie, responder: responderCookie },
    publicValues: { initiator: keyPair.publicValue, responder: peerPublicValue },
    saBody,
  };
  const skeyid = skeyidForPreSharedKey(context.crypto, hash, preSharedKey, nonces);
  const expected = hashR(context.crypto, { hash, skeyid }, transcript, receivedBody(message, 'ID')!);
  if (!context.crypto.equal(expected, find(message, 'HASH')!.data)) {
    sa.hint = pskMismatch("the server's HASH_R does not verify under our pre-shared key");
    return { code: 'bad-hash', reason: 'HASH_R does not verify' };
  }
  settled(sa);
  const wanted = context.config.remoteIdentity;
  if (wanted !== undefined && !sameIdentity(wanted, remoteIdentity)) {
    const reason = `the peer is ${identityText(remoteIdentity)}, expected was ${identityText(wanted)}`;
    return void closed(context, sa, { code: 'wrong-identity', reason });
  }
  sa.responderCookie = responderCookie;
  sa.abilities = abilitiesOf(message);
  context.index(sa);
  const exchanged: Exchanged = { ...agreementOf(context, sa, chosen, saBody), nonces, transcript };
  sa.lastAlive = now;
  const initialContact = !hasPeer(context, sa) && context.config.initialContact;
  sa.state = { name: 'computing', awaits: undefined };
  detectNat(context, sa, hash, all(message, 'NAT-D'));
  const { privateValue } = keyPair;
  context.ask(sa, { kind: 'deriveSecret', group, privateValue, peerPublicValue }, ({ secret }, later) => {
    if (secret === undefined) return closed(context, sa, refusedKey);
    const keys = keysFor(context, exchanged, secret, preSharedKey);
    keysAgreed(context, sa, exchanged, keys);
    floatPorts(context, sa);
    const data = hashI(context.crypto, keys, transcript, idBody);
    // After floating, as common peers do: the hashes are over the ports that this message travels on.
    const payloads: Payload[] = [{ kind: 'HASH', data }, ...natPayloads(context, sa, hash)];
    if (initialContact) payloads.push(isakmpNotify(sa, NotifyType.INITIAL_CONTACT));
    const protect = { cipher: keys.cipher, iv: keys.phase1Iv };
    const last = prepare(context, sa, 'aggressiveMode3', payloads, protect);
    sa.answered.remember(digest, last, later);
    sa.unconfirmed = last;
    transmit(context, sa, last);
    const { proposal } = exchanged;
    const secured = { keys, lastBlock: last.nextIv, proposal, ...BY_SECRET, localIdentity: local, remoteIdentity };
    const { lifetimeSeconds } = toldLifetime(message, exchanged);
    establish(context, sa, secured, { lifetimeSeconds, initialContact: false }, later);
  });
  return undefined;
}

/** Message 3 in; the IKE SA stands. */
export function onAggressive3(context: Context, sa: IkeSa, arrival: Arrival, now: Instant): Refusal {
  if (sa.state.name !== 'aggressiveAnswered') return outOfState;
  const { exchanged, keys, idBody, localIdentity: local, remoteIdentity } = sa.state;
  const opened = open(context, sa.state, arrival);
  if ('reason' in opened) {
    return refuse(context, sa, opened.code === 'undecryptable', opened.reason, now);
  }
  const { chain, lastBlock } = opened;
  const expected = hashI(context.crypto, keys, exchanged.transcript, idBody);
  if (!context.crypto.equal(find(chain, 'HASH')!.data, expected)) {
    return refuse(context, sa, true, 'HASH_I does not verify', now);
  }
  detectNat(context, sa, exchanged.proposal.hash, all(chain, 'NAT-D'), arrival.datagram);
  followPath(context, sa, arrival.datagram);
  traceIn(context, sa, messageTable.aggressiveMode3, chain, arrival.message);
  keysAgreed(context, sa, exchanged, keys);
  const { proposal, lifetimeSeconds } = exchanged;
  const secured = { keys, lastBlock, proposal, ...BY_SECRET, localIdentity: local, remoteIdentity };
  const initialContact = all(chain, 'N').some(({ notifyType }) => notifyType === NotifyType.INITIAL_CONTACT);
  establish(context, sa, secured, { lifetimeSeconds, initialContact }, now);
  return undefined;
}

/** The transforms of the offer that share the group of the first. */
function aggressiveOffer(context: Context) {
  const policy = context.config.profile.offer.ike;
  const group = policy.proposals[0]?.group;
  return { ...policy, proposals: policy.proposals.filter((proposal) => proposal.group === group) };
}

function open(
  context: Context,
  { keys }: Extract<IkeSa['state'], { name: 'aggressiveAnswered' }>,
  { message }: Arrival,
):
  | { readonly chain: PayloadChain; readonly lastBlock: Uint8Array }
  | { readonly code: string; readonly reason: string } {
  const rule = messageTable.aggressiveMode3;
  let chain: PayloadChain = message;
  let lastBlock = keys.phase1Iv;
  if ((message.header.flags & HeaderFlag.encryption) !== 0) {
    try {
      const decrypted = decryptMessage(context.crypto, keys.cipher, keys.phase1Iv, message);
      chain = decrypted.message;
      lastBlock = decrypted.nextIv;
    } catch (error) {
      if (error instanceof Malformed) return { code: 'undecryptable', reason: 'it does not decrypt to payloads' };
      throw error;
    }
  }
  const reason = breach(rule, chain);
  return reason === undefined ? { chain, lastBlock } : { code: 'unexpected-payload', reason };
}

/** Says it once; the true message 3 may still come. */
function refuse(context: Context, sa: IkeSa, isMismatch: boolean, reason: string, now: Instant): Refusal {
  if (isMismatch && sa.hint === undefined) {
    sa.hint = pskMismatch(`the last message of ${sa.remote.address} does not verify: ${reason}`);
    context.emit({ type: 'ikeFailed', ikeSa: sa.id, remote: sa.remote, failure: sa.hint });
    clearNotify(context, sa, NotifyType.INVALID_HASH_INFORMATION, now);
    return undefined;
  }
  return { code: isMismatch ? 'psk-mismatch' : 'unexpected-payload', reason };
}
