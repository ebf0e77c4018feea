/** L2TP data messages and the PPP header in them, by offsets. RFC 2661 §3.1, RFC 1661 §2, §6.5 and §6.6. */

import type { SessionParameters } from './messages.ts';

/** Bits of the first 16 of an L2TP header. Those that are reserved are ignored, as §3.1 says. */
export const L2tpFlag = { control: 0x8000, length: 0x4000, sequence: 0x0800, offset: 0x0200 } as const;
const VERSION_MASK = 0x000f;
const L2TP_VERSION = 2;

/** Protocol numbers of the user's packets, and of what is answered here. RFC 1332 §3.1, RFC 5072 §3, RFC 1661 §5. */
export const PppProtocol = { ipv4: 0x21, ipv6: 0x57, lcp: 0xc021 } as const;

/** One reader is reused for all packets: `read` overwrites what it says. */
export class L2tpReader {
  isControl = false;
  /** Tunnel id and session id, 16 bits each, as a signed 32-bit number. */
  ids = 0;
  /** Where the Ns field stands; 0 where there is none. */
  sequenceAt = 0;
  /** The PPP frame: where the information field stands and how long it is; of data messages only. */
  protocol = 0;
  payloadAt = 0;
  payloadLength = 0;

  /** @returns false for what is no L2TPv2 message, or ends before its headers and its length field say */
  read(bytes: Uint8Array, at: number, length: number): boolean {
    if (length < 6) return false;
    const flags = u16(bytes, at);
    if ((flags & VERSION_MASK) !== L2TP_VERSION) return false;
    const end = at + this.#messageLength(bytes, at, length, flags);
    let next = at + ((flags & L2tpFlag.length) !== 0 ? 4 : 2);
    if (next + 4 > end) return false;
    this.ids = (u16(bytes, next) << 16) | u16(bytes, next + 2);
    this.isControl = (flags & L2tpFlag.control) !== 0;
    this.sequenceAt = 0;
    if (this.isControl) return true;
    next += 4;
    if ((flags & L2tpFlag.sequence) !== 0) {
      this.sequenceAt = next;
      next += 4;
    }
    if ((flags & L2tpFlag.offset) !== 0) {
      if (next + 2 > end) return false;
      next += 2 + u16(bytes, next);
    }
    return this.#readPpp(bytes, next, end);
  }

  /** Less than any header where the length field claims more than there is. */
  #messageLength(bytes: Uint8Array, at: number, length: number, flags: number): number {
    if ((flags & L2tpFlag.length) === 0) return length;
    const stated = u16(bytes, at + 2);
    return stated <= length ? stated : 0;
  }

  /** Takes both forms of address, control and protocol fields, whatever was negotiated. */
  #readPpp(bytes: Uint8Array, at: number, end: number): boolean {
    let next = at;
    if (next + 2 <= end && bytes[next] === 0xff && bytes[next + 1] === 0x03) next += 2;
    if (next >= end) return false;
    if ((bytes[next]! & 1) !== 0) {
      this.protocol = bytes[next]!;
      next += 1;
    } else {
      if (next + 2 > end) return false;
      this.protocol = u16(bytes, next);
      next += 2;
    }
    this.payloadAt = next;
    this.payloadLength = end - next;
    return true;
  }
}

/** The constant bytes in front of every packet of a session, and where its two variable fields stand. */
export interface DataHeader {
  readonly bytes: Uint8Array;
  /** Offset of the length field, -1 where there is none. */
  readonly lengthAt: number;
  /** Offset of Ns, -1 where there is none. Nr behind it stays 0: it is without meaning (RFC 2661 §5.4). */
  readonly sequenceAt: number;
  /** Where PPP begins. */
  readonly pppAt: number;
}

/** L2TP header and PPP header for IPv4 towards the peer. */
export function dataHeader(session: SessionParameters): DataHeader {
  const { lengthBit, sequencing, peerTunnel, peerSession } = session;
  const flags = L2TP_VERSION | (lengthBit ? L2tpFlag.length : 0) | (sequencing ? L2tpFlag.sequence : 0);
  const words = [flags];
  const lengthAt = lengthBit ? words.push(0) * 2 - 2 : -1;
  words.push(peerTunnel, peerSession);
  const sequenceAt = sequencing ? words.push(0, 0) * 2 - 4 : -1;
  const l2tp = words.flatMap((word) => [word >> 8, word & 255]);
  const addressControl = session.sendAddressControl ? [0xff, 0x03] : [];
  const protocol = session.compressProtocol ? [PppProtocol.ipv4] : [0, PppProtocol.ipv4];
  const bytes = Uint8Array.from([...l2tp, ...addressControl, ...protocol]);
  return { bytes, lengthAt, sequenceAt, pppAt: l2tp.length };
}

/** Tunnel and session id as `L2tpReader.ids` has them. */
export const idsKey = (tunnel: number, session: number) => (tunnel << 16) | session;

const u16 = (bytes: Uint8Array, at: number) => (bytes[at]! << 8) | bytes[at + 1]!;
