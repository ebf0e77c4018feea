/**
 * How fast a gateway sets connections up: whole lives a second (IKEv1, L2TP, MS-CHAPv2, IPCP, and the orderly end),
 * what each costs it, and how long one takes from the first message to the address.
 */

import { loadavg } from 'node:os';
import { round } from '../src/process/load/statistics.ts';
import { median } from './measure.ts';
import { progress } from './progress.ts';
import { resultOf, UnderLoad } from './underLoad.ts';

/** The IKE proposals by the name of their group. */
export const GROUPS = { modp2048: 'aes256-sha256-modp2048', ecp256: 'aes256-sha256-ecp256' } as const;

/**
 * Lives until V8 has compiled what is to be compiled, at the gateway and, which is a new process in each round, at the
 * generator; not counted. After 500 its compiler still takes a millisecond a life, after 2,000 a third of that.
 */
const WARM_UP = 2000;
const WARM_UP_OF_GENERATOR = 1000;
const CONCURRENCY = 32;
const SINGLE_CONNECTIONS = 20;
const ROUND_TRIP_MS = 50;
const MOST_SECONDS = 120;

/**
 * What the protocols must wait for, one after the other, where each side says as much as it may at once:
 * Main Mode 3, Quick Mode 1 (its third message travels with SCCRQ), SCCRQ–SCCRP 1, SCCCN and ICRQ–ICRP 1,
 * ICCN with LCP's requests 1, LCP's acknowledgement–Challenge 1, Response–Success 1,
 * IPCP's request–Nak 1 (the address), request–Ack 1.
 */
export const ROUND_TRIPS = 11;

export interface LivesLine {
  readonly group: string;
  /** Median of the rounds. */
  readonly livesPerSecond: number;
  readonly eachRound: readonly number[];
  readonly gatewayCpuMillisecondsPerLife: number;
  readonly generatorCpuMillisecondsPerLife: number;
  readonly failed: number;
  readonly medianConnectMilliseconds: number;
  /** Of the machine when the rounds began: above 2 others were at work. */
  readonly loadAverage: number;
}

export interface ConnectLine {
  readonly group: string;
  readonly roundTripMilliseconds: number;
  readonly medianConnectMilliseconds: number;
  readonly protocolMinimumMilliseconds: number;
  /** Over the minimum; absent where there is none. */
  readonly ratio?: number;
}

export async function benchSetup({ rounds, count }: { readonly rounds: number; readonly count: number }) {
  const lines: (LivesLine | ConnectLine)[] = [];
  for (const group of Object.keys(GROUPS) as (keyof typeof GROUPS)[]) lines.push(await lives(group, rounds, count));
  for (const roundTrip of [0, ROUND_TRIP_MS]) lines.push(await connect('modp2048', roundTrip));
  return lines;
}

async function lives(group: keyof typeof GROUPS, rounds: number, count: number): Promise<LivesLine> {
  const underLoad = await UnderLoad.start();
  try {
    const run = async (connections: number) => {
      const load = underLoad.load({
        count: connections,
        warmUp: WARM_UP_OF_GENERATOR,
        concurrency: CONCURRENCY,
        seconds: MOST_SECONDS,
        ike: GROUPS[group],
      });
      const result = await resultOf(load, MOST_SECONDS + 30);
      await load.end();
      return result;
    };
    progress(`${group}: warm-up`);
    await run(WARM_UP - WARM_UP_OF_GENERATOR);
    const loadAverage = loadavg()[0]!;
    const before = underLoad.cpuSeconds;
    const results = [];
    for (let i = 0; i < rounds; i++) {
      progress(`${group}: round ${i + 1} of ${rounds}`);
      results.push(await run(count));
    }
    const cpu = underLoad.cpuSeconds - before;
    const completed = results.reduce((sum, result) => sum + result.completed, 0);
    const generatorCpu = results.reduce((sum, result) => sum + result.cpuSeconds, 0);
    return {
      group,
      livesPerSecond: median(results.map(({ perSecond }) => perSecond)),
      eachRound: results.map(({ perSecond }) => perSecond),
      gatewayCpuMillisecondsPerLife: milliseconds(cpu / (completed + rounds * WARM_UP_OF_GENERATOR)),
      generatorCpuMillisecondsPerLife: milliseconds(generatorCpu / completed),
      failed: results.reduce((sum, result) => sum + result.failed, 0),
      medianConnectMilliseconds: median(results.map(({ latency }) => latency?.median ?? Number.NaN)),
      loadAverage: round(loadAverage),
    };
  } finally {
    await underLoad.close();
  }
}

/** One connection after the other, so that only the way and the work for one count. */
async function connect(group: keyof typeof GROUPS, roundTripMilliseconds: number): Promise<ConnectLine> {
  progress(`${group}: one connection after the other at ${roundTripMilliseconds} ms RTT`);
  const underLoad = await UnderLoad.start();
  try {
    const server = roundTripMilliseconds === 0 ? {} : { server: await underLoad.delayed(roundTripMilliseconds) };
    const each = { count: SINGLE_CONNECTIONS, concurrency: 1, seconds: MOST_SECONDS, ike: GROUPS[group] };
    // The first run warms up what the second one measures.
    await (await ended(underLoad.load({ ...each, count: 100, concurrency: 8, ...server }))).end();
    const load = underLoad.load({ ...each, ...server });
    const { latency } = await resultOf(load, MOST_SECONDS);
    await load.end();
    const minimum = ROUND_TRIPS * roundTripMilliseconds;
    const measured = latency?.median ?? Number.NaN;
    return {
      group,
      roundTripMilliseconds,
      medianConnectMilliseconds: measured,
      protocolMinimumMilliseconds: minimum,
      ...(minimum === 0 ? {} : { ratio: Math.round((measured / minimum) * 1000) / 1000 }),
    };
  } finally {
    await underLoad.close();
  }
}

/** Hundredths of milliseconds, of seconds. */
const milliseconds = (seconds: number) => Math.round(seconds * 1e5) / 100;

async function ended(load: ReturnType<UnderLoad['load']>) {
  await resultOf(load, MOST_SECONDS);
  return load;
}
