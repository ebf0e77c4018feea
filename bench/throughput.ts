/** TCP through each tunnel: gigabits a second, and CPU seconds that each daemon takes for a gigabyte. */

import { type EspSuite, suiteName } from '../src/esp/index.ts';
import { contest } from './contest.ts';
import { type Direction, tcp } from './iperf.ts';
import { median } from './measure.ts';
import { bare } from './peers/bare.ts';
import { libipsec } from './peers/libipsec.ts';
import { openvpn } from './peers/openvpn.ts';
import type { Peer } from './peers/peer.ts';
import { sallyport } from './peers/sallyport.ts';
import { sallyportIkev2 } from './peers/sallyportIkev2.ts';

export const ALL_PEERS: readonly Peer[] = [sallyport, sallyportIkev2, libipsec, openvpn, bare];

export interface ThroughputOptions {
  readonly suites: readonly EspSuite[];
  readonly peers: readonly Peer[];
  readonly flows: readonly number[];
  readonly directions: readonly Direction[];
  readonly rounds: number;
  readonly seconds: number;
}

export interface ThroughputLine {
  readonly suite: string;
  readonly flows: number;
  readonly direction: Direction;
  readonly peer: string;
  /** Medians. */
  readonly gigabits: number;
  /** Of our throughput to this peer's. */
  readonly ours: number;
  /** For each gigabyte that TCP carried, of the daemon at the server and the one at the client. */
  readonly serverCpuPerGigabyte?: number;
  readonly clientCpuPerGigabyte?: number;
}

interface Case {
  readonly flows: number;
  readonly direction: Direction;
}

const BYTES_PER_GIGABYTE = 1e9;

export async function benchThroughput(options: ThroughputOptions): Promise<ThroughputLine[]> {
  const { peers, flows, directions, rounds, seconds } = options;
  const cases: Case[] = flows.flatMap((count) => directions.map((direction) => ({ flows: count, direction })));
  const lines: ThroughputLine[] = [];
  for (const suite of options.suites) {
    for (const one of cases) {
      const results = await contest(peers, suite, rounds, (network, { address }) =>
        tcp(network, { address, seconds, ...one }),
      );
      const gigabits = new Map(
        [...results].map(([peer, all]) => [peer, median(all.map(({ result }) => result.gigabits))]),
      );
      for (const [peer, all] of results) {
        const perGigabyte = (i: number) =>
          median(
            all.map(({ result, cpuSeconds }) => (cpuSeconds[i] ?? Number.NaN) / (result.bytes / BYTES_PER_GIGABYTE)),
          );
        const [server, client] = [perGigabyte(0), perGigabyte(1)];
        const own = gigabits.get(sallyport);
        lines.push({
          suite: suiteName(suite),
          ...one,
          peer: peer.name,
          gigabits: round(gigabits.get(peer)!),
          ours: own === undefined ? Number.NaN : round(own / gigabits.get(peer)!),
          ...(Number.isNaN(server) ? {} : { serverCpuPerGigabyte: round(server) }),
          ...(Number.isNaN(client) ? {} : { clientCpuPerGigabyte: round(client) }),
        });
      }
    }
  }
  return lines;
}

const round = (value: number) => Number(value.toPrecision(3));
