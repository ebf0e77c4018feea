/** PPP control frames as L2TP data messages. RFC 2661 §3.1. */

import { encodeData } from '../l2tp/dataMessage.ts';
import type { SessionUp } from '../l2tp/output.ts';

export function encodeFrame(call: SessionUp, frame: Uint8Array): Uint8Array {
  return encodeData({ tunnel: call.peerTunnel, session: call.peerSession, length: true, frame });
}
