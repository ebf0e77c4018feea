/** IKE_AUTH as its responder: who is the peer, has it proved it, and what it gets. RFC 7296 §1.2, §2.15, §2.16, §2.21.2. */

import type { Failure, Instant } from '../../../core/index.ts';
import { identityOf, identityPayload, parseIdentity } from '../../identity.ts';
import type { Identity } from '../../output.ts';
import type { AuthenticationMethod } from '../../signature.ts';
import type { Association } from '../association.ts';
import { isFailure } from '../childPolicy.ts';
import { confirmChild } from '../childSa.ts';
import { closedAfterAnswer } from '../closing.ts';
import type { Context } from '../context.ts';
import { malformed, methodRefused, noCredential } from '../failures.ts';
import type { IkeSa } from '../ikeSa.ts';
import type { IkeKeys } from '../keys.ts';
import { type CpPayload, type NotifyPayload, NotifyType, notify, type Payload } from '../payloads/index.ts';
import type { Arrival } from '../receiving.ts';
import { respond } from '../transmission.ts';
import { all, encodePayloadBody, find, findNotify, type PayloadChain, receivedBody } from '../wire/index.ts';
import { noteVendorIds } from './announcements.ts';
import { authoritiesOf, certificatePayloads, chainOf, chooseCredential } from './certificates.ts';
import { answerChild, considerChild } from './childNegotiation.ts';
import { configurePeer } from './configuration.ts';
import { beginEap, onEapRequest } from './eapRun.ts';
import { establish } from './establishment.ts';
import { mobikeAbility } from './mobikeNotify.ts';
import { postquantumObstacle, resolvePostquantum } from './postquantum.ts';
import { checkAuth, makeAuth, type Proof, secretFor } from './proof.ts';
import { redirectAuthenticated, sentAway } from './redirect.ts';
import { isTicketOf, ticketFor } from './resumption.ts';

export function onAuthRequest(context: Context, association: Association, { chain }: Arrival, now: Instant): void {
  const { sa } = association;
  if (sa.opening === undefined || sa.opening.furtherGroups.length > 0) {
    refuseAuth(
      context,
      association,
      NotifyType.INVALID_SYNTAX,
      malformed('IKE_AUTH before all keys were exchanged'),
      now,
    );
  } else if (sa.auth === undefined) onFirst(context, association, chain, now);
  else onEapRequest(context, association, chain, now);
}

/** Answers with an error that ends the IKE SA. RFC 7296 §2.21.2. */
export function refuseAuth(
  context: Context,
  association: Association,
  notifyType: number,
  failure: Failure,
  now: Instant,
): void {
  respond(context, association, [notify(notifyType)], now);
  closedAfterAnswer(context, association.sa, failure, now);
}

