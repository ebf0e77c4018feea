/** Inner packets that say whose they are, so that one that reaches another user, or is altered, is noticed. */

import { ipv4Packet } from '../packets.ts';

export const INTERNET = '203.0.113.9';
const HEADER_BYTES = 20;
const MARK = 0x5a;

export interface Parcel {
  readonly device: number;
  readonly direction: 'out' | 'back';
  readonly number: number;
  readonly bytes: number;
}

/** @param inner the device's address inside the tunnel */
export function parcelPacket(parcel: Parcel, inner: string): Uint8Array {
  const [from, to] = parcel.direction === 'out' ? [inner, INTERNET] : [INTERNET, inner];
  return ipv4Packet(from, to, contentOf(parcel));
}

/** @returns the parcel and the inner address; a text where the packet is none of ours or was altered */
export function readParcel(packet: Uint8Array): { readonly parcel: Parcel; readonly inner: string } | string {
  const payload = packet.subarray(HEADER_BYTES);
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  if (payload.length < 8 || payload[0] !== MARK) return 'an inner packet that nobody sent';
  const direction = payload[2] === 0 ? 'out' : 'back';
  const parcel: Parcel = { device: payload[1]!, direction, number: view.getUint32(4), bytes: payload.length };
  const at = direction === 'out' ? 12 : 16;
  const inner = packet.subarray(at, at + 4).join('.');
  const expected = contentOf(parcel);
  if (!payload.every((byte, i) => byte === expected[i])) return 'an altered inner packet';
  return { parcel, inner };
}

function contentOf({ device, direction, number, bytes }: Parcel): Uint8Array {
  const content = new Uint8Array(bytes);
  const view = new DataView(content.buffer);
  content.set([MARK, device, direction === 'out' ? 0 : 1, 0]);
  view.setUint32(4, number);
  for (let i = 8; i < bytes; i++) content[i] = (number * 31 + device * 7 + i * 13) & 255;
  return content;
}
