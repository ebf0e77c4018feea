/**
 * `npm run bench -- NAME [OPTION]…`; `npm run bench -- NAME --help` tells the options.
 *
 * Each bench makes network namespaces of its own, installs the peers that it compares with, and removes what it made.
 */

import { readFileSync } from 'node:fs';
import { cpus, loadavg, release } from 'node:os';
import { CommanderError } from 'commander';
import { vaesGcm } from '../src/driver/vaes/index.ts';
import { benchProgram, type Chosen } from './commandLine.ts';
import { installedVersion } from './packages.ts';
import type { Peer } from './peers/peer.ts';

const WRONG_USAGE = 2;

try {
  await benchProgram(runBench).parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === 0 ? 0 : WRONG_USAGE;
}

async function runBench({ name, options, peers, lines: run }: Chosen): Promise<void> {
  const { json, rounds, seconds } = options;
  const lines = await run();
  if (json) console.log(JSON.stringify({ bench: name, machine: machine(peers), rounds, seconds, lines }, null, 2));
  else console.table(lines);
}

function machine(peers: readonly Peer[]): Readonly<Record<string, unknown>> {
  const versions = peers.flatMap(({ name, versionOf }) =>
    versionOf === undefined ? [] : [[name, installedVersion(versionOf)] as const],
  );
  return {
    date: new Date().toISOString(),
    processors: cpus().length,
    /** Of all programs, the bench's own among them: far above the processors, and gigabits say little. */
    load: loadavg().map((load) => Number(load.toFixed(1))),
    processor: cpus()[0]?.model,
    kernel: release(),
    congestionControl: readFileSync('/proc/sys/net/ipv4/tcp_congestion_control', 'utf8').trim(),
    vaes: vaesGcm(128) !== undefined,
    node: process.version,
    openssl: process.versions.openssl,
    peers: Object.fromEntries(versions),
  };
}
