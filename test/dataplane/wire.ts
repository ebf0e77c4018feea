/** What a client of `ends.ts` sends, by the book: user's packets in L2TP or in tunnel mode, and all that may be wrong with them. */

import assert from 'node:assert/strict';
import { type EspSuite, espGeometry, type PacketCipher } from '../../src/esp/index.ts';
import { fromHex, Writer } from '../../src/wire/index.ts';
import { newCipher as slow } from '../esp/fixtures.ts';
import { ipv4Packet } from '../net/slow.ts';
import {
  CLIENT,
  CLIENT6,
  innerPacket,
  innerPacket6,
  OTHER_CLIENT6,
  SERVER,
  SERVER6,
  toGatewayKeys,
  toGatewaySpi,
} from './ends.ts';
import { l2tpMessage, pppFrame, udpDatagram } from './slow.ts';

const LCP = 0xc021;
const IPCP = 0x8021;
/** Of the encrypted part of what can be so long: padding makes it up. */
const USUAL_BYTES = 384;

/** A message with a user's packet as most of them are. */
export const plain = {
  sa: 1,
  /** Next header; 0 for what the way carries. */
  next: 0,
  session: 2,
  kind: 'ipv4',
  length: true as boolean | number,
  ns: -1,
  offset: -1,
  addressControl: true,
  compress: false,
  /** Flags of L2TP that are turned. */
  turned: 0,
  ports: [1701, 1701] as readonly [number, number],
  udpMore: 0,
  from: CLIENT,
  to: SERVER,
  size: 200,
  shape: 'udp',
  ipMore: 0,
  /** What happens to the sealed packet. */
  fate: 'sent',
  spi: 0,
};
export type Message = typeof plain;

/** The client's side, by the book. */
export class Wire {
  readonly #suite: EspSuite;
  readonly #isTunnel: boolean;
  readonly #ciphers: readonly PacketCipher[];
  readonly #sequences = [0, 0, 0];
  readonly #made: Uint8Array[] = [];

  constructor(suite: EspSuite, isTunnel: boolean) {
    this.#suite = suite;
    this.#isTunnel = isTunnel;
    this.#ciphers = [1, 2, 3].map((seed) => slow(suite, toGatewayKeys(suite, seed), espGeometry(suite)));
  }

  datagram(message: Message): Uint8Array {
    const { fate, kind } = message;
    const before = this.#made.at(-1 - (message.size % 7));
    if (fate === 'again' && before !== undefined) return before;
    const packet = fate === 'ike' ? new Uint8Array(USUAL_BYTES).fill(7, 4) : this.#sealed(message);
    if (fate === 'altered') packet[packet.length - 30]! ^= 4;
    if (kind === 'ipv4') this.#made.push(packet);
    return packet;
  }

  #sealed(message: Message): Uint8Array {
    const { prefixBytes, ivBytes, icvBytes, alignment } = espGeometry(this.#suite);
    const at = message.sa - 1;
    const payload = this.#isTunnel ? innerOf(message) : l2tpOf(message);
    const natural = Math.ceil((payload.length + 2) / alignment) * alignment;
    const isUsual = natural <= USUAL_BYTES && USUAL_BYTES - payload.length - 2 < 256 && message.size !== 2;
    const padding = (isUsual ? USUAL_BYTES : natural) - payload.length - 2;
    this.#sequences[at]!++;
    const usual = this.#isTunnel ? (message.kind === 'ipv6' ? 41 : 4) : 17;
    const packet = new Writer()
      .u32(message.spi || toGatewaySpi(message.sa))
      .u32(this.#sequences[at]!)
      .zeros(ivBytes - 4)
      .u32(this.#sequences[at]!)
      .bytes(payload)
      .bytes(Uint8Array.from({ length: padding }, (_, i) => i + 1))
      .u8(padding)
      .u8(message.next || usual)
      .zeros(icvBytes)
      .finish();
    assert.equal((packet.length - prefixBytes - icvBytes) % alignment, 0);
    this.#ciphers[at]!.seal(packet, 0, packet.length - icvBytes);
    return packet;
  }
}

function l2tpOf(message: Message): Uint8Array {
  const { kind, session, length, ns, offset, addressControl, compress, turned, ports, udpMore } = message;
  const [protocol, packet] =
    kind === 'echo'
      ? [LCP, fromHex('0907000c 00000001 01020304')]
      : kind === 'ipcp'
        ? [IPCP, fromHex('01010004')]
        : [kind === 'ipv6' ? 0x57 : 0x21, innerOf(message)];
  const control = kind === 'control';
  const l2tp = l2tpMessage({
    ...{ control, length: control || length, tunnel: 22, session },
    ...(control || ns >= 0 ? { sequence: { ns: Math.max(0, ns), nr: 0 } } : {}),
    ...(offset < 0 || control ? {} : { offset }),
    payload: control ? new Uint8Array(200) : pppFrame(packet, protocol, addressControl, compress && protocol < 256),
  });
  l2tp[0]! ^= turned >> 8;
  l2tp[1]! ^= turned & 255;
  const udp = udpDatagram({ source: ports[0], destination: ports[1], payload: l2tp });
  new DataView(udp.buffer, udp.byteOffset).setUint16(4, udp.length + udpMore);
  return udp;
}

function innerOf({ kind, from, to, size, shape, ipMore, session }: Message): Uint8Array {
  if (kind === 'ipv6') return innerPacket6(session === 3 ? OTHER_CLIENT6 : CLIENT6, SERVER6, Math.max(0, size - 20));
  const packet = innerPacket(from, to, size);
  const [source, destination] = [packet.slice(12, 16), packet.slice(16, 20)];
  // TCP whose MSS of 1460 is clamped.
  const flags = shape === 'syn ack' ? '6012' : '6002';
  const options = fromHex(shape.endsWith('options') ? '01010101' : '');
  const tcp = new Writer().bytes(fromHex(`03e80050 00000001 00000000 ${flags} ffff 0000 0000 020405b4`)).zeros(176);
  const made = shape.startsWith('syn')
    ? ipv4Packet({ source, destination, protocol: 6, options, payload: tcp.finish() })
    : shape === 'options'
      ? ipv4Packet({ source, destination, options, payload: new Uint8Array(size) })
      : shape === 'few'
        ? packet.slice(0, 20)
        : packet;
  new DataView(made.buffer, made.byteOffset).setUint16(2, made.length + ipMore);
  if (shape === 'version') made[0] = 0x55;
  return made;
}
