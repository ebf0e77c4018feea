/** Every AVP of RFC 2661 in one table: it reads, writes, types, names and checks them. RFC 2661 §4.4. */

import {
  bytes,
  type Codec,
  fromUtf8,
  type Infer,
  Malformed,
  type Reader,
  rest,
  struct,
  u8,
  u16,
  u32,
  utf8,
  type Writer,
} from '../wire/index.ts';
import type { MessageName } from './messageType.ts';

/** One AVP as the RFC's summary defines it. All have vendor id 0. */
export interface AvpDefinition<Value> {
  readonly type: number;
  /** The RFC's name. */
  readonly name: string;
  /** The M bit that the RFC demands. */
  readonly mandatory: boolean;
  /** Whether the H bit may be set. */
  readonly hideable: boolean;
  /** The messages that the RFC's title of the AVP lists. */
  readonly in: readonly MessageName[] | 'all';
  readonly codec: Codec<Value>;
}

/** Bits of Framing Capabilities and Framing Type. */
export const Framing = { synchronous: 1, asynchronous: 2 } as const;
/** Bits of Bearer Capabilities and Bearer Type. */
export const Bearer = { digital: 1, analog: 2 } as const;
/** Values of Proxy Authen Type. */
export const ProxyAuthenType = { textual: 1, pppChap: 2, pppPap: 3, none: 4, msChapV1: 5 } as const;

/** The Result Code AVP: `error` and `message` may be absent. §4.4.2. */
export interface ResultCode {
  readonly result: number;
  readonly error?: number;
  readonly message?: string;
}

/** Octets of any length, at least `least`. */
const octets = (least: number): Codec<Uint8Array> => ({
  read: (from) => atLeast(from, least).rest(),
  write: (to, value) => rest.write(to, value),
});

/** UTF-8 text of at least `least` octets. */
const text = (least: number): Codec<string> => ({
  read: (from) => fromUtf8(atLeast(from, least).rest()),
  write: (to, value) => rest.write(to, utf8(value)),
});

/** An AVP that says all by being there. */
const present: Codec<true> = { read: () => true, write: () => {} };

const reserved16: Codec<0> = {
  read: (from) => {
    from.skip(2);
    return 0;
  },
  write: (to) => void to.u16(0),
};

/** A missing error code, and a single stray octet in its place, are taken for no error code. */
const resultCode: Codec<ResultCode> = {
  read: (from: Reader) => {
    const result = from.u16();
    if (from.left < 2) return { result };
    const error = from.u16();
    return from.left > 0 ? { result, error, message: fromUtf8(from.rest()) } : { result, error };
  },
  write: (to: Writer, { result, error, message }) => {
    to.u16(result);
    if (error !== undefined || message !== undefined) to.u16(error ?? 0);
    if (message !== undefined) to.bytes(utf8(message));
  },
};

const protocolVersion = struct({ version: u8, revision: u8 });
const q931CauseCode = struct({ cause: u16, message: u8, advisory: text(0) });
const callErrors = struct({
  reserved: reserved16,
  crcErrors: u32,
  framingErrors: u32,
  hardwareOverruns: u32,
  bufferOverruns: u32,
  timeoutErrors: u32,
  alignmentErrors: u32,
});
const accm = struct({ reserved: reserved16, send: u32, receive: u32 });

const M = true;
const H = true;

