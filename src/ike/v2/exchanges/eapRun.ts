/** EAP inside IKE_AUTH: the owner runs the method, IKE carries it and believes it only with its key. RFC 7296 §2.16, RFC 5998. */

import type { Failure, Instant } from '../../../core/index.ts';
import { milestone } from '../../milestone.ts';
import type { IkeCommand } from '../../output.ts';
import type { Association } from '../association.ts';
import { isFailure } from '../childPolicy.ts';
import { closedAfterAnswer } from '../closing.ts';
import type { Context } from '../context.ts';
import { malformed } from '../failures.ts';
import type { IkeSa } from '../ikeSa.ts';
import { NotifyType, notify, type Payload } from '../payloads/index.ts';
import { respond } from '../transmission.ts';
import { find, findNotify, type PayloadChain } from '../wire/index.ts';
import { complete, proveOurselves, refuseAuth } from './authResponder.ts';
import { type EapState, MAX_EAP_ROUNDS } from './authRun.ts';
import { chooseCredential } from './certificates.ts';
import { onEapCommandAsInitiator } from './eapInitiator.ts';
import { resolvePostquantum } from './postquantum.ts';
import { checkAuth, makeAuth } from './proof.ts';

type EapCommand = Extract<IkeCommand, { readonly type: 'eap' }>;

const NOTHING = new Uint8Array(0);

/** As responder: a peer that sends no AUTH wants EAP. */
export function beginEap(context: Context, association: Association, now: Instant): void {
  const { sa } = association;
  const eapOnly = findNotify(sa.auth!.request, NotifyType.EAP_ONLY_AUTHENTICATION) !== undefined;
  const chosen = chooseCredential(context, sa, sa.localIdentity);
  sa.timers.set('halfOpen', now + context.config.eapTimeout);
  context.halfOpen.prove(sa);
  const first = (ourPart: readonly Payload[], proved: boolean) => {
    sa.auth!.eap = { serverProved: proved, asked: true, refused: false, done: undefined, rounds: 0 };
    sa.auth!.ourPart = ourPart;
    milestone(context, sa, 'eap begun');
    emitEap(context, sa, NOTHING);
  };
  if (eapOnly && (chosen === undefined || context.config.eapOnly)) {
    const idr = sa.auth!.localIdBody;
    first([{ kind: 'IDr', idType: idr[0]!, data: idr.subarray(4) }], false);
    return;
  }
  const proof = chosen && ({ method: 'signature', ...chosen } as const);
  proveOurselves(context, association, proof, association.keys!, now, (payloads) => first(payloads, true));
}

/** As responder: the next EAP packet, or AUTH when EAP is done. */
export function onEapRequest(context: Context, association: Association, chain: PayloadChain, now: Instant): void {
  const { sa } = association;
  const eap = sa.auth?.eap;
  const packet = find(chain, 'EAP');
  const auth = find(chain, 'AUTH');
  if (eap === undefined || (packet === undefined) === (auth === undefined)) {
    const reason = malformed('IKE_AUTH with neither or both of EAP and AUTH');
    refuseAuth(context, association, NotifyType.INVALID_SYNTAX, reason, now);
    return;
  }
  if (packet !== undefined) {
    if (eap.done !== undefined || ++eap.rounds > MAX_EAP_ROUNDS) {
      refuseAuth(context, association, NotifyType.AUTHENTICATION_FAILED, TOO_MANY_ROUNDS, now);
      return;
    }
    eap.asked = true;
    emitEap(context, sa, packet.data.slice());
    return;
  }
  if (eap.done === undefined) {
    refuseAuth(context, association, NotifyType.AUTHENTICATION_FAILED, EARLY_AUTH, now);
    return;
  }
  onFinalAuth(context, association, chain, eap.done, now);
}

