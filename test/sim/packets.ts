/** Inner packets for whole-stack tests. */

import { checksum, parseIpv4 } from '../../src/net/index.ts';

/** An IPv4 packet of protocol 17 (no UDP header inside: nothing on the path looks) with a payload of its own. */
export function ipv4Packet(source: string, destination: string, payload: Uint8Array): Uint8Array {
  const packet = new Uint8Array(20 + payload.length);
  const view = new DataView(packet.buffer);
  packet[0] = 0x45;
  view.setUint16(2, packet.length);
  packet[8] = 64;
  packet[9] = 17;
  packet.set(parseIpv4(source)!, 12);
  packet.set(parseIpv4(destination)!, 16);
  view.setUint16(10, checksum(packet, 0, 20));
  packet.set(payload, 20);
  return packet;
}
