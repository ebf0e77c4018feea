/** Which AVPs each control message requires and allows, and how messages are written and read. RFC 2661 §6, §4. */

import { Malformed, Reader, Writer } from '../wire/index.ts';
import { type AvpDefinition, type AvpName, type AvpValue, type AvpValues, avpNameOf, avps } from './avps.ts';
import { type Hiding, hide, paddingLength, RANDOM_VECTOR_BYTES, unhide } from './hiding.ts';
import { type MessageName, MessageType, messageNameOf } from './messageType.ts';

/** Whom a message is about: faults in it end the tunnel or only the session. */
export type Scope = 'tunnel' | 'session';

// The Message Type AVP, required by all, is left out; so is the Random Vector, allowed in all.
export const messages = {
  SCCRQ: message(
    'tunnel',
    ['protocolVersion', 'hostName', 'framingCapabilities', 'assignedTunnelId'],
    ['bearerCapabilities', 'receiveWindowSize', 'challenge', 'tieBreaker', 'firmwareRevision', 'vendorName'],
  ),
  SCCRP: message(
    'tunnel',
    ['protocolVersion', 'framingCapabilities', 'hostName', 'assignedTunnelId'],
    ['bearerCapabilities', 'firmwareRevision', 'vendorName', 'receiveWindowSize', 'challenge', 'challengeResponse'],
  ),
  SCCCN: message('tunnel', [], ['challengeResponse']),
  StopCCN: message('tunnel', ['assignedTunnelId', 'resultCode'], []),
  HELLO: message('tunnel', [], []),
  ICRQ: message(
    'session',
    ['assignedSessionId', 'callSerialNumber'],
    ['bearerType', 'physicalChannelId', 'callingNumber', 'calledNumber', 'subAddress'],
  ),
  ICRP: message('session', ['assignedSessionId'], []),
  ICCN: message(
    'session',
    ['txConnectSpeed', 'framingType'],
    [
      'initialReceivedLcpConfreq',
      'lastSentLcpConfreq',
      'lastReceivedLcpConfreq',
      'proxyAuthenType',
      'proxyAuthenName',
      'proxyAuthenChallenge',
      'proxyAuthenId',
      'proxyAuthenResponse',
      'privateGroupId',
      'rxConnectSpeed',
      'sequencingRequired',
    ],
  ),
  OCRQ: message(
    'session',
    ['assignedSessionId', 'callSerialNumber', 'minimumBps', 'maximumBps', 'bearerType', 'framingType', 'calledNumber'],
    ['subAddress'],
  ),
  OCRP: message('session', ['assignedSessionId'], ['physicalChannelId']),
  OCCN: message('session', ['txConnectSpeed', 'framingType'], ['rxConnectSpeed', 'sequencingRequired']),
  CDN: message('session', ['resultCode', 'assignedSessionId'], ['q931CauseCode']),
  WEN: message('session', ['callErrors'], []),
  SLI: message('session', ['accm'], []),
} as const satisfies Record<MessageName, Rule>;

interface Rule {
  readonly scope: Scope;
  readonly requires: readonly AvpName[];
  readonly allows: readonly AvpName[];
}

/** The AVPs of a message that we write, typed by the table. */
export type MessageBody<Name extends MessageName> = {
  readonly [K in (typeof messages)[Name]['requires'][number]]: AvpValue<K>;
} & { readonly [K in (typeof messages)[Name]['allows'][number]]?: AvpValue<K> | undefined };

/** Something wrong with one AVP of a received message. */
export interface AvpFault {
  readonly kind: 'unknown' | 'malformed' | 'undecipherable' | 'missing';
  /** The M bit as received; for a missing AVP, true. Others are ignored, as RFC 2661 §4.1 and §7.1 demand. */
  readonly mandatory: boolean;
  readonly vendor: number;
  readonly attribute: number;
  /** One sentence without values. */
  readonly reason: string;
}

/** A control message as read. Known AVPs that the message table does not list for it are kept all the same. */
export interface ReceivedMessage {
  readonly type: number;
  /** Undefined for a type that RFC 2661 does not define. */
  readonly name: MessageName | undefined;
  /** The M bit of the Message Type AVP: whether an unknown type ends the tunnel. */
  readonly mandatory: boolean;
  readonly avps: AvpValues;
  readonly faults: readonly AvpFault[];
}

/** More AVPs than this in one message are not looked at: the message is malformed. RFC 2661 defines 40. */
export const MAXIMUM_AVPS = 80;

const MANDATORY = 0x8000;
const HIDDEN = 0x4000;
const RESERVED = 0x3c00;
const LENGTH_MASK = 0x03ff;
const AVP_HEADER_BYTES = 6;
/** Most octets of an AVP's value in the clear. */
export const MAXIMUM_VALUE_BYTES = LENGTH_MASK - AVP_HEADER_BYTES;

/** With what the AVPs that may be hidden are hidden, and the random octets for that. */
export interface SendHiding extends Hiding {
  random(length: number): Uint8Array;
}