function onFinalAuth(
  context: Context,
  association: Association,
  chain: PayloadChain,
  done: NonNullable<EapState['done']>,
  now: Instant,
): void {
  const { sa } = association;
  const run = sa.auth!;
  const resolved = resolvePostquantum(context, association, chain, find(chain, 'AUTH')!);
  if (isFailure(resolved)) {
    refuseAuth(context, association, NotifyType.AUTHENTICATION_FAILED, resolved, now);
    return;
  }
  const { keys, answer, auth } = resolved;
  const { msk } = done;
  const expected = {
    localIdentity: run.localIdentity,
    remoteIdentity: sa.remoteIdentity!,
    auth,
    chain: [],
    eap: { msk },
    accept: context.config.accept,
  };
  const signed = { side: 'initiator', idBody: run.remoteIdBody!, keys } as const;
  checkAuth(context, association, signed, expected, now, (result, later) => {
    if (isFailure(result)) {
      refuseAuth(context, association, NotifyType.AUTHENTICATION_FAILED, result, later);
      return;
    }
    association.keys = keys;
    sa.user = done.user;
    const ours = { side: 'responder', idBody: run.localIdBody, keys } as const;
    makeAuth(context, association, ours, { method: 'eap', msk }, later, (made, last) => {
      if ('code' in made) return;
      complete(context, association, { method: 'eap', ourPart: [made, ...answer] }, last);
    });
  });
}

/** The owner's next EAP packet. */
export function onEapCommand(context: Context, sa: IkeSa, command: EapCommand, now: Instant): void {
  const eap = sa.auth?.eap;
  if (eap === undefined || !eap.asked || sa.phase !== 'authenticating') return;
  eap.asked = false;
  if (sa.role === 'initiator') onEapCommandAsInitiator(context, sa, eap, command, now);
  else onEapCommandAsResponder(context, sa, eap, command, now);
}

function onEapCommandAsResponder(
  context: Context,
  sa: IkeSa,
  eap: EapState,
  { bytes, done }: EapCommand,
  now: Instant,
) {
  const { association } = sa;
  const ourPart = sa.auth!.ourPart ?? [];
  sa.auth!.ourPart = undefined;
  const packet: Payload[] = bytes.length === 0 ? [] : [{ kind: 'EAP', data: bytes }];
  if (done !== undefined && 'failure' in done) {
    // EAP says it itself; AUTHENTICATION_FAILED beside it is for those who look no deeper. RFC 7296 §2.21.2.
    const answer = packet.length > 0 ? packet : [notify(NotifyType.AUTHENTICATION_FAILED)];
    respond(context, association, [...ourPart, ...answer], now);
    closedAfterAnswer(context, sa, done.failure, now);
    return;
  }
  if (done !== undefined) {
    const keyless = done.msk === undefined;
    if (keyless && (!context.config.eapWithoutKey || !eap.serverProved)) {
      respond(context, association, [notify(NotifyType.AUTHENTICATION_FAILED)], now);
      closedAfterAnswer(context, sa, KEYLESS, now);
      return;
    }
    eap.done = { msk: done.msk, user: done.user };
    sa.eapMethod = done.method;
    milestone(context, sa, 'eap done', done.user);
  }
  respond(context, association, [...ourPart, ...packet], now);
}

export function emitEap(context: Context, sa: IkeSa, bytes: Uint8Array): void {
  context.emit({ type: 'eap', ikeSa: sa.id, role: sa.role, remoteIdentity: sa.remoteIdentity!, bytes });
}

const TOO_MANY_ROUNDS: Failure = {
  code: 'eap-failed',
  reason: 'the peer goes on with EAP though it is done, or without end',
};

const EARLY_AUTH: Failure = {
  code: 'eap-failed',
  reason: 'the peer sent AUTH before EAP was done',
};

export const KEYLESS: Failure = {
  code: 'eap-without-key',
  reason: 'the EAP method made no key, and nothing ties it to this IKE SA',
  remedy: 'Use EAP-MSCHAPv2 or EAP-TLS, or allow EAP without a key.',
};
