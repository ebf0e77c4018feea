/** Result and error codes of StopCCN and CDN, and what they mean for people. RFC 2661 §4.4.2. */

import type { Failure } from '../core/index.ts';
import { printable, utf8 } from '../wire/index.ts';
import type { ResultCode } from './avps.ts';

/** Result codes of StopCCN. */
export const StopResult = {
  generalRequest: 1,
  generalError: 2,
  alreadyExists: 3,
  notAuthorized: 4,
  versionNotSupported: 5,
  shuttingDown: 6,
  finiteStateMachineError: 7,
} as const;

/** Result codes of CDN. */
export const CallResult = {
  lossOfCarrier: 1,
  generalError: 2,
  administrative: 3,
  noFacilitiesTemporary: 4,
  noFacilitiesPermanent: 5,
  invalidDestination: 6,
  noCarrier: 7,
  busy: 8,
  noDialTone: 9,
  notEstablishedInTime: 10,
  noFraming: 11,
} as const;

/** General error codes, which go with result code 2 of either message. */
export const GeneralError = {
  none: 0,
  noControlConnection: 1,
  lengthWrong: 2,
  valueOutOfRange: 3,
  insufficientResources: 4,
  invalidSessionId: 5,
  vendorSpecific: 6,
  tryAnother: 7,
  unknownMandatoryAvp: 8,
} as const;

type Text = readonly [code: string, reason: string];

const stopTexts: Readonly<Record<number, Text>> = {
  1: ['tunnel-closed', 'general request to clear the control connection'],
  2: ['general-error', 'general error'],
  3: ['tunnel-exists', 'the control channel already exists'],
  4: ['not-authorized', 'the requester is not authorized to establish a control channel'],
  5: ['version-not-supported', 'the protocol version is not supported'],
  6: ['shutting-down', 'the requester is being shut down'],
  7: ['finite-state-machine', 'finite state machine error'],
};

const callTexts: Readonly<Record<number, Text>> = {
  1: ['carrier-lost', 'call disconnected due to loss of carrier'],
  2: ['general-error', 'call disconnected for the reason in the error code'],
  3: ['administrative', 'call disconnected for administrative reasons'],
  4: ['no-facilities', 'no facilities available for the call at present'],
  5: ['no-facilities', 'no facilities available for the call'],
  6: ['invalid-destination', 'invalid destination'],
  7: ['no-carrier', 'no carrier detected'],
  8: ['busy', 'busy signal detected'],
  9: ['no-dial-tone', 'no dial tone'],
  10: ['not-established-in-time', 'the call was not established within the time allotted'],
  11: ['no-framing', 'the call was connected but no appropriate framing was detected'],
};

const errorTexts: Readonly<Record<number, Text>> = {
  1: ['no-control-connection', 'no control connection exists yet for this pair of LAC and LNS'],
  2: ['length-wrong', 'a length is wrong'],
  3: ['value-out-of-range', 'a field value was out of range or a reserved field was not zero'],
  4: ['insufficient-resources', 'insufficient resources at present'],
  5: ['invalid-session-id', 'the session id is invalid in this context'],
  6: ['vendor-specific', 'a vendor-specific error occurred in the LAC'],
  7: ['try-another', 'another LNS should be tried'],
  8: ['unknown-mandatory-avp', 'an unknown AVP with the M bit was received'],
};

const remedies: Readonly<Record<string, string>> = {
  'not-authorized': 'Check the shared secret of the tunnel and the host name that the peer expects.',
  'insufficient-resources': 'Raise the limits of the peer, or try again later.',
  'no-facilities': 'Raise the session limit of the peer, or try again later.',
  'unknown-mandatory-avp': 'Switch off the extension that the message names.',
};

export type Notification = 'StopCCN' | 'CDN';

/** What the peer's Result Code AVP says. An absent one is tolerated. */
export function failureOf(notification: Notification, received: ResultCode | undefined): Failure {
  const texts = notification === 'StopCCN' ? stopTexts : callTexts;
  if (received === undefined) {
    return { code: 'no-result-code', reason: `The peer sent ${notification} without a result code.` };
  }
  const { result, error, message } = inNetworkOrder(notification, received);
  const [code, reason] = texts[result] ?? ['unknown-result', `unknown result code ${result}`];
  const versionFollows = notification === 'StopCCN' && result === StopResult.versionNotSupported;
  const detail = error === undefined || versionFollows ? undefined : errorTexts[error];
  const parts = [`The peer sent ${notification}: ${reason}`];
  if (detail !== undefined) parts.push(detail[1]);
  else if (versionFollows && error !== undefined) parts.push(`the highest that it supports is ${error}`);
  else if (error) parts.push(`error code ${error}`);
  if (message) parts.push(`"${printable(utf8(message))}"`);
  const found = result === StopResult.generalError && detail !== undefined ? detail[0] : code;
  const remedy = remedies[found];
  return { code: found, reason: `${parts.join('; ')}.`, ...(remedy === undefined ? {} : { remedy }) };
}

/** Undoes the little-endian result and error codes of some Apple clients: a value that only makes sense swapped. */
export function inNetworkOrder(notification: Notification, received: ResultCode): ResultCode {
  const texts = notification === 'StopCCN' ? stopTexts : callTexts;
  const result = swapWhereUnknown(texts, received.result);
  if (result === received.result || received.error === undefined) return { ...received, result };
  return { ...received, result, error: swapWhereUnknown(errorTexts, received.error) };
}

/** The result code with which a tunnel that we end is reported. */
export function stopResultFor(failure: Failure): ResultCode {
  const result = failure.code === 'shutting-down' ? StopResult.shuttingDown : StopResult.generalRequest;
  return withText(result, GeneralError.none, failure.reason);
}

/** The result code with which a session that we end is reported. */
export function callResultFor(failure: Failure): ResultCode {
  const result =
    failure.code === 'not-established-in-time' ? CallResult.notEstablishedInTime : CallResult.administrative;
  return withText(result, GeneralError.none, failure.reason);
}

/** A result code with a message for people, cut so that it fits any AVP. */
export function withText(result: number, error: number, message: string): ResultCode {
  return { result, error, message: message.slice(0, MAXIMUM_TEXT) };
}

const MAXIMUM_TEXT = 200;

function swapWhereUnknown(texts: Readonly<Record<number, Text>>, code: number): number {
  const swapped = ((code & 0xff) << 8) | (code >> 8);
  return texts[code] === undefined && texts[swapped] !== undefined ? swapped : code;
}
