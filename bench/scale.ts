/**
 * What sessions cost a gateway that only stand: memory and CPU time, how long the last ones took to set up, and how
 * fast one more client is beside them, against the same client when they have gone.
 */

import { loadavg } from 'node:os';
import type { LoadProgress } from '../src/process/load/loadRun.ts';
import { round } from '../src/process/load/statistics.ts';
import type { Program } from '../test/e2e/lab/program.ts';
import type { Daemon } from './command.ts';
import { startIperf, tcp } from './iperf.ts';
import { median } from './measure.ts';
import { installPackages } from './packages.ts';
import { progress } from './progress.ts';
import { INNER, UnderLoad } from './underLoad.ts';

export const SCALES: readonly number[] = [1, 100, 1000, 10_000];

/** What the unit in docs/security.md gives Node.js. */
const SERVICE_OPTIONS = '--max-semi-space-size=4';
const CONCURRENCY = 24;
/** Long enough for every timer of an idle session to fire: keepalive 20 s, echo 30 s, DPD 30 s, HELLO 60 s. */
const IDLE_SECONDS = 90;
/** After the last set-up, until what that left behind is collected. */
const SETTLE_SECONDS = 15;
const MOST_SECONDS = 1200;

export interface ScaleOptions {
  readonly scales: readonly number[];
  /** Measurements of throughput, and how long each is, in seconds. */
  readonly rounds: number;
  readonly seconds: number;
}

export interface ScaleLine {
  readonly sessions: number;
  readonly residentMegabytes: number;
  /** Of the gateway before the first session. */
  readonly emptyMegabytes: number;
  readonly kilobytesPerSession: number;
  /** Of one core, over the time of idling. */
  readonly idleCpuPercent: number;
  readonly controlPercent: number;
  readonly dataPlanePercent: number;
  readonly medianConnectMilliseconds: number;
  readonly setUpPerSecond: number;
  readonly failed: number;
  /** TCP to one more client, while the others stand and when they have gone: medians. */
  readonly gigabits: number;
  readonly gigabitsAlone: number;
  readonly ratio: number;
  readonly loadAverage: number;
}

export async function benchScale({ scales, rounds, seconds }: ScaleOptions): Promise<ScaleLine[]> {
  installPackages(['iperf3']);
  const lines: ScaleLine[] = [];
  for (const sessions of scales) lines.push(await scale(sessions, rounds, seconds));
  return lines;
}

async function scale(sessions: number, rounds: number, seconds: number): Promise<ScaleLine> {
  progress(`${sessions} sessions are set up`);
  const underLoad = await UnderLoad.start({ nodeOptions: SERVICE_OPTIONS });
  try {
    const emptyMegabytes = underLoad.residentMegabytes;
    const load = underLoad.load({ count: sessions, concurrency: CONCURRENCY, seconds: MOST_SECONDS, hold: true });
    const held = (await load.event('held', MOST_SECONDS)) as unknown as LoadProgress;
    progress(`${sessions} sessions stand idle for ${SETTLE_SECONDS + IDLE_SECONDS} s`);
    await sleep(SETTLE_SECONDS);
    const loadAverage = loadavg()[0]!;
    const before = underLoad.threads;
    await sleep(IDLE_SECONDS);
    const used = underLoad.threads.map((seconds, i) => ((seconds - (before[i] ?? 0)) / IDLE_SECONDS) * 100);
    const { residentMegabytes } = underLoad;
    progress('one more client, beside them and when they have gone');
    const one = await OneMore.start(underLoad);
    const gigabits = await one.gigabits(rounds, seconds);
    await load.stop('SIGINT', MOST_SECONDS);
    const gigabitsAlone = await one.gigabits(rounds, seconds);
    await one.stop();
    return {
      sessions,
      residentMegabytes: round(residentMegabytes),
      emptyMegabytes: round(emptyMegabytes),
      kilobytesPerSession: round(((residentMegabytes - emptyMegabytes) * 1000) / sessions),
      idleCpuPercent: hundredths(used.reduce((sum, percent) => sum + percent, 0)),
      controlPercent: hundredths(used[0] ?? 0),
      // The data plane's thread is the last that is started.
      dataPlanePercent: hundredths(used.at(-1) ?? 0),
      medianConnectMilliseconds: held.latency?.median ?? Number.NaN,
      setUpPerSecond: round(held.connected / held.seconds),
      failed: held.failed,
      gigabits: hundredths(gigabits),
      gigabitsAlone: hundredths(gigabitsAlone),
      ratio: hundredths(gigabits / gigabitsAlone),
      loadAverage: round(loadAverage),
    };
  } finally {
    await underLoad.close();
  }
}

/** A client beside those of the load run, and TCP to it. */
class OneMore {
  readonly #underLoad: UnderLoad;
  readonly #client: Program;
  readonly #iperf: Daemon;

  private constructor(underLoad: UnderLoad, client: Program, iperf: Daemon) {
    this.#underLoad = underLoad;
    this.#client = client;
    this.#iperf = iperf;
  }

  static async start(underLoad: UnderLoad): Promise<OneMore> {
    const client = underLoad.connect();
    await client.event('up');
    return new OneMore(underLoad, client, await startIperf(underLoad));
  }

  /** Median of what TCP carried to the client. */
  async gigabits(rounds: number, seconds: number): Promise<number> {
    const measured: number[] = [];
    for (let i = 0; i < rounds; i++) {
      const options = { address: INNER, flows: 1, direction: 'down', seconds } as const;
      measured.push((await tcp(this.#underLoad, options)).gigabits);
    }
    return median(measured);
  }

  async stop(): Promise<void> {
    await this.#iperf.stop();
    await this.#client.stop();
  }
}

const hundredths = (value: number) => Math.round(value * 100) / 100;
const sleep = (seconds: number) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));
