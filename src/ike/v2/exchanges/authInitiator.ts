/** IKE_AUTH as its initiator: proving ourselves, judging the responder, taking what it gives. RFC 7296 §1.2, §2.15, §2.16. */

import type { Failure, Instant } from '../../../core/index.ts';
import { identityOf, identityPayload, parseIdentity, sameIdentity } from '../../identity.ts';
import { hasPeer } from '../../peerTable.ts';
import type { AuthenticationMethod } from '../../signature.ts';
import type { Association, Task } from '../association.ts';
import { isFailure } from '../childPolicy.ts';
import { confirmChild } from '../childSa.ts';
import { closeAndTell, closed, disown, refuseAndTell } from '../closing.ts';
import type { AcceptedMethod } from '../config.ts';
import type { Context } from '../context.ts';
import { errorIn, failureFrom, malformed, noCredential, noSecret, wrongIdentity } from '../failures.ts';
import type { IkeSa } from '../ikeSa.ts';
import type { IkeKeys } from '../keys.ts';
import { ExchangeType, NotifyType, notify, type Payload } from '../payloads/index.ts';
import { childAlternativesText } from '../proposal.ts';
import { enqueue, finishTask, sendRequest } from '../requests.ts';
import { encodePayloadBody, find, findNotify, type PayloadChain, receivedBody } from '../wire/index.ts';
import { ourVendorId } from './announcements.ts';
import { isEapFailure } from './authRun.ts';
import { certificatePayloads, certificateRequest, chainOf, chooseCredential } from './certificates.ts';
import { installAnswered, offerFor, offerPayloads, readChild } from './childNegotiation.ts';
import { configurationRequest, readConfiguration } from './configuration.ts';
import { createChild } from './createChild.ts';
import { emitEap } from './eapRun.ts';
import { establish } from './establishment.ts';
import { mobikeNotifies, readMobike } from './mobikeNotify.ts';
import {
  mixedKeys,
  notePostquantumKey,
  PPK_NOT_USED,
  postquantumNotifies,
  postquantumObstacle,
  withPpkRemedy,
} from './postquantum.ts';
import { checkAuth, makeAuth, type Proof, secretFor } from './proof.ts';
import { redirectOf, takeRedirect } from './redirect.ts';
import { takeTicket, wantsTicket } from './resumption.ts';

/** Keys stand: we say who we are. */
export function beginAuth(context: Context, sa: IkeSa, now: Instant): void {
  const { association } = sa;
  const proof = postquantumObstacle(context, sa) ?? ownProof(context, sa);
  if ('code' in proof) {
    closed(context, sa, proof);
    return;
  }
  const { initiate } = context.config;
  const chosen = proof.method === 'signature' ? proof.credential.identities?.[0] : undefined;
  // Who resumes a session is who began it.
  const resumedAs = sa.opening?.resumed ? sa.localIdentity : undefined;
  const localIdentity = resumedAs ?? context.config.localIdentity ?? chosen ?? parseIdentity(sa.local.address);
  sa.localIdentity = localIdentity;
  const { idType, data } = identityPayload(localIdentity);
  const childless = initiate.childless === true && sa.peer.childless;
  const [wanted] = sa.wanted;
  sa.auth = {
    request: { payloads: [] },
    localIdentity,
    localIdBody: encodePayloadBody({ kind: 'IDi', idType, data }),
    remoteIdBody: undefined,
    offer: childless || wanted === undefined ? undefined : offerFor(context, wanted, true),
    mixedKeys: mixedKeys(context, association),
    eap: undefined,
  };
  const task: Task = {
    name: 'authenticate',
    exchange: ExchangeType.IKE_AUTH,
    begin: (later) => {
      sa.opening!.authMessageId = association.current!.messageId;
      ourAuth(context, association, proof, later, (auth, last) =>
        sendRequest(context, association, firstRequest(context, sa, proof, auth), last),
      );
      return 'later';
    },
    done: (answer, later) => onFirstAnswer(context, association, answer, later),
  };
  enqueue(context, association, task, now);
}

/** How we prove ourselves; `eap` here is the wish for it. */
type Way = Exclude<Proof, { readonly method: 'eap' }> | { readonly method: 'eap' };

function ownProof(context: Context, sa: IkeSa): Way | Failure {
  if (sa.opening?.resumed) return { method: 'resumption' };
  const { initiate, credentials, remoteIdentity } = context.config;
  const method: AcceptedMethod = initiate.authenticate ?? (credentials.length > 0 ? 'signature' : 'pre-shared-key');
  if (method === 'eap') return { method };
  if (method === 'signature') {
    const chosen = chooseCredential(context, sa, undefined);
    return chosen === undefined ? noCredential : { method, ...chosen };
  }
  const local = context.config.localIdentity ?? parseIdentity(sa.local.address);
  const secret = secretFor(context, sa, local, remoteIdentity);
  return secret === undefined
    ? noSecret(remoteIdentity ?? parseIdentity(sa.remote.address), sa.remote.address)
    : { method, secret };
}

