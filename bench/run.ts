/**
 * `npm run bench -- NAME [--json] [--rounds N] [--seconds N] [--suite GCM|CBC] [--peer NAME]… [--flows N] [--direction up|down]`
 * `npm run bench -- setup [--json] [--rounds N] [--count N]`
 * `npm run bench -- scale [--json] [--rounds N] [--seconds N] [--sessions N]…`
 * `npm run bench -- soak [--json] [--minutes N]`
 *
 * Each bench makes network namespaces of its own, installs the peers that it compares with, and removes what it made.
 */

import { readFileSync } from 'node:fs';
import { cpus, loadavg, release } from 'node:os';
import { parseArgs } from 'node:util';
import { vaesGcm } from '../src/driver/vaes/index.ts';
import type { EspSuite } from '../src/esp/index.ts';
import type { Direction } from './iperf.ts';
import { installedVersion } from './packages.ts';
import { benchPackets } from './packets.ts';
import { benchPath, PATH_SUITES, SUITES } from './path.ts';
import { benchScale, SCALES } from './scale.ts';
import { benchSetup } from './setup.ts';
import { benchSoak } from './soak.ts';
import { ALL_PEERS, benchThroughput } from './throughput.ts';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '4' },
    suite: { type: 'string' },
    peer: { type: 'string', multiple: true },
    flows: { type: 'string', multiple: true },
    direction: { type: 'string', multiple: true },
    count: { type: 'string', default: '2000' },
    sessions: { type: 'string', multiple: true },
    minutes: { type: 'string', default: '60' },
  },
});

const rounds = Number(options.rounds);
const seconds = Number(options.seconds);
const isChosen = ({ encryption }: EspSuite) => encryption.includes(options.suite?.toLowerCase() ?? '');
const suites = SUITES.filter(isChosen);
const chosen = options.peer ?? [];
const peers = ALL_PEERS.filter(({ name }) => chosen.length === 0 || chosen.some((part) => name.includes(part)));
const flows = (options.flows ?? ['1', '4']).map(Number);
const directions = (options.direction ?? ['up', 'down']) as Direction[];

const benches: Readonly<Record<string, () => unknown[] | Promise<unknown[]>>> = {
  path: () => benchPath(PATH_SUITES.filter(isChosen)),
  throughput: () => benchThroughput({ suites, peers, flows, directions, rounds, seconds }),
  packets: async () => {
    const tunnels = peers.filter(({ name }) => name !== 'no tunnel');
    return (await inTurn(suites, (suite) => benchPackets({ suite, peers: tunnels, rounds, seconds }))).flat();
  },
  setup: () => benchSetup({ rounds, count: Number(options.count) }),
  soak: () => benchSoak(Number(options.minutes)),
  scale: () => benchScale({ scales: options.sessions?.map(Number) ?? SCALES, rounds, seconds }),
};

const bench = benches[positionals[0] ?? ''];
if (bench === undefined) {
  console.error(`Name a bench: ${Object.keys(benches).join(', ')}. Example: npm run bench -- throughput`);
  process.exitCode = 2;
} else {
  const lines = await bench();
  if (options.json)
    console.log(JSON.stringify({ bench: positionals[0], machine: machine(), rounds, seconds, lines }, null, 2));
  else console.table(lines);
}

async function inTurn<Item, Result>(items: readonly Item[], work: (item: Item) => Promise<Result>): Promise<Result[]> {
  const results: Result[] = [];
  for (const item of items) results.push(await work(item));
  return results;
}

function machine(): Readonly<Record<string, unknown>> {
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