function onFirst(context: Context, association: Association, chain: PayloadChain, now: Instant): void {
  const { sa } = association;
  context.halfOpen.prove(sa);
  noteVendorIds(sa, chain);
  const idi = find(chain, 'IDi');
  if (idi === undefined) {
    refuseAuth(context, association, NotifyType.INVALID_SYNTAX, malformed('IKE_AUTH without IDi'), now);
    return;
  }
  sa.remoteIdentity = identityOf(idi);
  sa.opening!.authMessageId = association.answering!.messageId;
  const requests = all(chain, 'CERTREQ');
  if (requests.length > 0) sa.opening!.peerAuthorities = authoritiesOf(requests);
  const idr = find(chain, 'IDr');
  const localIdentity = ourIdentity(context, sa, idr && identityOf(idr));
  sa.localIdentity = localIdentity;
  const { idType, data } = identityPayload(localIdentity);
  sa.auth = {
    request: { payloads: chain.payloads },
    localIdentity,
    localIdBody: encodePayloadBody({ kind: 'IDr', idType, data }),
    remoteIdBody: receivedBody(chain, 'IDi')!.slice(),
    offer: undefined,
    mixedKeys: undefined,
    eap: undefined,
  };
  if (sa.opening!.resumed && !isTicketOf(sa, sa.auth.remoteIdBody!)) {
    refuseAuth(context, association, NotifyType.AUTHENTICATION_FAILED, ANOTHERS_TICKET, now);
    return;
  }
  // Before EAP shows anything that only the key would hide.
  const obstacle = postquantumObstacle(context, sa);
  if (obstacle !== undefined) {
    refuseAuth(context, association, NotifyType.AUTHENTICATION_FAILED, obstacle, now);
    return;
  }
  const auth = find(chain, 'AUTH');
  if (auth === undefined) {
    const { accept } = context.config;
    if (accept.includes('eap')) beginEap(context, association, now);
    else refuseAuth(context, association, NotifyType.AUTHENTICATION_FAILED, methodRefused('EAP', accept), now);
    return;
  }
  const resolved = resolvePostquantum(context, association, chain, auth);
  if (isFailure(resolved)) {
    refuseAuth(context, association, NotifyType.AUTHENTICATION_FAILED, resolved, now);
    return;
  }
  const { keys, answer } = resolved;
  const expected = {
    localIdentity,
    remoteIdentity: sa.remoteIdentity,
    auth: resolved.auth,
    chain: chainOf(chain),
    accept: context.config.accept,
    resumed: sa.opening!.resumed,
  };
  const signed = { side: 'initiator', idBody: sa.auth.remoteIdBody!, keys } as const;
  checkAuth(context, association, signed, expected, now, (result, later) => {
    if (isFailure(result)) {
      refuseAuth(context, association, NotifyType.AUTHENTICATION_FAILED, result, later);
      return;
    }
    association.keys = keys;
    const method = sa.resumedFrom?.method ?? result;
    sa.user = sa.resumedFrom?.user;
    proveOurselves(
      context,
      association,
      sa.opening!.resumed ? { method: 'resumption' } : proofFor(context, sa, method),
      keys,
      later,
      (proved, last) => complete(context, association, { method, ourPart: [...proved, ...answer] }, last),
    );
  });
}

/** What the peer asks for where it is ours, else our first. */
function ourIdentity(context: Context, sa: IkeSa, asked: Identity | undefined): Identity {
  const { localIdentity } = context.config;
  if (localIdentity !== undefined) return localIdentity;
  const credential = chooseCredential(context, sa, asked)?.credential;
  const named =
    asked === undefined
      ? undefined
      : credential?.identities?.find(({ type, value }) => type === asked.type && value === asked.value);
  return named ?? credential?.identities?.[0] ?? parseIdentity(sa.local.address);
}

/** We prove ourselves as the peer does, where we can. */
function proofFor(context: Context, sa: IkeSa, method: AuthenticationMethod): Proof | undefined {
  const { localIdentity, remoteIdentity } = sa;
  const chosen = chooseCredential(context, sa, localIdentity);
  const secret = secretFor(context, sa, localIdentity!, remoteIdentity);
  const shared = secret && ({ method: 'pre-shared-key', secret } as const);
  const signature = chosen && ({ method: 'signature', ...chosen } as const);
  return method === 'pre-shared-key' ? (shared ?? signature) : (signature ?? shared);
}

/** `then` gets IDr, CERT and AUTH. */
export function proveOurselves(
  context: Context,
  association: Association,
  proof: Proof | undefined,
  keys: IkeKeys,
  now: Instant,
  then: (payloads: readonly Payload[], now: Instant) => void,
): void {
  const { sa } = association;
  const { localIdentity, localIdBody } = sa.auth!;
  if (proof === undefined) {
    refuseAuth(context, association, NotifyType.AUTHENTICATION_FAILED, noCredential, now);
    return;
  }
  const { idType, data } = identityPayload(localIdentity);
  makeAuth(context, association, { side: 'responder', idBody: localIdBody, keys }, proof, now, (auth, later) => {
    if ('code' in auth) {
      refuseAuth(context, association, NotifyType.AUTHENTICATION_FAILED, auth, later);
      return;
    }
    sa.authentication = {
      local: proof.method === 'signature' ? 'signature' : proof.method === 'eap' ? 'eap' : 'pre-shared-key',
      remote: 'null',
    };
    const certificates = proof.method === 'signature' ? certificatePayloads(proof.credential) : [];
    then([{ kind: 'IDr', idType, data }, ...certificates, auth], later);
  });
}

