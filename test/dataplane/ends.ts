/** Ends for the tests: data planes in memory, joined by a wire that the test may look into. */

import type { Endpoint } from '../../src/core/index.ts';
import { nodeCrypto } from '../../src/crypto/node/index.ts';
import {
  type ChannelRecord,
  COUNTERS_PER_SESSION,
  Counter,
  type DataPlaneCommand,
  type DataPlaneEvent,
  type MemoryDatagram,
  MemoryDataPlane,
  type MemoryDataPlaneOptions,
  type SaRecord,
  type SessionParameters,
  type TunnelSessionParameters,
} from '../../src/dataplane/index.ts';
import { type EspKeys, type EspSuite, espKeyBytes } from '../../src/esp/index.ts';
import { parseIpv4, parseIpv6 } from '../../src/net/index.ts';
import { type Ipv6Packet, ipv4Packet, ipv6Packet } from '../net/slow.ts';
import { seededEnvironment } from '../sim/random.ts';

export const crypto = nodeCrypto;

export const suites = {
  gcm: { encryption: 'aes-gcm-16', keyBits: 128 },
  cbc: { encryption: 'aes-cbc', keyBits: 256, integrity: 'hmac-sha1-96' },
  sha512: { encryption: 'aes-cbc', keyBits: 128, integrity: 'hmac-sha2-512-256' },
  des: { encryption: '3des-cbc', keyBits: 192, integrity: 'hmac-md5-96' },
} as const satisfies Record<string, EspSuite>;

/** Whoever can be told to open channels and sessions. */
export interface Commanded {
  readonly plane: { post(command: DataPlaneCommand): void };
}

/** One data plane with all that came out of it. */
export class End {
  readonly plane: MemoryDataPlane;
  readonly sent: MemoryDatagram[] = [];
  readonly packets: Uint8Array[] = [];
  readonly events: DataPlaneEvent[] = [];
  /** Where datagrams go, besides `sent`. */
  wire: (datagram: MemoryDatagram) => void = () => {};

  constructor(options: Partial<MemoryDataPlaneOptions> = {}) {
    this.plane = new MemoryDataPlane({
      crypto,
      environment: seededEnvironment(7),
      send: (datagram) => {
        this.sent.push(datagram);
        this.wire(datagram);
      },
      packet: (bytes) => void this.packets.push(bytes),
      event: (event) => void this.events.push(event),
      ...options,
    });
  }

  counter(slot: number, name: keyof typeof Counter): number {
    return this.plane.counters[slot * COUNTERS_PER_SESSION + Counter[name]]!;
  }

  eventsOf<Type extends DataPlaneEvent['type']>(type: Type): Extract<DataPlaneEvent, { type: Type }>[] {
    return this.events.filter((event) => event.type === type) as Extract<DataPlaneEvent, { type: Type }>[];
  }

  /** Drops by code, as told so far. */
  drops(): Record<string, number> {
    const codes: Record<string, number> = {};
    for (const { code, count } of this.eventsOf('dropped')) codes[code] = (codes[code] ?? 0) + count;
    return codes;
  }
}

/** What one end sends is received by the other as it stands. */
export function join(a: End, b: End): void {
  a.wire = (datagram) => b.plane.receive(turned(datagram));
  b.wire = (datagram) => a.plane.receive(turned(datagram));
}

/** The wires of a client behind a NAT that shows `natAddress`; the gateway may have several. */
export function joinThroughNat(client: End, gateway: End, natAddress: Endpoint): void {
  const clientAddress = { address: '10.0.0.5', port: 4500 };
  client.wire = (datagram) => gateway.plane.receive({ ...turned(datagram), remote: natAddress });
  const others = gateway.wire;
  gateway.wire = (datagram) => {
    const { address, port } = datagram.remote;
    if (address !== natAddress.address || port !== natAddress.port) others(datagram);
    else client.plane.receive({ ...turned(datagram), local: clientAddress });
  };
}

/** A datagram as its receiver sees it. */
export const turned = (datagram: MemoryDatagram): MemoryDatagram => ({
  ...datagram,
  local: datagram.remote,
  remote: datagram.local,
});

/** Key material that depends on `seed` alone. */
export function keysOf(suite: EspSuite, seed: number): EspKeys {
  const { random } = seededEnvironment(seed);
  const { encryption, integrity } = espKeyBytes(suite);
  return { encryption: random(encryption), integrity: random(integrity) };
}

export interface TunnelOptions {
  readonly protection?: ChannelRecord['protection'];
  readonly suite?: EspSuite;
  readonly clientAddress?: Endpoint;
  /** The client as the gateway sees it, where a NAT stands between. */
  readonly natAddress?: Endpoint;
  readonly gatewayAddress?: Endpoint;
  /** The client's own L2TP port, which the gateway is not told. */
  readonly localL2tpPort?: number;
  readonly channel?: number;
  readonly slot?: number;
  readonly seed?: number;
  readonly inner?: string;
  readonly session?: Partial<SessionParameters>;
}

export const CLIENT_TUNNEL = 11;
export const GATEWAY_TUNNEL = 22;

