/**
 * `npm run sim -- --seeds 1000 --from 1 --jobs 2`: that many lives on the simulated network, each a day long.
 * `npm run sim -- --seed 7` (or SEED=7) replays one and prints its timeline, with `--trace` each message. `--ikev1`: clients
 * speak that alone; `--ikev2`: every life is one of IKEv2; else every second is. Exits with 1 where a life failed.
 */

import { execFileSync, fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Life, LifeFailed, type LifeReport } from '../test/sim/life/life.ts';

/** Seeds that a process is given at a time. */
const PORTION = 10;
/** Lines of a failed life's timeline that are printed. */
const LAST_LINES = 25;

type Told =
  | { readonly report: LifeReport }
  | { readonly failed: number; readonly text: string }
  | { readonly next: true };

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '100' },
    from: { type: 'string', default: '1' },
    jobs: { type: 'string', default: String(availableParallelism()) },
    seed: { type: 'string' },
    trace: { type: 'boolean', default: false },
    ikev1: { type: 'boolean', default: false },
    ikev2: { type: 'boolean', default: false },
  },
});
if (values.ikev1 && values.ikev2) throw new RangeError('--ikev1 and --ikev2 exclude each other');
const versions = values.ikev1 ? 'v1' : values.ikev2 ? 'v2' : 'both';
/** The options that choose them, for processes of their own and for replays. */
const chosen = { v1: ['--ikev1'], v2: ['--ikev2'], both: [] }[versions];

const one = values.seed ?? process.env.SEED;
if (process.send !== undefined) work();
else if (one !== undefined) replay(Number(one));
else process.exitCode = await runAll(Number(values.from), Number(values.seeds), Number(values.jobs));

function replay(seed: number): void {
  try {
    console.log(JSON.stringify(new Life(seed, (line) => console.log(line), values.trace, versions).run()));
  } catch (error) {
    if (!(error instanceof LifeFailed)) throw error;
    console.log(`FAILED  ${error.message}`);
    process.exitCode = 1;
  }
}

/** A process of its own: lives the seeds that it is sent. */
function work(): void {
  const tell = (told: Told) => process.send?.(told);
  process.on('message', ({ from, count }: { readonly from: number; readonly count: number }) => {
    for (let seed = from; seed < from + count; seed++) {
      try {
        tell({ report: new Life(seed, undefined, false, versions).run() });
      } catch (error) {
        const known = error instanceof LifeFailed;
        const lines = known ? error.timeline.slice(-LAST_LINES).map((line) => `    ${line}`) : [];
        tell({ failed: seed, text: [known ? error.message : String(error), ...lines].join('\n') });
      }
    }
    tell({ next: true });
  });
  tell({ next: true });
}

async function runAll(from: number, count: number, jobs: number): Promise<number> {
  const began = performance.now();
  const reports: LifeReport[] = [];
  const failed: number[] = [];
  let next = from;
  const take = (child: ReturnType<typeof fork>, told: Told) => {
    if ('report' in told) reports.push(told.report);
    else if ('failed' in told) {
      failed.push(told.failed);
      const replayed = [...chosen, '--seed', told.failed].join(' ');
      console.log(`\nFAILED  ${told.text}\n  replay: npm run sim -- ${replayed}`);
    } else if (next >= from + count) child.disconnect();
    else {
      child.send({ from: next, count: Math.min(PORTION, from + count - next) });
      next += PORTION;
    }
  };
  const program = compiled();
  const job = () =>
    new Promise<void>((resolve, reject) => {
      const child = fork(program, chosen, { execArgv: [] });
      child.on('message', (told: Told) => take(child, told));
      child.on('error', reject);
      child.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`a process of lives ended with ${code}`))));
    });
  await Promise.all(Array.from({ length: Math.max(1, Math.min(jobs, count)) }, job));
  console.log(summary(reports, failed, (performance.now() - began) / 1000));
  return failed.length === 0 ? 0 : 1;
}

/** Compiled once: what runs through a loader is a fifth slower. @returns the path of this script */
function compiled(): string {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const folder = join(root, '.cache', 'sim');
  const words = ['--noEmit', 'false', '--noCheck', '--rootDir', root, '--outDir', folder];
  execFileSync(join(root, 'node_modules', '.bin', 'tsc'), ['-p', join(root, 'tsconfig.json'), ...words]);
  return join(folder, 'scripts', 'sim.js');
}

function summary(reports: readonly LifeReport[], failed: readonly number[], seconds: number): string {
  const sum = (of: (report: LifeReport) => number) => reports.reduce((total, report) => total + of(report), 0);
  const count = (number: number) => number.toLocaleString('en');
  return [
    `${reports.length + failed.length} lives in ${seconds.toFixed(0)} s, ${failed.length} failed`,
    `  ${count(sum(({ hours }) => hours))} hours, ${count(sum(({ devices }) => devices))} devices`,
    `  ${count(sum(({ connections }) => connections))} dials, ${count(sum(({ resumed }) => resumed))} with a ticket, ${count(sum(({ drops }) => drops))} drops, all after disturbances`,
    `  ${count(sum(({ rekeys }) => rekeys))} IKE SAs and renewed ESP SAs, ${count(sum(({ datagrams }) => datagrams))} datagrams`,
    `  ${count(sum(({ checks }) => checks))} checks that traffic flows`,
    ...(failed.length === 0 ? [] : [`  failed seeds: ${failed.join(' ')}`]),
  ].join('\n');
}
