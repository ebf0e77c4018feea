/** The call messages that each action of the call tables sends, and why calls are refused. RFC 2661 §6.6–6.12. */

import { Bearer, Framing, type ResultCode } from './avps.ts';
import { type CallAction, type CallEvent, type CallTable, callTables } from './callStates.ts';
import type { L2tpConfig } from './config.ts';
import type { Refusal } from './context.ts';
import type { Peer } from './controlConnection.ts';
import type { MessageBody } from './messages.ts';
import type { MessageName } from './messageType.ts';
import { CallResult, GeneralError, withText } from './resultCodes.ts';
import type { Session } from './session.ts';

/** What a message is made of. */
export interface CallFacts {
  readonly session: Session;
  readonly config: L2tpConfig;
  readonly peer: Peer;
  /** For a CDN. */
  readonly result: ResultCode;
}

export type Send = <Name extends MessageName>(name: Name, body: MessageBody<Name>) => void;

type SendAction = Extract<CallAction, `send${string}`>;

/** Each action with its message. */
export const callMessages: Readonly<Record<SendAction, (facts: CallFacts, send: Send) => void>> = {
  sendIcrq: ({ session, config }, send) =>
    send('ICRQ', {
      assignedSessionId: session.id,
      callSerialNumber: session.callSerialNumber,
      bearerType: Bearer.digital | Bearer.analog,
      callingNumber: session.callingNumber,
      calledNumber: session.calledNumber,
      subAddress: config.subAddress,
    }),
  sendIcrp: ({ session }, send) => send('ICRP', { assignedSessionId: session.id }),
  sendIccn: (facts, send) => send('ICCN', connected(facts)),
  sendOcrq: ({ session, config, peer }, send) =>
    send('OCRQ', {
      assignedSessionId: session.id,
      callSerialNumber: session.callSerialNumber,
      minimumBps: 0,
      maximumBps: config.connectSpeed,
      bearerType: peer.bearer,
      framingType: peer.framing,
      calledNumber: session.calledNumber ?? '',
      subAddress: config.subAddress,
    }),
  sendOcrp: ({ session }, send) => send('OCRP', { assignedSessionId: session.id }),
  sendOccn: (facts, send) => send('OCCN', connected(facts)),
  sendCdn: ({ session, result }, send) => send('CDN', { resultCode: result, assignedSessionId: session.id }),
};

export function isSendAction(action: CallAction): action is SendAction {
  return Object.hasOwn(callMessages, action);
}

/** The result code of a CDN that ends a call for no fault of either side; never sent. */
export const NO_RESULT: ResultCode = { result: CallResult.generalError };

export const INVALID_SESSION_ID = callRefusal(
  CallResult.generalError,
  GeneralError.invalidSessionId,
  'invalid-session-id',
  'The Assigned Session ID is 0, in use or not known.',
);

export const NOT_IN_TIME = callRefusal(
  CallResult.notEstablishedInTime,
  GeneralError.none,
  'not-established-in-time',
  'The session was not established in time.',
);

export const TOO_MANY_SESSIONS = callRefusal(
  CallResult.noFacilitiesTemporary,
  GeneralError.none,
  'too-many-sessions',
  'The tunnel has as many sessions as it may.',
);

export function callNotAccepted(name: MessageName): Refusal {
  const reason = `${name} is not accepted here.`;
  return callRefusal(CallResult.noFacilitiesPermanent, GeneralError.none, 'no-facilities', reason);
}

export function outOfSequence(event: CallEvent, state: string): Refusal {
  const reason = `${event} is not expected in state ${state}.`;
  return callRefusal(CallResult.generalError, GeneralError.none, 'finite-state-machine', reason);
}

/** Whether a message for a session that is not there is answered with CDN: what the `idle` rows of our role say. */
export function answersUnknown(role: 'lac' | 'lns', name: MessageName): boolean {
  const direction = name.startsWith('IC') ? 'incoming' : 'outgoing';
  const table: CallTable = callTables[`${direction}${role === 'lac' ? 'Lac' : 'Lns'}`];
  const row = table.find(({ from, on }) => from.includes('idle') && on.some((event) => event === name));
  return row?.do.includes('sendCdn') ?? false;
}

function connected({ session, config, peer }: CallFacts): MessageBody<'ICCN'> & MessageBody<'OCCN'> {
  return {
    txConnectSpeed: config.connectSpeed,
    framingType: peer.framing & Framing.synchronous || Framing.asynchronous,
    rxConnectSpeed: config.connectSpeed,
    sequencingRequired: session.sequencingRequired ? true : undefined,
  };
}

function callRefusal(result: number, error: number, code: string, reason: string): Refusal {
  return { result: withText(result, error, reason), failure: { code, reason } };
}
