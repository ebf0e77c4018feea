/** What the messages that set a tunnel up say, and whether the peer's are acceptable. RFC 2661 §5.1, §6.1–6.4, §7.1. */

import { Malformed } from '../wire/index.ts';
import { Bearer, Framing } from './avps.ts';
import type { L2tpConfig } from './config.ts';
import type { Refusal, SocketContext } from './context.ts';
import { encodeMessage, type MessageBody, type ReceivedMessage } from './messages.ts';
import { GeneralError, StopResult, withText } from './resultCodes.ts';
import { type AnsweringMessage, challengeResponse, verifyResponse } from './tunnelAuthentication.ts';

/** The Protocol Version AVP of L2TPv2: not the version in the header. */
export const PROTOCOL_VERSION = { version: 1, revision: 0 } as const;

/** What of a tunnel its set-up messages are made of. */
export interface SetupFacts {
  readonly id: number;
  readonly tieBreaker?: Uint8Array | undefined;
  readonly challenge?: Uint8Array | undefined;
  readonly challengeResponse?: Uint8Array | undefined;
}

export function requestBody(config: L2tpConfig, { id, tieBreaker, challenge }: SetupFacts): MessageBody<'SCCRQ'> {
  return { ...introduction(config, id), ...extras(config), tieBreaker, challenge };
}

/**
 * @param budget most octets that the body may have
 * @returns the fullest SCCRP that fits, undefined where none does
 */
export function replyBody(
  context: SocketContext,
  { id, challenge, challengeResponse }: SetupFacts,
  budget: number,
): MessageBody<'SCCRP'> | undefined {
  const { config } = context;
  const least = { ...introduction(config, id), challenge, challengeResponse };
  const choices = [
    { ...least, ...extras(config) },
    { ...least, receiveWindowSize: config.receiveWindow },
    least,
    { ...least, hostName: config.hostName.slice(0, 1) },
  ];
  const hiding = config.hideAvps ? context.hiding : undefined;
  return choices.find((body) => encodeMessage('SCCRP', body, hiding).length <= budget);
}

/** The first fault that its M bit and our tolerance do not forgive. */
export function unforgiven(message: ReceivedMessage, config: L2tpConfig): Refusal | undefined {
  // However it is written, an end is an end.
  if (config.permissive || message.name === 'StopCCN' || message.name === 'CDN') return undefined;
  const fault = message.faults.find(({ mandatory }) => mandatory);
  if (fault === undefined) return undefined;
  const unknown = fault.kind === 'unknown' || fault.kind === 'undecipherable';
  const error = unknown ? GeneralError.unknownMandatoryAvp : GeneralError.valueOutOfRange;
  const code = unknown ? 'unknown-mandatory-avp' : 'malformed-avp';
  return general(error, code, `${message.name}: ${fault.reason}.`);
}

/**
 * Why a message that sets a tunnel up cannot be accepted.
 * @param challenge ours in this tunnel
 * @param others our challenges in other tunnels that are open
 */
export function refusalOf(
  name: 'SCCRQ' | 'SCCRP' | 'SCCCN',
  message: ReceivedMessage,
  context: SocketContext,
  challenge: Uint8Array | undefined,
  others: readonly Uint8Array[] = [],
): Refusal | undefined {
  const { config } = context;
  if (name === 'SCCRQ' && !config.acceptTunnels) {
    return notAuthorized('tunnels-not-accepted', 'No tunnels are accepted here.');
  }
  if (name === 'SCCCN') return unforgiven(message, config) ?? refusalOfResponse(name, message, context, challenge);
  const ours = challenge === undefined ? others : [challenge, ...others];
  const refusal = refusalOfIntroduction(message, config) ?? refusalOfChallenge(message, config, ours);
  return refusal ?? (name === 'SCCRP' ? refusalOfResponse(name, message, context, challenge) : undefined);
}

/** The answer to the challenge in `message`, where there is one and a secret. */
export function responseTo(
  message: ReceivedMessage | undefined,
  name: AnsweringMessage,
  { config, environment }: SocketContext,
): Uint8Array | undefined {
  const challenge = message?.avps.challenge;
  if (challenge === undefined || config.secret === undefined) return undefined;
  return challengeResponse(environment.crypto, name, config.secret, challenge);
}

