/** EAP inside IKE_AUTH as the client: packets of the owner out, those of the server in, and AUTH at the end. RFC 7296 §2.16. */

import type { Failure, Instant } from '../../../core/index.ts';
import { milestone } from '../../milestone.ts';
import type { IkeCommand } from '../../output.ts';
import type { Association, Task } from '../association.ts';
import { closed, refuseAndTell } from '../closing.ts';
import type { Context } from '../context.ts';
import { errorIn, failureFrom, malformed } from '../failures.ts';
import type { IkeSa } from '../ikeSa.ts';
import { ExchangeType, type Payload } from '../payloads/index.ts';
import { enqueue, finishTask, sendRequest } from '../requests.ts';
import { find, type PayloadChain } from '../wire/index.ts';
import { finish, judge, ourAuth } from './authInitiator.ts';
import { type EapState, isEapFailure, MAX_EAP_ROUNDS } from './authRun.ts';
import { emitEap, KEYLESS } from './eapRun.ts';

type EapCommand = Extract<IkeCommand, { readonly type: 'eap' }>;

export function onEapCommandAsInitiator(
  context: Context,
  sa: IkeSa,
  eap: EapState,
  { bytes, done }: EapCommand,
  now: Instant,
): void {
  const { association } = sa;
  if (done !== undefined && 'failure' in done) {
    giveUp(context, sa, eap, bytes, done.failure, now);
    return;
  }
  if (done === undefined) {
    enqueue(context, association, packetTask(context, association, bytes), now);
    return;
  }
  // Without a key the server that ends EAP need not be the one that began it.
  if (done.msk === undefined && !(context.config.eapWithoutKey && eap.serverProved)) {
    refuseAndTell(context, sa, KEYLESS, now);
    return;
  }
  eap.done = { msk: done.msk, user: done.user };
  milestone(context, sa, 'eap done', done.user);
  enqueue(context, association, finalTask(context, association, done.msk), now);
}

/**
 * The server is told, so that it need not wait: by the last packet of the method, such as an alert of TLS, where it has
 * one, else by a notification. RFC 7296 §2.16, §2.21.2.
 * @param bytes empty where EAP has nothing to say
 */
function giveUp(context: Context, sa: IkeSa, eap: EapState, bytes: Uint8Array, failure: Failure, now: Instant): void {
  if (eap.refused) {
    closed(context, sa, failure);
    return;
  }
  if (bytes.length === 0) {
    refuseAndTell(context, sa, failure, now);
    return;
  }
  // Where no answer comes this is still why it ended.
  sa.hint = failure;
  enqueue(context, sa.association, lastPacketTask(context, sa, bytes, failure), now);
}

function packetTask(context: Context, association: Association, bytes: Uint8Array): Task {
  const { sa } = association;
  return {
    name: 'EAP',
    exchange: ExchangeType.IKE_AUTH,
    begin: () => [{ kind: 'EAP', data: bytes }] as readonly Payload[],
    done: (answer, now) => {
      const eap = sa.auth?.eap;
      const packet = find(answer, 'EAP');
      if (eap === undefined || packet === undefined) {
        closed(context, sa, failureOf(answer));
        return 'later';
      }
      if (++eap.rounds > MAX_EAP_ROUNDS) {
        refuseAndTell(context, sa, ENDLESS, now);
        return 'later';
      }
      eap.asked = true;
      eap.refused = isEapFailure(packet.data);
      finishTask(context, association, now);
      emitEap(context, sa, packet.data.slice());
      return 'later';
    },
  };
}

/** The packet behind which there is nothing to be had, whatever the answer is; a server that goes on is told so. */
function lastPacketTask(context: Context, sa: IkeSa, bytes: Uint8Array, failure: Failure): Task {
  return {
    name: 'EAP',
    exchange: ExchangeType.IKE_AUTH,
    begin: () => [{ kind: 'EAP', data: bytes }] as readonly Payload[],
    done: (answer, now) => {
      const packet = find(answer, 'EAP');
      const hasEnded = packet === undefined ? errorIn(answer) !== undefined : isEapFailure(packet.data);
      if (hasEnded) closed(context, sa, failure);
      else refuseAndTell(context, sa, failure, now);
      return 'later';
    },
  };
}

/** AUTH with the key of EAP, both ways. */
function finalTask(context: Context, association: Association, msk: Uint8Array | undefined): Task {
  return {
    name: 'authenticate after EAP',
    exchange: ExchangeType.IKE_AUTH,
    begin: (now) => {
      ourAuth(context, association, { method: 'eap', msk }, now, (auth, later) =>
        sendRequest(context, association, auth, later),
      );
      return 'later';
    },
    done: (answer, now) => {
      judge(context, association, answer, now, { msk }, (_, later) =>
        finish(context, association, answer, 'eap', later),
      );
      return 'later';
    },
  };
}

function failureOf(answer: PayloadChain): Failure {
  const error = errorIn(answer);
  return error === undefined ? malformed('an answer to EAP without EAP') : failureFrom(error, 'EAP', []);
}

const ENDLESS: Failure = { code: 'eap-failed', reason: 'the server goes on with EAP without end' };
