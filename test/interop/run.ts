/** Runs the cases one after another in one lab, one line each, and keeps the logs of those that fail. */

import { mkdirSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { byHand } from './byHand.ts';
import type { Case } from './case.ts';
import { Lab } from './lab.ts';
import { installPackages } from './packages.ts';

const CASE_SECONDS = 60;
const TAIL_LINES = 20;

/**
 * Runs the cases whose name matches `pattern` (a regular expression, any case), or the lab for a person with
 * `--by-hand`. Returns the exit code.
 */
export async function runInterop(pattern: string): Promise<number> {
  if (process.getuid?.() !== 0) {
    console.error('The interop tests make network namespaces and install packages: run them as root.');
    return 1;
  }
  if (pattern === '--by-hand') return inLab(byHand);
  const cases = (await loadCases()).filter(({ name }) => new RegExp(pattern, 'i').test(name));
  if (cases.length === 0) {
    console.error(`No case matches ${pattern}.`);
    return 1;
  }
  return inLab(async (lab) => {
    let failed = 0;
    for (const group of groupsOf(cases)) failed += await runGroup(lab, group);
    console.log(`${cases.length - failed} passed, ${failed} failed`);
    return failed === 0 ? 0 : 1;
  });
}

/** Makes a lab for `work`, and removes it whatever happens. */
async function inLab(work: (lab: Lab) => Promise<number>): Promise<number> {
  process.env.PATH += ':/usr/sbin:/sbin';
  await installPackages();
  const lab = await Lab.create();
  endOnSignal(lab);
  try {
    return await work(lab);
  } finally {
    await lab.remove();
  }
}

async function loadCases(): Promise<Case[]> {
  const folder = new URL('./cases/', import.meta.url);
  const cases: Case[] = [];
  for (const file of readdirSync(folder).sort()) {
    const module = (await import(new URL(file, folder).href)) as { cases: readonly Case[] };
    cases.push(...module.cases);
  }
  return cases;
}

/** Cases that run one after another, and among them those that run side by side, where the first of them stands. */
function groupsOf(cases: readonly Case[]): Case[][] {
  const groups = new Map<unknown, Case[]>();
  for (const one of cases) {
    const key = one.beside ?? one;
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  return [...groups.values()];
}

/** @returns how many failed */
async function runGroup(lab: Lab, group: readonly Case[]): Promise<number> {
  const passed = await Promise.all(group.map((one) => runCase(lab, one)));
  const failed = group.filter((_, at) => !passed[at]);
  if (failed.length === 0) {
    await within(CASE_SECONDS, lab.clean()).catch(() => lab.discard());
    return 0;
  }
  await keepLogs(lab, failed.map(({ name }) => name).join(' '));
  await lab.discard();
  return failed.length;
}

async function runCase(lab: Lab, { name, seconds = CASE_SECONDS, run }: Case): Promise<boolean> {
  const start = performance.now();
  const time = () => `${((performance.now() - start) / 1000).toFixed(1)} s`;
  try {
    const found = await within(seconds, run(lab));
    console.log(`ok    ${name} (${time()})${typeof found === 'string' ? `: ${found}` : ''}`);
    return true;
  } catch (error) {
    console.log(`FAIL  ${name} (${time()})`);
    console.log(indent(error instanceof Error ? (error.stack ?? error.message) : String(error)));
    return false;
  }
}

/** Of the folder of many cases' logs. Characters. */
const LONGEST_NAME = 100;

async function keepLogs(lab: Lab, name: string): Promise<void> {
  const parent = join(tmpdir(), 'sallyport-interop-logs');
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(join(parent, `${name.replaceAll(/\W+/g, '-').slice(0, LONGEST_NAME)}-`));
  for (const [machine, log] of await lab.logs()) {
    const file = join(folder, `${machine}.log`);
    writeFileSync(file, log);
    console.log(`      --- end of ${file}\n${indent(tail(log))}`);
  }
}

/** The last lines of each section of a log; sections begin as `tail` writes them. */
function tail(log: string): string {
  return log
    .split(/^(?===> )/m)
    .map((section) => section.trimEnd().split('\n'))
    .filter((lines) => lines.length > 1)
    .map((lines) => (lines.length <= TAIL_LINES ? lines : [lines[0], '…', ...lines.slice(-TAIL_LINES)]).join('\n'))
    .join('\n');
}

async function within<T>(seconds: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done in ${seconds} s`)), seconds * 1000);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

function endOnSignal(lab: Lab): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      console.error(`\n${signal}: removing the lab`);
      lab.remove().finally(() => process.exit(130));
    });
  }
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, '      ');
}