/**
 * Writes a message's body: all AVPs, the Message Type first.
 * @throws RangeError for a value that does not fit an AVP
 */
export function encodeMessage<Name extends MessageName>(
  name: Name,
  body: MessageBody<Name>,
  hiding?: SendHiding,
): Uint8Array {
  const to = new Writer();
  const values: AvpValues = { messageType: MessageType[name], ...(body as AvpValues) };
  const order: readonly AvpName[] = ['messageType', ...messages[name].requires, ...messages[name].allows];
  let randomVector: Uint8Array | undefined;
  for (const avp of order) {
    const value = values[avp];
    if (value === undefined) continue;
    const definition: AvpDefinition<unknown> = avps[avp];
    const clear = valueBytes(definition, value);
    if (hiding === undefined || !definition.hideable) {
      writeAvp(to, definition, clear, 0);
      continue;
    }
    if (randomVector === undefined) {
      randomVector = hiding.random(RANDOM_VECTOR_BYTES);
      writeAvp(to, avps.randomVector, randomVector, 0);
    }
    const padding = hiding.random(paddingLength(clear.length));
    writeAvp(to, definition, hide(definition.type, clear, hiding, randomVector, padding), HIDDEN);
  }
  return to.finish();
}

/**
 * Reads a message's body. Faults of single AVPs are listed, not thrown.
 * @param hiding the shared secret; without it hidden AVPs are faults
 * @throws Malformed where the AVPs do not fill the body exactly or the first is no Message Type
 */
export function decodeMessage(body: Uint8Array, hiding?: Hiding): ReceivedMessage {
  const from = new Reader(body, 'control message');
  const values: Record<string, unknown> = {};
  const faults: AvpFault[] = [];
  let mandatoryMessage = true;
  let randomVector: Uint8Array | undefined;
  for (let count = 0; from.left > 0; count++) {
    if (count >= MAXIMUM_AVPS) throw new Malformed(`more than ${MAXIMUM_AVPS} AVPs`);
    const flags = from.u16();
    const length = flags & LENGTH_MASK;
    if (length < AVP_HEADER_BYTES) throw new Malformed(`AVP length ${length}`);
    const vendor = from.u16();
    const attribute = from.u16();
    let value = from.bytes(length - AVP_HEADER_BYTES);
    const mandatory = (flags & MANDATORY) !== 0;
    const name = vendor === 0 && (flags & RESERVED) === 0 ? avpNameOf(attribute) : undefined;
    if (count === 0) {
      if (name !== 'messageType' || value.length < 2) throw new Malformed('the first AVP is no Message Type');
      mandatoryMessage = mandatory;
    }
    const fault = (kind: AvpFault['kind'], reason: string) =>
      faults.push({ kind, mandatory, vendor, attribute, reason });
    if (name === undefined) {
      fault('unknown', `AVP ${attribute} of vendor ${vendor} is unknown`);
      continue;
    }
    const definition: AvpDefinition<unknown> = avps[name];
    try {
      if (flags & HIDDEN) {
        if (hiding === undefined || randomVector === undefined) {
          const why = hiding === undefined ? 'there is no shared secret' : 'no Random Vector precedes it';
          fault('undecipherable', `${definition.name} is hidden, but ${why}`);
          continue;
        }
        value = unhide(attribute, value, hiding, randomVector);
      }
      if (name === 'randomVector') randomVector = value;
      values[name] ??= definition.codec.read(new Reader(value, definition.name));
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      fault('malformed', `${definition.name}: ${error.message}`);
    }
  }
  if (values.messageType === undefined) throw new Malformed('no Message Type');
  const type = values.messageType as number;
  const name = messageNameOf(type);
  if (name !== undefined) faults.push(...missing(messages[name].requires, values));
  return { type, name, mandatory: mandatoryMessage, avps: values as AvpValues, faults };
}

function message<const Requires extends readonly AvpName[], const Allows extends readonly AvpName[]>(
  scope: Scope,
  requires: Requires,
  allows: Allows,
): { readonly scope: Scope; readonly requires: Requires; readonly allows: Allows } {
  return { scope, requires, allows };
}

function missing(required: readonly AvpName[], values: Record<string, unknown>): AvpFault[] {
  return required
    .filter((name) => values[name] === undefined)
    .map((name) => ({
      kind: 'missing',
      mandatory: true,
      vendor: 0,
      attribute: avps[name].type,
      reason: `${avps[name].name} is missing`,
    }));
}

function valueBytes(definition: AvpDefinition<unknown>, value: unknown): Uint8Array {
  const to = new Writer();
  definition.codec.write(to, value);
  return to.finish();
}

function writeAvp(to: Writer, definition: AvpDefinition<unknown>, value: Uint8Array, flags: number): void {
  if (value.length > MAXIMUM_VALUE_BYTES) throw new RangeError(`${definition.name} has ${value.length} octets`);
  to.u16((definition.mandatory ? MANDATORY : 0) | flags | (AVP_HEADER_BYTES + value.length));
  to.u16(0).u16(definition.type).bytes(value);
}