/** What is wrong with a message that cannot be read or whose type is unknown, and whether that ends the tunnel. */
export function objection(
  message: ReceivedMessage | Malformed,
  config: L2tpConfig,
): { readonly code: string; readonly reason: string; readonly refusal?: Refusal } {
  if (message instanceof Malformed) {
    const reason = `Malformed control message: ${message.message}.`;
    return { code: 'malformed', reason, refusal: general(GeneralError.lengthWrong, 'malformed', reason) };
  }
  const code = 'unknown-message';
  const reason = `Message type ${message.type} is unknown.`;
  if (!message.mandatory || config.permissive) return { code, reason };
  return { code, reason, refusal: general(GeneralError.unknownMandatoryAvp, 'unknown-mandatory-message', reason) };
}

export function general(error: number, code: string, reason: string): Refusal {
  return { result: withText(StopResult.generalError, error, reason), failure: { code, reason } };
}

export function outOfOrder(name: string, state: string): Refusal {
  const reason = `${name} is not expected in state ${state}.`;
  const result = withText(StopResult.finiteStateMachineError, GeneralError.none, reason);
  return { result, failure: { code: 'finite-state-machine', reason } };
}

function introduction(config: L2tpConfig, id: number) {
  return {
    protocolVersion: PROTOCOL_VERSION,
    hostName: config.hostName,
    framingCapabilities: Framing.synchronous | Framing.asynchronous,
    assignedTunnelId: id,
  };
}

function extras(config: L2tpConfig) {
  return {
    // An LNS that cannot dial sets neither bit; a LAC says what it can place calls on.
    bearerCapabilities: config.acceptOutgoingCalls ? Bearer.digital | Bearer.analog : 0,
    receiveWindowSize: config.receiveWindow,
    firmwareRevision: config.firmwareRevision,
    vendorName: config.vendorName,
  };
}

function refusalOfIntroduction(message: ReceivedMessage, config: L2tpConfig): Refusal | undefined {
  const { protocolVersion, assignedTunnelId } = message.avps;
  const { version } = protocolVersion ?? PROTOCOL_VERSION;
  if (version !== PROTOCOL_VERSION.version) {
    const reason = `Protocol version ${version} is not supported.`;
    const result = withText(StopResult.versionNotSupported, PROTOCOL_VERSION.version, reason);
    return { result, failure: { code: 'version-not-supported', reason } };
  }
  const fault = unforgiven(message, config);
  if (fault !== undefined) return fault;
  if (!assignedTunnelId) {
    return general(GeneralError.valueOutOfRange, 'malformed-avp', 'The Assigned Tunnel ID is missing or 0.');
  }
  return undefined;
}

/** Whether the peer has answered our challenge, where we sent one. */
function refusalOfResponse(
  name: AnsweringMessage,
  message: ReceivedMessage,
  { config, environment }: SocketContext,
  challenge: Uint8Array | undefined,
): Refusal | undefined {
  if (challenge === undefined || config.secret === undefined) return undefined;
  const response = message.avps.challengeResponse;
  if (verifyResponse(environment.crypto, name, config.secret, challenge, response)) return undefined;
  const reason = response === undefined ? 'does not authenticate itself' : 'knows another shared secret';
  return notAuthorized('tunnel-authentication-failed', `The peer ${reason}.`);
}

function refusalOfChallenge(
  message: ReceivedMessage,
  config: L2tpConfig,
  ours: readonly Uint8Array[],
): Refusal | undefined {
  const { challenge } = message.avps;
  if (challenge === undefined) return undefined;
  if (config.secret === undefined) {
    return notAuthorized('no-tunnel-secret', 'The peer demands tunnel authentication, but no secret is configured.');
  }
  if (ours.some((own) => own.length === challenge.length && own.every((octet, i) => octet === challenge[i]))) {
    return notAuthorized('challenge-reflected', 'The peer sends our own challenge back.');
  }
  return undefined;
}

const REMEDY = 'Set the same tunnel secret at both ends.';

function notAuthorized(code: string, reason: string): Refusal {
  const remedy = code === 'tunnels-not-accepted' ? {} : { remedy: REMEDY };
  return {
    result: withText(StopResult.notAuthorized, GeneralError.none, reason),
    failure: { code, reason, ...remedy },
  };
}
