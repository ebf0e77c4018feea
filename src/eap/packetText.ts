/** EAP packets in one line for people. Passwords, responses and challenges never stand in it. */

import { Malformed, nameOf, printable, Reader } from '../wire/index.ts';
import { decodeMsChapV2, OpCode } from './methods/msChapV2Packet.ts';
import { TlsFlag } from './methods/tlsFragments.ts';
import { EapCode, type EapPacket, readNak } from './packet.ts';
import { EapTypeNumber, typeText } from './type.ts';

/** @returns e.g. `EAP Request id=7 MSCHAPv2 Challenge name="sallyport"` */
export function eapText(packet: EapPacket): string {
  return `EAP ${nameOf(EapCode, packet.code)} id=${packet.identifier}${bodyText(packet)}`;
}

/** The type and what may be shown of its data, with a space in front; empty for Success and Failure. */
export function bodyText(packet: EapPacket): string {
  const { type } = packet;
  if (type === undefined) return '';
  const details = type.vendor === 0 ? detailsOf[type.type] : undefined;
  let detail = '';
  try {
    detail = details?.(packet) ?? '';
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    detail = 'malformed';
  }
  return ` ${typeText(type)}${detail === '' ? '' : ` ${detail}`}`;
}

const quoted = ({ data }: EapPacket) => (data.length === 0 ? '' : `"${printable(data)}"`);

const detailsOf: Readonly<Record<number, (packet: EapPacket) => string>> = {
  [EapTypeNumber.Identity]: quoted,
  [EapTypeNumber.Notification]: quoted,
  [EapTypeNumber.Nak]: (packet) => `wants ${readNak(packet).map(typeText).join(', ') || 'none'}`,
  [EapTypeNumber.MSCHAPv2]: ({ data }) => {
    const { opCode, data: rest } = decodeMsChapV2(data);
    const name = nameOf(OpCode, opCode);
    if (opCode === OpCode.Challenge || opCode === OpCode.Response) {
      const from = new Reader(rest, 'EAP-MSCHAPv2');
      from.skip(from.u8());
      return `${name} name="${printable(from.rest())}"`;
    }
    const text = printable(rest).replace(/\b([SC])=[0-9A-Fa-f]+/g, '$1=…');
    return text === '' ? name : `${name} "${text}"`;
  },
  [EapTypeNumber.TLS]: ({ data }) => {
    const from = new Reader(data, 'EAP-TLS');
    const flags = from.left === 0 ? 0 : from.u8();
    const length = (flags & TlsFlag.length) === 0 ? [] : [`length=${from.u32()}`];
    const start = (flags & TlsFlag.start) === 0 ? [] : ['Start'];
    const more = (flags & TlsFlag.more) === 0 ? [] : ['more'];
    return [...start, ...length, from.left === 0 ? 'no data' : `${from.left} bytes`, ...more].join(' ');
  },
};
