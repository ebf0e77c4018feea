/**
 * What one packet costs inside the process: cut, sealed, opened and joined between two packet paths, without sockets.
 * Less noisy than traffic between processes, so it is what to look at while changing the path.
 */

import type { DataPlanePorts } from '../src/dataplane/index.ts';
import { COUNTERS_PER_SESSION, PacketPath } from '../src/dataplane/index.ts';
import { Joiner, VNET_HEADER_BYTES, VnetGso, writeVnetHeader } from '../src/dataplane/offload/index.ts';
import { newSource, SCRATCH_BYTES } from '../src/dataplane/ports.ts';
import { ciphersFor } from '../src/driver/ciphers.ts';
import { newPacketAreas } from '../src/driver/packetMemory.ts';
import { systemEnvironment } from '../src/driver/random.ts';
import { AREA_BYTES, SendArea } from '../src/driver/sendArea.ts';
import { MOST_CUT_BYTES } from '../src/driver/sendQueue.ts';
import { TunReader } from '../src/driver/tunReader.ts';
import { type EspSuite, espKeyBytes, suiteName } from '../src/esp/index.ts';
import { checksum, WordSum } from '../src/net/index.ts';
import { quiet } from './measure.ts';

export const SUITES: readonly EspSuite[] = [
  { encryption: 'aes-gcm-16', keyBits: 128 },
  { encryption: 'aes-cbc', keyBits: 256, integrity: 'hmac-sha2-256-128' },
];

/** What `path` looks at: one more, which IKEv1 cannot agree on. */
export const PATH_SUITES: readonly EspSuite[] = [...SUITES, { encryption: 'chacha20-poly1305', keyBits: 256 }];

/** Sessions that are open, each with SAs of its own, while one of them carries the packets. */
const MANY = 10_000;

const MSS = 1348;
const SEGMENTS = 47;
const ROUNDS = 100;
const TRAINS_PER_ROUND = 30;
const SPI = 0x1000;

/** What stands between ESP and the packet: UDP, L2TP and PPP, or nothing (IKEv2's tunnel mode, held to selectors). */
type Inside = 'l2tp' | 'tunnel';

export interface PathCost {
  readonly suite: string;
  readonly inside: Inside;
  /** Open ones; one carries the packets. */
  readonly sessions: number;
  /** Nanoseconds for a packet of 1400 bytes, in the tenth of all rounds that others disturbed least. */
  readonly sendNanoseconds: number;
  readonly receiveNanoseconds: number;
  readonly joinedShare: number;
}

export function benchPath(suites: readonly EspSuite[] = PATH_SUITES): PathCost[] {
  return [
    ...suites.flatMap((suite) => [cost(suite, 'l2tp'), cost(suite, 'tunnel')]),
    ...suites.slice(0, 1).map((suite) => cost(suite, 'l2tp', MANY)),
  ];
}

function cost(suite: EspSuite, inside: Inside, sessions = 1): PathCost {
  const [sendArea, receiveArea, sendScratch, receiveScratch] = newPacketAreas([
    AREA_BYTES,
    AREA_BYTES,
    SCRATCH_BYTES,
    SCRATCH_BYTES,
  ]);
  const area = new SendArea(sendArea);
  const sent: [at: number, length: number, each: number][] = [];
  let writes = 0;
  const joiner = new Joiner(receiveArea.memory.bytes, () => writes++, true, receiveArea.sum);
  const nothing = (): void => {};
  const base: DataPlanePorts = { sendUdp: nothing, sendEsp: nothing, writeTun: nothing, event: nothing };
  const sender = pathOf(
    {
      ...base,
      sendUdp: (_, __, ___, at, length) => void sent.push([at, length, length]),
      sendTrain: (_, __, ___, at, length, each) => {
        // As much as one datagram of the kernel's holds.
        const most = each * Math.floor(MOST_CUT_BYTES / each);
        for (let from = 0; from < length; from += most) sent.push([at + from, Math.min(most, length - from), each]);
      },
    },
    sendScratch.memory.bytes,
  );
  const receiver = pathOf(
    { ...base, writeTun: (_, at, length) => joiner.add(at, length) },
    receiveScratch.memory.bytes,
  );
  for (let number = 0; number < sessions; number++) {
    const session = { suite, inside, number };
    connect(sender, session, '192.0.2.1', '192.0.2.2', true);
    connect(receiver, session, '192.0.2.2', '192.0.2.1', false);
  }

  const large = largePacket();
  const reader = new TunReader({
    tun: { hasHeader: true, read: () => -1 },
    area,
    take: (at, length) => sender.fromTun(area.memory.bytes, at, length),
    train: (at, most, count, total) => sender.trainFromTun(area.memory.bytes, at, most, count, total),
    flush: nothing,
    flushWhole: nothing,
    refuse: () => {
      throw new Error('the large packet is none');
    },
  });
  const source = newSource();
  source.remote.set([192, 0, 2, 1]);
  source.local.set([192, 0, 2, 2]);
  source.remotePort = source.localPort = 4500;

  const send = (): void => {
    sent.length = 0;
    area.rewind();
    reader.handed(large, 0, large.length);
  };
  const receive = (): void => {
    const { bytes } = receiveArea.memory;
    for (const [at, length, each] of sent) receiver.trainFromUdp('natT', bytes, at, length, each, source);
    joiner.flush();
  };
  const sendTimes: number[] = [];
  const receiveTimes: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    let [sending, receiving] = [0, 0];
    for (let i = 0; i < TRAINS_PER_ROUND; i++) {
      const start = performance.now();
      send();
      const middle = performance.now();
      receiveArea.memory.bytes.set(area.memory.bytes);
      const copied = performance.now();
      receive();
      sending += middle - start;
      receiving += performance.now() - copied;
    }
    sendTimes.push((sending * 1e6) / (TRAINS_PER_ROUND * SEGMENTS));
    receiveTimes.push((receiving * 1e6) / (TRAINS_PER_ROUND * SEGMENTS));
  }
  const packets = ROUNDS * TRAINS_PER_ROUND * SEGMENTS;
  return {
    suite: suiteName(suite),
    inside,
    sessions,
    sendNanoseconds: Math.round(quiet(sendTimes)),
    receiveNanoseconds: Math.round(quiet(receiveTimes)),
    joinedShare: 1 - writes / packets,
  };
}