interface Completion {
  readonly method: AuthenticationMethod;
  /** IDr, CERT and AUTH, or AUTH alone after EAP. */
  readonly ourPart: readonly Payload[];
}

/** The peer has proved itself: addresses, the child SA, the answer. */
export function complete(
  context: Context,
  association: Association,
  { method, ourPart }: Completion,
  now: Instant,
): void {
  const { sa } = association;
  const { request } = sa.auth!;
  sa.authentication = { local: sa.authentication?.local ?? 'null', remote: method };
  const gateway = redirectAuthenticated(context, sa);
  if (gateway !== undefined) {
    establish(context, sa, { initialContact: false, exchange: exchangeOf(sa) }, now);
    respond(context, association, [...ourPart, sentAway(context, sa, gateway, now)], now);
    return;
  }
  configurePeer(context, sa, request, now, (reply, later) => {
    const { keys } = association;
    if (keys === undefined) return;
    const initialContact = findNotify(request, NotifyType.INITIAL_CONTACT) !== undefined;
    const mobike = mobikeAbility(context, sa, request);
    // Who is not let in need not come back.
    const ticket = isFailure(reply) ? [] : ticketFor(context, association, request, later);
    const nonces = { initiator: sa.opening!.initiatorNonce, responder: sa.opening!.responderNonce };
    establish(context, sa, { initialContact, exchange: exchangeOf(sa) }, later);
    const { payloads, child } = firstChild(context, association, request, reply, nonces, later);
    respond(context, association, [...ourPart, ...payloads, ...mobike, ...ticket], later);
    if (child !== undefined) confirmChild(context, child);
  });
}

const exchangeOf = ({ opening }: IkeSa): string => (opening?.resumed ? 'ike-session-resume' : 'ike-auth');

/** The child SA that comes with IKE_AUTH. That it fails is not the end of the IKE SA. RFC 7296 §1.2. */
function firstChild(
  context: Context,
  association: Association,
  request: Pick<PayloadChain, 'payloads'>,
  reply: CpPayload | Failure | undefined,
  nonces: { readonly initiator: Uint8Array; readonly responder: Uint8Array },
  now: Instant,
) {
  const { sa } = association;
  const failed = (failure: Failure, answer: NotifyPayload) => {
    context.emit({ type: 'ikeFailed', ikeSa: sa.id, remote: sa.remote, failure });
    return { payloads: [answer] as readonly Payload[], child: undefined };
  };
  if (reply !== undefined && 'code' in reply) return failed(reply, notify(NotifyType.INTERNAL_ADDRESS_FAILURE));
  const configuration = reply === undefined ? [] : [reply];
  if (find(request, 'SA') === undefined) return { payloads: configuration, child: undefined };
  const agreed = considerChild(context, sa, request, { initial: true });
  if ('failure' in agreed) {
    const refusal = failed(agreed.failure, notify(agreed.notifyType, agreed.data));
    return { ...refusal, payloads: [...configuration, ...refusal.payloads] };
  }
  const { payloads, install } = answerChild(context, association, agreed);
  return { payloads: [...configuration, ...payloads], child: install(nonces, [], undefined, now) };
}

const ANOTHERS_TICKET: Failure = {
  code: 'authentication-failed',
  reason: 'the peer resumes a session under another identity than the one that it was given to',
};
