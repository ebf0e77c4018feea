/** Control packets in one line for people. Passwords, responses and challenges never stand in it. */

import { bodyText, decodeEap } from '../eap/index.ts';
import { Malformed, nameOf, printable, Reader } from '../wire/index.ts';
import { Protocol } from './frame.ts';
import { ipcpOptions } from './ipcp.ts';
import { ipv6cpOptions } from './ipv6cp.ts';
import { lcpOptions } from './lcp.ts';
import { declinedByIpcp, declinedByIpv6cp, declinedByLcp } from './options/declined.ts';
import type { AnyOption } from './options/option.ts';
import { Code, decodeOptions, encodePacket, type Packet, type RawOption } from './packet.ts';

/** @returns e.g. `LCP ConfReq id=1 mru=1400 auth=ms-chap-v2 magic` */
export function packetText(protocol: number, packet: Packet): string {
  const family = families[protocol];
  const name = nameOf(Protocol, protocol);
  const code = family === undefined ? `0x${packet.code.toString(16)}` : nameOf(family.codes, packet.code);
  let detail = '';
  try {
    detail = family?.detail(packet) ?? '';
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    detail = 'malformed';
  }
  return `${name} ${code} id=${packet.identifier}${detail === '' ? '' : ` ${detail}`}`;
}

interface Family {
  readonly codes: Readonly<Record<string, number>>;
  detail(packet: Packet): string;
}

const controlCodes = {
  ConfReq: 1,
  ConfAck: 2,
  ConfNak: 3,
  ConfRej: 4,
  TermReq: 5,
  TermAck: 6,
  CodeRej: 7,
  ProtRej: 8,
  EchoReq: 9,
  EchoRep: 10,
  DiscReq: 11,
  Ident: 12,
  TimeRemaining: 13,
} as const;

const families: Readonly<Record<number, Family>> = {
  [Protocol.LCP]: { codes: controlCodes, detail: (packet) => controlDetail(packet, lcpOptions, declinedByLcp) },
  [Protocol.IPCP]: { codes: controlCodes, detail: (packet) => controlDetail(packet, ipcpOptions, declinedByIpcp) },
  [Protocol.IPV6CP]: {
    codes: controlCodes,
    detail: (packet) => controlDetail(packet, ipv6cpOptions, declinedByIpv6cp),
  },
  [Protocol.PAP]: { codes: { AuthReq: 1, AuthAck: 2, AuthNak: 3 }, detail: papDetail },
  [Protocol.EAP]: { codes: { Request: 1, Response: 2, Success: 3, Failure: 4 }, detail: eapDetail },
  [Protocol.CHAP]: { codes: { Challenge: 1, Response: 2, Success: 3, Failure: 4 }, detail: chapDetail },
};

function controlDetail<Context>(
  { code, data }: Packet,
  options: readonly AnyOption<Context>[],
  declined: Readonly<Record<string, number>>,
): string {
  if (code >= Code.configureRequest && code <= Code.configureReject) {
    return decodeOptions(data)
      .map((option) => optionText(option, options, declined))
      .join(' ');
  }
  switch (code) {
    case Code.terminateRequest:
      return data.length === 0 ? '' : `"${printable(data)}"`;
    case Code.codeReject:
      return `code=${data[0] ?? '?'}`;
    case Code.protocolReject:
      return nameOf(Protocol, new Reader(data, 'Protocol-Reject').u16());
    case Code.identification:
      return `"${printable(data.subarray(4))}"`;
    case Code.timeRemaining:
      return `${new Reader(data.subarray(4), 'Time-Remaining').u32()} s`;
    default:
      return '';
  }
}

function optionText<Context>(
  { type, data }: RawOption,
  options: readonly AnyOption<Context>[],
  declined: Readonly<Record<string, number>>,
): string {
  const option = options.find((one) => one.type === type);
  if (option === undefined) return nameOf(declined, type);
  return option.text === undefined
    ? option.name
    : `${option.name}=${option.text(option.codec.read(new Reader(data, option.name)))}`;
}

function papDetail({ code, data }: Packet): string {
  const first = new Reader(data, 'PAP packet');
  const text = printable(first.bytes(first.u8()));
  return code === 1 ? `user="${text}"` : text === '' ? '' : `"${text}"`;
}

function eapDetail(packet: Packet): string {
  return bodyText(decodeEap(encodePacket(packet))).trimStart();
}

function chapDetail({ code, data }: Packet): string {
  if (code === 1 || code === 2) {
    const from = new Reader(data, 'CHAP packet');
    from.skip(from.u8());
    return `name="${printable(from.rest())}"`;
  }
  const text = printable(data).replace(/\b([SC])=[0-9A-Fa-f]+/g, '$1=…');
  return text === '' ? '' : `"${text}"`;
}