/** Opens channel, SA and session on both ends, as the two control planes would. The inner client is 10.10.10.2. */
export function openTunnel(client: Commanded, gateway: Commanded, options: TunnelOptions = {}): void {
  const { protection = 'udp', suite = suites.gcm, channel = 1, slot = 0, seed = 1, inner = '10.10.10.2' } = options;
  const port = protection === 'none' ? 1701 : 4500;
  const local = options.clientAddress ?? { address: '192.0.2.2', port };
  const remote = options.gatewayAddress ?? { address: '192.0.2.1', port };
  const ports = { localL2tpPort: 1701, remoteL2tpPort: 1701 };
  client.plane.post({
    type: 'openChannel',
    record: { channel, protection, local, remote, ...ports, localL2tpPort: options.localL2tpPort ?? 1701 },
  });
  gateway.plane.post({
    type: 'openChannel',
    record: { channel, protection, local: remote, remote: options.natAddress ?? local, ...ports },
  });
  if (protection !== 'none') {
    installPair(client, gateway, channel, suite, seed);
    useSas(client, gateway, channel, seed);
  }
  const common = {
    slot,
    channel,
    sequencing: false,
    lengthBit: true,
    sendAddressControl: true,
    compressProtocol: false,
    mtuToPeer: 1400,
    mss: 1360,
    ...options.session,
  };
  client.plane.post({
    type: 'openSession',
    session: { localTunnel: 11, localSession: 1, peerTunnel: 22, peerSession: 2, ...common },
  });
  gateway.plane.post({
    type: 'openSession',
    session: { localTunnel: 22, localSession: 2, peerTunnel: 11, peerSession: 1, peerAddress: inner, ...common },
  });
}

/** Both ends of a tunnel-mode session, as IKEv2 would open it: the client's addresses are those of `inner`. */
export function openNativeTunnel(
  client: Commanded,
  gateway: Commanded,
  options: Omit<TunnelOptions, 'session'> & {
    readonly inner?: string;
    readonly inner6?: string;
    readonly session?: Partial<TunnelSessionParameters>;
    readonly extendedSequence?: boolean;
  } = {},
): void {
  const { protection = 'udp', suite = suites.gcm, channel = 1, slot = 0, seed = 1, inner = '10.10.10.2' } = options;
  const local = options.clientAddress ?? { address: '192.0.2.2', port: 4500 };
  const remote = options.gatewayAddress ?? { address: '192.0.2.1', port: 4500 };
  const ports = { localL2tpPort: 0, remoteL2tpPort: 0 };
  client.plane.post({ type: 'openChannel', record: { channel, protection, local, remote, ...ports } });
  gateway.plane.post({ type: 'openChannel', record: { channel, protection, local: remote, remote: local, ...ports } });
  const { extendedSequence = false } = options;
  installPair(client, gateway, channel, suite, seed, { mode: 'tunnel', extendedSequence });
  useSas(client, gateway, channel, seed);
  const common = { slot, channel, mtuToPeer: 1400, mss: 1360, ...options.session };
  const { inner6 } = options;
  client.plane.post({ type: 'openTunnelSession', session: { ...common, ipv6: inner6 !== undefined } });
  gateway.plane.post({
    type: 'openTunnelSession',
    session: { ...common, peerAddress: inner, ...(inner6 === undefined ? {} : { peerPrefixes: [inner6] }) },
  });
}

/** SPIs that follow from `seed`: towards the gateway and towards the client. */
export const toGatewaySpi = (seed: number) => 0xc0000000 + seed;
export const toClientSpi = (seed: number) => 0x10000000 + seed;
export const toGatewayKeys = (suite: EspSuite, seed: number) => keysOf(suite, 1000 + seed);
export const toClientKeys = (suite: EspSuite, seed: number) => keysOf(suite, 2000 + seed);

export function installPair(
  client: Commanded,
  gateway: Commanded,
  channel: number,
  suite: EspSuite,
  seed: number,
  more: Partial<SaRecord> = {},
): void {
  const common = { channel, mode: 'transport', suite, replayWindow: 128, ...more } as const;
  client.plane.post({
    type: 'installSa',
    record: {
      ...common,
      inboundSpi: toClientSpi(seed),
      outboundSpi: toGatewaySpi(seed),
      inboundKeys: toClientKeys(suite, seed),
      outboundKeys: toGatewayKeys(suite, seed),
    },
  });
  gateway.plane.post({
    type: 'installSa',
    record: {
      ...common,
      inboundSpi: toGatewaySpi(seed),
      outboundSpi: toClientSpi(seed),
      inboundKeys: toGatewayKeys(suite, seed),
      outboundKeys: toClientKeys(suite, seed),
    },
  });
}

export function useSas(client: Commanded, gateway: Commanded, channel: number, seed: number): void {
  client.plane.post({ type: 'useSa', channel, outboundSpi: toGatewaySpi(seed) });
  gateway.plane.post({ type: 'useSa', channel, outboundSpi: toClientSpi(seed) });
}

/** An inner IPv4 packet whose payload is recognizable. */
export function innerPacket(
  from: string,
  to: string,
  size = 100,
  more: { flags?: number; ttl?: number } = {},
): Uint8Array {
  const payload = new Uint8Array(size).map((_, i) => i * 13 + size);
  return ipv4Packet({ source: parseIpv4(from)!, destination: parseIpv4(to)!, payload, ...more });
}

export const CLIENT = '10.10.10.2';
export const OTHER_CLIENT = '10.10.10.3';
export const SERVER = '198.51.100.9';

export const CLIENT6 = '2001:db8:10::2';
export const OTHER_CLIENT6 = '2001:db8:11::2';
export const SERVER6 = '2001:db8:ffff::9';

/** An inner IPv6 packet whose payload is recognizable. */
export function innerPacket6(from: string, to: string, size = 100, more: Partial<Ipv6Packet> = {}): Uint8Array {
  const payload = new Uint8Array(size).map((_, i) => i * 13 + size);
  return ipv6Packet({ source: parseIpv6(from)!, destination: parseIpv6(to)!, payload, ...more });
}