function pathOf(ports: DataPlanePorts, scratch: Uint8Array): PacketPath {
  const { newCipher } = ciphersFor('fastest');
  return new PacketPath(ports, {
    counters: new Float64Array(MANY * COUNTERS_PER_SESSION),
    newCipher,
    environment: systemEnvironment,
    scratch,
  });
}

function connect(
  path: PacketPath,
  { suite, inside, number }: { readonly suite: EspSuite; readonly inside: Inside; readonly number: number },
  local: string,
  remote: string,
  isSender: boolean,
): void {
  const channel = number + 1;
  const first = SPI + 2 * number;
  const bytes = espKeyBytes(suite);
  const keys = {
    encryption: new Uint8Array(bytes.encryption).fill(1),
    integrity: new Uint8Array(bytes.integrity).fill(2),
  };
  const [here, there] = [local, remote].map((address) => ({ address, port: 4500 }));
  const ports = { localL2tpPort: 1701, remoteL2tpPort: 1701 };
  const [inboundSpi, outboundSpi] = isSender ? [first + 1, first] : [first, first + 1];
  path.command({
    type: 'openChannel',
    record: { channel, protection: 'udp', local: here!, remote: there!, ...ports },
  });
  path.command({
    type: 'installSa',
    record: {
      channel,
      inboundSpi,
      outboundSpi,
      mode: inside === 'tunnel' ? 'tunnel' : 'transport',
      suite,
      inboundKeys: keys,
      outboundKeys: keys,
      replayWindow: 1024,
    },
  });
  path.command({ type: 'useSa', channel, outboundSpi });
  if (inside === 'tunnel') {
    const everything = { first: '0.0.0.0', last: '255.255.255.255', protocol: 0, firstPort: 0, lastPort: 0xffff };
    const [localSelectors, remoteSelectors] = [[everything], [everything]];
    const session = { slot: number, channel, mtuToPeer: 1400, mss: 1360, localSelectors, remoteSelectors };
    path.command({ type: 'openTunnelSession', session });
    return;
  }
  path.command({
    type: 'openSession',
    session: {
      slot: number,
      channel,
      // The first takes what nobody claims, as a client's does.
      ...(number === 0 ? {} : { peerAddress: `10.1.${number >> 8}.${number & 255}` }),
      localTunnel: 1,
      localSession: 1,
      peerTunnel: 1,
      peerSession: 1,
      sequencing: false,
      lengthBit: false,
      sendAddressControl: true,
      compressProtocol: false,
      mtuToPeer: 1400,
      mss: 1360,
    },
  });
}

/** TCP over IPv4 with timestamps, as the kernel gives it with its header: 64 KB, the checksum left open. */
function largePacket(): Uint8Array {
  const headerBytes = 20 + 32;
  const bytes = new Uint8Array(headerBytes + SEGMENTS * MSS).fill(0x5a);
  const view = new DataView(bytes.buffer);
  bytes.fill(0, 0, headerBytes);
  bytes[0] = 0x45;
  view.setUint16(2, bytes.length);
  view.setUint16(6, 0x4000);
  bytes[8] = 64;
  bytes[9] = 6;
  bytes.set([10, 0, 0, 1, 10, 0, 0, 2], 12);
  view.setUint16(10, checksum(bytes, 0, 20));
  view.setUint16(20, 1000);
  view.setUint16(22, 2000);
  bytes[32] = 0x80;
  bytes[33] = 0x10;
  view.setUint16(36, ~new WordSum(bytes).sum(12, 8) & 0xffff);
  const withHeader = new Uint8Array(VNET_HEADER_BYTES + bytes.length);
  writeVnetHeader(
    {
      needsChecksum: true,
      gso: VnetGso.tcp4,
      headerBytes,
      segmentBytes: MSS,
      checksumStart: 20,
      checksumOffset: 16,
    },
    withHeader,
    0,
  );
  withHeader.set(bytes, VNET_HEADER_BYTES);
  return withHeader;
}
