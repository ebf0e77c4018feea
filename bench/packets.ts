/** Packets of 64 bytes, offered as fast as iperf3 can: how many a second arrive. */

import { type EspSuite, suiteName } from '../src/esp/index.ts';
import { contest } from './contest.ts';
import { udp } from './iperf.ts';
import { median } from './measure.ts';
import type { Peer } from './peers/peer.ts';
import { sallyport } from './peers/sallyport.ts';

export interface PacketsOptions {
  readonly suite: EspSuite;
  readonly peers: readonly Peer[];
  readonly rounds: number;
  readonly seconds: number;
}

export interface PacketsLine {
  readonly suite: string;
  readonly peer: string;
  /** Medians. */
  readonly receivedPerSecond: number;
  readonly offeredPerSecond: number;
  readonly loss: number;
  /** For each million that arrived, of the daemon at the server and the one at the client. */
  readonly serverCpuPerMillion: number;
  readonly clientCpuPerMillion: number;
  /** Of what we carry to what this peer carries. */
  readonly ours: number;
}

const PACKET_BYTES = 64;

export async function benchPackets({ suite, peers, rounds, seconds }: PacketsOptions): Promise<PacketsLine[]> {
  const results = await contest(peers, suite, rounds, (network, { address }) =>
    udp(network, { address, bytes: PACKET_BYTES, seconds }),
  );
  const received = (peer: Peer) => median((results.get(peer) ?? []).map(({ result }) => result.received));
  const perMillion = (peer: Peer, i: number) =>
    median(
      (results.get(peer) ?? []).map(({ result, cpuSeconds }) => (cpuSeconds[i]! * 1e6) / (result.received * seconds)),
    );
  return [...results].map(([peer, all]) => ({
    suite: suiteName(suite),
    peer: peer.name,
    receivedPerSecond: Math.round(received(peer)),
    offeredPerSecond: Math.round(median(all.map(({ result }) => result.offered))),
    loss: Number(median(all.map(({ result }) => result.loss)).toPrecision(3)),
    serverCpuPerMillion: Number(perMillion(peer, 0).toPrecision(3)),
    clientCpuPerMillion: Number(perMillion(peer, 1).toPrecision(3)),
    ours: Number((received(sallyport) / received(peer)).toPrecision(3)),
  }));
}
