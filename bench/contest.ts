/** Runs a measurement on several peers in turn, so that whatever disturbs the machine disturbs all. */

import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { type EspSuite, suiteName } from '../src/esp/index.ts';
import type { Daemon } from './command.ts';
import { temporaryDirectory } from './directory.ts';
import { startIperf } from './iperf.ts';
import { cpuSeconds } from './measure.ts';
import { Network } from './network.ts';
import { installPackages } from './packages.ts';
import type { Peer, Tunnel } from './peers/peer.ts';
import { progress } from './progress.ts';

export interface Measured<Result> {
  readonly result: Result;
  /** Of the server's daemon and the client's, while it ran; empty without daemons. */
  readonly cpuSeconds: readonly number[];
}

/**
 * Starts all peers, measures each in every round, in turning order, and stops them.
 * @returns for each peer what each round gave; a peer that does not start is left out, with a word on stderr
 */
export async function contest<Result>(
  peers: readonly Peer[],
  suite: EspSuite,
  rounds: number,
  measure: (network: Network, tunnel: Tunnel) => Promise<Result>,
): Promise<Map<Peer, Measured<Result>[]>> {
  installPackages(['iperf3', ...peers.flatMap(({ packages }) => packages)]);
  const directory = temporaryDirectory('sallyport-bench');
  const entries: Entry[] = [];
  const results = new Map<Peer, Measured<Result>[]>();
  try {
    for (const peer of peers) {
      progress(`${peer.name} starts, ${suiteName(suite)}`);
      try {
        entries.push(await enter(peer, suite, mkdtempSync(join(directory.path, 'peer-'))));
        results.set(peer, []);
      } catch (error) {
        console.error(`${peer.name} is left out: ${(error as Error).message}`);
      }
    }
    for (let round = 0; round < rounds; round++) {
      progress(`round ${round + 1} of ${rounds}`);
      for (let i = 0; i < entries.length; i++) {
        const { peer, network, tunnel } = entries[(i + round) % entries.length]!;
        const before = tunnel.pids.map(cpuSeconds);
        const result = await measure(network, tunnel);
        const used = tunnel.pids.map((pid, k) => cpuSeconds(pid) - before[k]!);
        results.get(peer)!.push({ result, cpuSeconds: used });
      }
    }
  } finally {
    for (const { network, tunnel, iperf } of entries) {
      await iperf.stop();
      await tunnel.stop();
      network.close();
    }
    directory.remove();
  }
  return results;
}

/** A peer in a network of its own, so that no one's routes and rules are in another's way. */
interface Entry {
  readonly peer: Peer;
  readonly network: Network;
  readonly tunnel: Tunnel;
  readonly iperf: Daemon;
}

async function enter(peer: Peer, suite: EspSuite, directory: string): Promise<Entry> {
  const network = new Network();
  try {
    const tunnel = await peer.start(network, suite, directory);
    return { peer, network, tunnel, iperf: await startIperf(network) };
  } catch (error) {
    network.close();
    throw error;
  }
}