/** AUTH, and what goes with it where a post-quantum key is mixed in; nothing before EAP is done. */
export function ourAuth(
  context: Context,
  association: Association,
  proof: Way | Proof,
  now: Instant,
  then: (auth: readonly Payload[], now: Instant) => void,
): void {
  const { sa } = association;
  const run = sa.auth!;
  if (proof.method === 'eap' && !('msk' in proof)) {
    then([], now);
    return;
  }
  const idBody = run.localIdBody;
  const make = (keys: IkeKeys, at: Instant, next: (made: Payload & { kind: 'AUTH' }, now: Instant) => void) =>
    makeAuth(context, association, { side: 'initiator', idBody, keys }, proof as Proof, at, (made, later) => {
      if ('code' in made) closed(context, sa, made);
      else next(made, later);
    });
  const plain = association.keys!;
  const { mixedKeys: mixed } = run;
  if (mixed === undefined) {
    make(plain, now, (auth, later) => then([auth], later));
  } else if (context.config.postquantumKeys?.required) {
    make(mixed, now, (auth, later) => then([auth, ...postquantumNotifies(context, undefined)], later));
  } else {
    make(mixed, now, (auth, later) =>
      make(plain, later, (without, last) => then([auth, ...postquantumNotifies(context, without)], last)),
    );
  }
}

function firstRequest(context: Context, sa: IkeSa, proof: Way, auth: readonly Payload[]): readonly Payload[] {
  const { config } = context;
  const { idType, data } = identityPayload(sa.localIdentity!);
  const expected = config.initiate.sayRemoteIdentity === false ? undefined : config.remoteIdentity;
  const configuration = configurationRequest(context);
  const { offer } = sa.auth!;
  return [
    { kind: 'IDi', idType, data },
    ...(proof.method === 'signature' ? certificatePayloads(proof.credential) : []),
    ...(config.initialContact && !hasPeer(context, sa) ? [notify(NotifyType.INITIAL_CONTACT)] : []),
    ...certificateRequest(context),
    ...(expected === undefined ? [] : [identityAs('IDr', expected)]),
    ...auth,
    ...(proof.method === 'eap' && config.initiate.eapOnly ? [notify(NotifyType.EAP_ONLY_AUTHENTICATION)] : []),
    ...(configuration === undefined ? [] : [configuration]),
    ...(offer === undefined ? [] : offerPayloads(offer)),
    ...mobikeNotifies(context, sa),
    ...wantsTicket(context),
    ourVendorId,
  ];
}

function identityAs(kind: 'IDr', identity: Parameters<typeof identityPayload>[0]): Payload {
  const { idType, data } = identityPayload(identity);
  return { kind, idType, data };
}

/** The first answer: the responder proves itself, and all is done, or EAP begins. */
function onFirstAnswer(
  context: Context,
  association: Association,
  answer: PayloadChain,
  now: Instant,
): 'later' | undefined {
  const { sa } = association;
  const idr = find(answer, 'IDr');
  if (idr === undefined) {
    fail(context, sa, answer);
    return 'later';
  }
  sa.remoteIdentity = identityOf(idr);
  sa.auth!.remoteIdBody = receivedBody(answer, 'IDr')!.slice();
  const eapPacket = find(answer, 'EAP');
  if (eapPacket === undefined) {
    judge(context, association, answer, now, undefined, (method, later) =>
      finish(context, association, answer, method, later),
    );
    return 'later';
  }
  const { initiate } = context.config;
  const begin = (serverProved: boolean, later: Instant) => {
    const refused = isEapFailure(eapPacket.data);
    sa.auth!.eap = { serverProved, asked: true, refused, done: undefined, rounds: 0 };
    finishTask(context, association, later);
    emitEap(context, sa, eapPacket.data.slice());
  };
  if (initiate.authenticate !== 'eap') {
    refuseAndTell(context, sa, UNWANTED_EAP, now);
  } else if (find(answer, 'AUTH') === undefined && initiate.eapOnly) {
    begin(false, now);
  } else {
    judge(context, association, answer, now, undefined, (method, later) => {
      sa.authentication = { local: 'eap', remote: method };
      begin(true, later);
    });
  }
  return 'later';
}

