/**
 * UDP, L2TP and PPP headers like those of the message before: packets of a flow differ in nothing but lengths, so what was
 * read once is compared rather than read again. RFC 3193 §4, RFC 2661 §3.1.
 */

import { UDP_HEADER_BYTES } from '../net/index.ts';
import type { Channel } from './channel.ts';
import { L2tpFlag } from './l2tpData.ts';
import type { Session } from './session.ts';

const LENGTH_FIELD_BYTES = 2;
const IDS_BYTES = 4;
/** Address, control and protocol. */
const MOST_PPP_BYTES = 4;
const L2TP_AT = UDP_HEADER_BYTES;
const FLAGS_BYTES = 2;

export class RepeatedHeaders {
  /** Whose message it was; undefined where nothing is remembered. */
  session: Session | undefined;
  isIpv4 = false;
  #channel: Channel | undefined;
  #ports = 0;
  #flags = 0;
  #idsAt = 0;
  #ids = 0;
  #pppBytes = 0;
  /** PPP header from the first byte on, in the low bytes. */
  #ppp = 0;

  /**
   * Remembers the headers from UDP's at `at` to the packet that begins `headerBytes` behind it, of a message without
   * number. What is laid out in a rarer way is not remembered.
   */
  remember(channel: Channel, session: Session, view: DataView, at: number, headerBytes: number, isIpv4: boolean): void {
    const flags = view.getUint16(at + L2TP_AT);
    const idsAt = L2TP_AT + FLAGS_BYTES + ((flags & L2tpFlag.length) === 0 ? 0 : LENGTH_FIELD_BYTES);
    const pppBytes = headerBytes - idsAt - IDS_BYTES;
    this.forget();
    if ((flags & (L2tpFlag.sequence | L2tpFlag.offset)) !== 0 || pppBytes < 1 || pppBytes > MOST_PPP_BYTES) return;
    this.session = session;
    this.isIpv4 = isIpv4;
    this.#channel = channel;
    this.#ports = view.getUint32(at);
    this.#flags = flags;
    this.#idsAt = idsAt;
    this.#ids = view.getUint32(at + idsAt);
    this.#pppBytes = pppBytes;
    this.#ppp = pppHeader(view, at + idsAt + IDS_BYTES, pppBytes);
  }

  /**
   * @param length bytes from the UDP header on that there are
   * @returns bytes of the headers, where those at `at` repeat what is remembered and their lengths hold; else 0
   */
  match(channel: Channel, view: DataView, at: number, length: number): number {
    const idsAt = this.#idsAt;
    const headerBytes = idsAt + IDS_BYTES + this.#pppBytes;
    if (channel !== this.#channel || length <= headerBytes) return 0;
    const udpLength = view.getUint16(at + 4);
    if (udpLength > length || udpLength <= headerBytes) return 0;
    if (view.getUint32(at) !== this.#ports || view.getUint16(at + L2TP_AT) !== this.#flags) return 0;
    if (view.getUint32(at + idsAt) !== this.#ids) return 0;
    const hasLength = idsAt > L2TP_AT + FLAGS_BYTES;
    if (hasLength && view.getUint16(at + L2TP_AT + FLAGS_BYTES) !== udpLength - UDP_HEADER_BYTES) return 0;
    return pppHeader(view, at + idsAt + IDS_BYTES, this.#pppBytes) === this.#ppp ? headerBytes : 0;
  }

  /** Something has changed: the next message is read. */
  forget(): void {
    this.session = undefined;
    this.#channel = undefined;
  }
}

function pppHeader(view: DataView, at: number, bytes: number): number {
  if (bytes === 4) return view.getUint32(at);
  let header = 0;
  for (let i = 0; i < bytes; i++) header = (header << 8) | view.getUint8(at + i);
  return header;
}
