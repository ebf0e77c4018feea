/** What sessions cost a gateway that only stand: memory and CPU time, and how long the last ones took to set up. */

import { loadavg } from 'node:os';
import type { LoadProgress } from '../src/process/load/loadRun.ts';
import { round } from '../src/process/load/statistics.ts';
import { UnderLoad } from './underLoad.ts';

export const SCALES: readonly number[] = [1, 100, 1000, 10_000];

const CONCURRENCY = 24;
/** Long enough for every timer of an idle session to fire: keepalive 20 s, echo 30 s, DPD 30 s, HELLO 60 s. */
const IDLE_SECONDS = 90;
/** After the last set-up, until what that left behind is collected. */
const SETTLE_SECONDS = 10;
const MOST_SECONDS = 1200;

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
  readonly loadAverage: number;
}

export async function benchScale(scales: readonly number[]): Promise<ScaleLine[]> {
  const lines: ScaleLine[] = [];
  for (const sessions of scales) lines.push(await scale(sessions));
  return lines;
}

async function scale(sessions: number): Promise<ScaleLine> {
  const underLoad = await UnderLoad.start();
  try {
    const emptyMegabytes = underLoad.residentMegabytes;
    const load = underLoad.load({ count: sessions, concurrency: CONCURRENCY, seconds: MOST_SECONDS, hold: true });
    const held = (await load.event('held', MOST_SECONDS)) as unknown as LoadProgress;
    await sleep(SETTLE_SECONDS);
    const loadAverage = loadavg()[0]!;
    const before = underLoad.threads;
    await sleep(IDLE_SECONDS);
    const used = underLoad.threads.map((seconds, i) => ((seconds - (before[i] ?? 0)) / IDLE_SECONDS) * 100);
    const { residentMegabytes } = underLoad;
    await load.stop('SIGINT', 120);
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
      loadAverage: round(loadAverage),
    };
  } finally {
    await underLoad.close();
  }
}

const hundredths = (value: number) => Math.round(value * 100) / 100;
const sleep = (seconds: number) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));