/** Whether the responder's AUTH is believed; the IKE SA ends where it is not. */
export function judge(
  context: Context,
  association: Association,
  answer: PayloadChain,
  now: Instant,
  eap: { readonly msk: Uint8Array | undefined } | undefined,
  then: (method: AuthenticationMethod, now: Instant) => void,
): void {
  const { sa } = association;
  const run = sa.auth!;
  const auth = find(answer, 'AUTH');
  if (auth === undefined) {
    fail(context, sa, answer);
    return;
  }
  const usesPpk = run.mixedKeys !== undefined && findNotify(answer, NotifyType.PPK_IDENTITY) !== undefined;
  const isLast = find(answer, 'EAP') === undefined;
  if (isLast && !usesPpk && context.config.postquantumKeys?.required && !sa.opening?.resumed) {
    refuseAndTell(context, sa, PPK_NOT_USED, now);
    return;
  }
  const keys = usesPpk ? run.mixedKeys! : association.keys!;
  const { remoteIdentity: expected, accept, initiate } = context.config;
  const found = sa.remoteIdentity!;
  // A certificate may be for the expected name though its holder states another one.
  const isOther = expected !== undefined && !sameIdentity(expected, found);
  const signs = auth.method !== 2;
  if (isOther && !signs && eap === undefined && !sa.opening?.resumed) {
    refuseAndTell(context, sa, wrongIdentity(expected, found), now);
    return;
  }
  // Who has given away a password must know that it was to the right one: a shared secret does not tell.
  const taken = initiate.authenticate === 'eap' ? (['signature'] as const) : accept;
  const expectation = {
    localIdentity: run.localIdentity,
    remoteIdentity: expected ?? found,
    auth,
    chain: chainOf(answer),
    accept: taken,
    ...(eap !== undefined && { eap }),
    resumed: sa.opening?.resumed ?? false,
  };
  const signed = { side: 'responder', idBody: run.remoteIdBody!, keys } as const;
  checkAuth(context, association, signed, expectation, now, (result, later) => {
    if (isFailure(result)) {
      refuseAndTell(context, sa, result, later);
      return;
    }
    association.keys = keys;
    if (isLast) notePostquantumKey(context, sa, usesPpk);
    then(result, later);
  });
}

/** Both have proved themselves. */
export function finish(
  context: Context,
  association: Association,
  answer: PayloadChain,
  remoteMethod: AuthenticationMethod,
  now: Instant,
): void {
  const { sa } = association;
  const { offer, eap } = sa.auth!;
  const nonces = { initiator: sa.opening!.initiatorNonce, responder: sa.opening!.responderNonce };
  const { resumed } = sa.opening!;
  sa.user = eap?.done?.user;
  const local = eap !== undefined ? 'eap' : ownMethod(context);
  sa.authentication = { local, remote: eap?.serverProved ? 'signature' : remoteMethod };
  readMobike(context, sa, answer);
  const gateway = redirectOf(answer);
  establish(context, sa, { initialContact: false, exchange: resumed ? 'ike-session-resume' : 'ike-auth' }, now);
  takeTicket(context, association, answer, now);
  if (gateway !== undefined) {
    takeRedirect(context, sa, gateway, now);
    return;
  }
  const configuration = readConfiguration(answer);
  if (configuration !== undefined) {
    sa.configuration = configuration;
    context.emit({ type: 'configured', ikeSa: sa.id, configuration });
  }
  finishTask(context, association, now);
  if (offer === undefined) {
    for (const wanted of sa.wanted) createChild(context, sa, wanted, now);
    return;
  }
  const agreed = find(answer, 'SA') === undefined ? undefined : readChild(sa, offer, answer);
  if (agreed !== undefined && !('code' in agreed)) {
    confirmChild(context, installAnswered(context, association, offer, agreed, nonces, [], undefined, now));
    return;
  }
  const error = errorIn(answer);
  const offered = context.config.profile.offer.esp.proposals.map(childAlternativesText);
  const failure =
    agreed ??
    (error === undefined ? malformed('no word of the child SA') : failureFrom(error, 'first child SA', offered));
  context.emit({ type: 'ikeFailed', ikeSa: sa.id, remote: sa.remote, failure });
  // The peer has a child SA that we do not want.
  if (agreed !== undefined) disown(context, sa, offer.spi, now);
  if (sa.children.size === 0) closeAndTell(context, sa, failure, now);
}

/** The responder refused. Its answer is authentic as far as the keys go. */
function fail(context: Context, sa: IkeSa, answer: PayloadChain): void {
  const error = errorIn(answer);
  const failure =
    error === undefined
      ? malformed('an answer to IKE_AUTH without IDr or AUTH')
      : failureFrom(error, 'authentication', []);
  closed(context, sa, sa.auth?.mixedKeys === undefined ? failure : withPpkRemedy(failure));
}

function ownMethod(context: Context): AuthenticationMethod {
  const { initiate, credentials } = context.config;
  return initiate.authenticate ?? (credentials.length > 0 ? 'signature' : 'pre-shared-key');
}

const UNWANTED_EAP: Failure = {
  code: 'authentication-method-refused',
  reason: 'the peer wants EAP, and this end is to prove itself otherwise',
  remedy: 'Set the way of authentication to EAP with user name and password, or change it on the gateway.',
};
