/** A packet path without sockets, with all that came out of it: as trains, or packet by packet. */

import assert from 'node:assert/strict';
import {
  COUNTERS_PER_SESSION,
  type DataPlaneCommand,
  type DataPlaneEvent,
  PacketPath,
} from '../../src/dataplane/index.ts';
import { VNET_HEADER_BYTES, type VnetHeader, writeVnetHeader } from '../../src/dataplane/offload/index.ts';
import {
  type DataPlanePorts,
  newSource,
  type PacketTrain,
  type Peer,
  SCRATCH_BYTES,
  type SocketKind,
  type Source,
} from '../../src/dataplane/ports.ts';
import type { Memory } from '../../src/driver/ffi.ts';
import { AREA_BYTES, SendArea } from '../../src/driver/sendArea.ts';
import { TunReader } from '../../src/driver/tunReader.ts';
import { formatAddress, parseIpv4, WordSum } from '../../src/net/index.ts';
import { batched } from '../esp/batched.ts';
import { newCipher as slow } from '../esp/fixtures.ts';
import { seededEnvironment } from '../sim/random.ts';
import type { Commanded } from './ends.ts';

const SLOTS = 4;
/** Where what came from the network stands, among bytes of others. */
const ARRIVED_AT = 128;
const FILL = 0x5b;

/** Of whichever path is at work: what came out of another has been copied. Nothing native takes their addresses. */
const areaBytes = new Uint8Array(AREA_BYTES);
const areaSum = new WordSum(areaBytes);
const scratch = new Uint8Array(SCRATCH_BYTES);
const received = new Uint8Array(1 << 15);

export interface Datagram {
  readonly bytes: Uint8Array;
  /** Of the sender, whose port a NAT may change. */
  readonly port: number;
  readonly tos: number;
  readonly socket: SocketKind;
}

export class Recorded implements Commanded {
  readonly plane = { post: (command: DataPlaneCommand) => this.path.command(command) };
  readonly path: PacketPath;
  readonly counters = new Float64Array(SLOTS * COUNTERS_PER_SESSION);
  /** All that came out, in its order. */
  readonly log: string[] = [];
  readonly tun: string[] = [];
  readonly events: DataPlaneEvent[] = [];
  /** Trains that were sent. */
  trains = 0;
  readonly #isTrains: boolean;
  readonly #reader: TunReader;

  /** @param how with trains in both directions, or in none with a path that remembers nothing of the packet before */
  constructor(how: 'trains' | 'singly') {
    this.#isTrains = how === 'trains';
    const bytes = areaBytes;
    const area = new SendArea({ memory: { bytes, base: 0 } as Memory, sum: areaSum });
    const ports: DataPlanePorts = {
      sendUdp: (socket, peer, of, at, length) => this.#record(socket, peer, of, at, length),
      sendEsp: (peer, of, at, length) => this.#record('esp', peer, of, at, length),
      writeTun: (of, at, length) => {
        const packet = hex(of, at, length);
        this.tun.push(packet);
        this.log.push(`tun ${packet}`);
      },
      event: (event) => {
        this.events.push(event);
        // That a peer has moved is told before a train's packets, not between them.
        if (event.type !== 'channelMoved') this.log.push(`event ${event.type}`);
      },
    };
    this.path = new PacketPath(this.#isTrains ? { ...ports, sendTrain: this.#sendTrain } : ports, {
      counters: this.counters,
      newCipher: this.#isTrains ? batched : slow,
      environment: seededEnvironment(5),
      scratch,
    });
    this.#reader = new TunReader({
      tun: { hasHeader: true, read: () => -1 },
      area,
      take: (at, length) => this.path.fromTun(bytes, at, length),
      train: (...large): PacketTrain | undefined =>
        this.#isTrains ? this.path.trainFromTun(bytes, ...large) : undefined,
      flush: () => area.rewind(),
      // As if the end of each train waited.
      flushWhole: () => area.turn(),
      refuse: () => assert.fail('the large packet is none'),
    });
    this.path.setTime(1000);
  }

  /** A packet of the TUN device, with its header. */
  fromTun(header: VnetHeader, packet: Uint8Array): void {
    const bytes = new Uint8Array(VNET_HEADER_BYTES + packet.length);
    writeVnetHeader(header, bytes, 0);
    bytes.set(packet, VNET_HEADER_BYTES);
    this.#reader.handed(bytes, 0, bytes.length);
  }

  /** Datagrams that came as one where this takes them so: all as long as the first, but the last may be shorter. */
  fromUdp(datagrams: readonly Datagram[]): void {
    const { port, tos, socket, bytes: first } = datagrams[0]!;
    const source = clientSource(port, tos);
    received.fill(FILL);
    let end = ARRIVED_AT;
    for (const { bytes } of datagrams) {
      received.set(bytes, end);
      end += bytes.length;
    }
    if (this.#isTrains) this.path.trainFromUdp(socket, received, ARRIVED_AT, end - ARRIVED_AT, first.length, source);
    let at = ARRIVED_AT;
    for (const { bytes } of this.#isTrains ? [] : datagrams) {
      this.path.command({ type: 'configure', clientToClient: false });
      this.path.fromUdp(socket, received, at, bytes.length, source);
      at += bytes.length;
    }
    const around = [...received.subarray(0, ARRIVED_AT), ...received.subarray(end, end + ARRIVED_AT)];
    assert.ok(
      around.every((byte) => byte === FILL),
      'nothing outside of them is written',
    );
  }

  /** What was refused so far is told. */
  tick(now: number): void {
    this.path.setTime(now);
    this.path.tick(now);
  }

  readonly #sendTrain: NonNullable<DataPlanePorts['sendTrain']> = (socket, peer, bytes, at, length, each) => {
    this.trains++;
    for (let from = 0; from < length; from += each) {
      this.#record(socket, peer, bytes, at + from, Math.min(each, length - from));
    }
  };

  #record(socket: string, peer: Peer, bytes: Uint8Array, at: number, length: number): void {
    const { local, remote, remotePort, tos = 0, dontFragment = false } = peer;
    const ends = `${formatAddress(local)} ${formatAddress(remote)} ${remotePort}`;
    this.log.push(`${socket} ${ends} ${tos} ${dontFragment} ${hex(bytes, at, length)}`);
  }
}

/** What two paths have done so far is the same. */
export function mustAgree(trains: Recorded, singly: Recorded): void {
  assert.deepEqual(trains.log, singly.log);
  for (const isMoved of [true, false]) {
    const of = ({ events }: Recorded) => events.filter(({ type }) => (type === 'channelMoved') === isMoved);
    assert.deepEqual(of(trains), of(singly));
  }
  assert.deepEqual([...trains.counters], [...singly.counters]);
}

const hex = ({ buffer, byteOffset }: Uint8Array, at: number, length: number) =>
  Buffer.from(buffer, byteOffset + at, length).toString('hex');

/** Of the client of `ends.ts`. */
function clientSource(port: number, tos: number): Source {
  const source = newSource();
  source.remote.set(parseIpv4('192.0.2.2')!);
  source.local.set(parseIpv4('192.0.2.1')!);
  source.remotePort = port;
  source.localPort = 4500;
  source.tos = tos;
  return source;
}