// biome-ignore format: one AVP a line, as in the RFC's summary
export const avps = {
  //                               type  name                            M   H  messages                                          value
  messageType:                  avp(0,  'Message Type',                  M, !H, 'all',                                            u16),
  resultCode:                   avp(1,  'Result Code',                   M, !H, ['CDN', 'StopCCN'],                               resultCode),
  protocolVersion:              avp(2,  'Protocol Version',              M, !H, ['SCCRP', 'SCCRQ'],                               protocolVersion),
  framingCapabilities:          avp(3,  'Framing Capabilities',          M,  H, ['SCCRP', 'SCCRQ'],                               u32),
  bearerCapabilities:           avp(4,  'Bearer Capabilities',           M,  H, ['SCCRP', 'SCCRQ'],                               u32),
  tieBreaker:                   avp(5,  'Tie Breaker',                  !M, !H, ['SCCRQ'],                                        bytes(8)),
  firmwareRevision:             avp(6,  'Firmware Revision',            !M,  H, ['SCCRP', 'SCCRQ'],                               u16),
  hostName:                     avp(7,  'Host Name',                     M, !H, ['SCCRP', 'SCCRQ'],                               text(1)),
  vendorName:                   avp(8,  'Vendor Name',                  !M,  H, ['SCCRP', 'SCCRQ'],                               text(0)),
  assignedTunnelId:             avp(9,  'Assigned Tunnel ID',            M,  H, ['SCCRP', 'SCCRQ', 'StopCCN'],                    u16),
  receiveWindowSize:            avp(10, 'Receive Window Size',           M, !H, ['SCCRQ', 'SCCRP'],                               u16),
  challenge:                    avp(11, 'Challenge',                     M,  H, ['SCCRP', 'SCCRQ'],                               octets(1)),
  q931CauseCode:                avp(12, 'Q.931 Cause Code',              M, !H, ['CDN'],                                          q931CauseCode),
  challengeResponse:            avp(13, 'Challenge Response',            M,  H, ['SCCCN', 'SCCRP'],                               bytes(16)),
  assignedSessionId:            avp(14, 'Assigned Session ID',           M,  H, ['CDN', 'ICRP', 'ICRQ', 'OCRP', 'OCRQ'],          u16),
  callSerialNumber:             avp(15, 'Call Serial Number',            M,  H, ['ICRQ', 'OCRQ'],                                 u32),
  minimumBps:                   avp(16, 'Minimum BPS',                   M,  H, ['OCRQ'],                                         u32),
  maximumBps:                   avp(17, 'Maximum BPS',                   M,  H, ['OCRQ'],                                         u32),
  bearerType:                   avp(18, 'Bearer Type',                   M,  H, ['ICRQ', 'OCRQ'],                                 u32),
  framingType:                  avp(19, 'Framing Type',                  M,  H, ['ICCN', 'OCCN', 'OCRQ'],                         u32),
  calledNumber:                 avp(21, 'Called Number',                 M,  H, ['ICRQ', 'OCRQ'],                                 text(0)),
  callingNumber:                avp(22, 'Calling Number',                M,  H, ['ICRQ'],                                         text(0)),
  subAddress:                   avp(23, 'Sub-Address',                   M,  H, ['ICRQ', 'OCRQ'],                                 text(0)),
  txConnectSpeed:               avp(24, '(Tx) Connect Speed',            M,  H, ['ICCN', 'OCCN'],                                 u32),
  physicalChannelId:            avp(25, 'Physical Channel ID',          !M,  H, ['ICRQ', 'OCRP'],                                 u32),
  initialReceivedLcpConfreq:    avp(26, 'Initial Received LCP CONFREQ', !M,  H, ['ICCN'],                                         octets(0)),
  lastSentLcpConfreq:           avp(27, 'Last Sent LCP CONFREQ',        !M,  H, ['ICCN'],                                         octets(0)),
  lastReceivedLcpConfreq:       avp(28, 'Last Received LCP CONFREQ',    !M,  H, ['ICCN'],                                         octets(0)),
  proxyAuthenType:              avp(29, 'Proxy Authen Type',            !M,  H, ['ICCN'],                                         u16),
  proxyAuthenName:              avp(30, 'Proxy Authen Name',            !M,  H, ['ICCN'],                                         octets(0)),
  proxyAuthenChallenge:         avp(31, 'Proxy Authen Challenge',       !M,  H, ['ICCN'],                                         octets(1)),
  proxyAuthenId:                avp(32, 'Proxy Authen ID',              !M,  H, ['ICCN'],                                         u16),
  proxyAuthenResponse:          avp(33, 'Proxy Authen Response',        !M,  H, ['ICCN'],                                         octets(0)),
  callErrors:                   avp(34, 'Call Errors',                   M,  H, ['WEN'],                                          callErrors),
  accm:                         avp(35, 'ACCM',                          M,  H, ['SLI'],                                          accm),
  randomVector:                 avp(36, 'Random Vector',                 M, !H, 'all',                                            octets(0)),
  privateGroupId:               avp(37, 'Private Group ID',             !M,  H, ['ICCN'],                                         octets(0)),
  rxConnectSpeed:               avp(38, 'Rx Connect Speed',             !M,  H, ['ICCN', 'OCCN'],                                 u32),
  sequencingRequired:           avp(39, 'Sequencing Required',           M, !H, ['ICCN', 'OCCN'],                                 present),
} as const;

export type AvpName = keyof typeof avps;
export type AvpValue<Name extends AvpName> = Infer<(typeof avps)[Name]['codec']>;
export type AvpValues = { readonly [Name in AvpName]?: AvpValue<Name> };
export type CallErrors = Omit<AvpValue<'callErrors'>, 'reserved'>;

const nameOfType = new Map<number, AvpName>(
  Object.entries(avps).map(([name, definition]) => [definition.type, name as AvpName]),
);

/** The key in `avps` of an IETF attribute type, undefined for one that RFC 2661 does not define. */
export function avpNameOf(type: number): AvpName | undefined {
  return nameOfType.get(type);
}

function avp<Value>(
  type: number,
  name: string,
  mandatory: boolean,
  hideable: boolean,
  messages: readonly MessageName[] | 'all',
  codec: Codec<Value>,
): AvpDefinition<Value> {
  return { type, name, mandatory, hideable, in: messages, codec };
}

function atLeast(from: Reader, least: number): Reader {
  if (from.left < least) throw new Malformed(`AVP value needs ${least} octets, has ${from.left}`);
  return from;
}
