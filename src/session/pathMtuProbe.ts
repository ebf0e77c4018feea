/**
 * Probes of the path of a PPP session: LCP Echo-Requests with data up to the wanted size, which peers send back whole
 * or cut short. RFC 1661 §5.8, RFC 8899 §4.1.
 */

import { l2tpHeaderBytes, outerPayloadBytes } from '../net/index.ts';
import { decodeFrame, encodeFrame, Protocol } from '../ppp/frame.ts';
import { Code, decodePacket, encodePacket, PACKET_HEADER_BYTES } from '../ppp/packet.ts';
import { Malformed, Reader, Writer } from '../wire/index.ts';
import type { PathShape } from './connectionParts.ts';
import { outerShape } from './planPath.ts';

/** Address, control and protocol of LCP, and what of an echo stands before its data: the packet's header and the magic number. */
const LCP_HEADER_BYTES = 4;
const ECHO_HEADER_BYTES = PACKET_HEADER_BYTES + 4;
const UDP_HEADER_BYTES = 8;
/** Begins the data of a probe; behind it stands the size of the outer packet. */
const MARK = 0x50_4d_54_55;

/** @returns the frame of the Echo-Request that makes an outer packet of `size` bytes; fewer where padding is coarse */
export function probeFrame(size: number, shape: PathShape, identifier: number): Uint8Array {
  const { localMagic, peerMru } = shape.lcp;
  const fits = outerPayloadBytes(outerShape(size, shape)) - FRAME_OVERHEAD;
  const length = Math.min(fits, peerMru) - ECHO_HEADER_BYTES;
  const data = new Writer().u32(localMagic).u32(MARK).u16(size).finish();
  const padded = new Uint8Array(Math.max(data.length, 4 + length));
  padded.set(data);
  return encodeFrame({
    protocol: Protocol.LCP,
    information: encodePacket({ code: Code.echoRequest, identifier, data: padded }),
  });
}

/** The outer packet that carries as much as the peer's MRU lets pass, padding included; `most` where that is less. */
export function largestProbe(most: number, shape: PathShape): number {
  const room = shape.lcp.peerMru + FRAME_OVERHEAD;
  let size = most;
  while (size > 0 && outerPayloadBytes(outerShape(size - 1, shape)) >= room) size--;
  return size;
}

/** @returns the size of the probe that a frame answers; undefined for any other frame */
export function probeAnswered(frame: Uint8Array): number | undefined {
  const decoded = decodeFrame(frame);
  if (decoded?.protocol !== Protocol.LCP) return undefined;
  try {
    const { code, data } = decodePacket(decoded.information);
    if (code !== Code.echoReply) return undefined;
    const from = new Reader(data, 'Echo-Reply');
    from.u32();
    return from.u32() === MARK ? from.u16() : undefined;
  } catch (error) {
    if (error instanceof Malformed) return undefined;
    throw error;
  }
}

/** UDP and L2TP in front of the frame (control frames have no numbers of their own), and PPP in front of the packet. */
const FRAME_OVERHEAD = UDP_HEADER_BYTES + l2tpHeaderBytes(true, false) + LCP_HEADER_BYTES;
