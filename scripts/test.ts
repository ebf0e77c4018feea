/**
 * `npm test [-- PATTERN …]`: every test that needs no foreign peer and is not slow. A PATTERN is a part of a test file's
 * path. `npm test -- --slow`: the slow ones.
 *
 * Files of one folder share a process, because starting one costs more than most files run; a suite named after the
 * file stands around each. Tests that make network namespaces (*.netns.test.ts) have a process each, and need root.
 */

import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compiledProgram } from '../bench/compiled.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** Where the files stand that gather a folder's tests. */
const ENTRIES = join('.cache', 'test');
/** Groups beside one for each processor: those in namespaces mostly wait for programs to start and for timers. */
const WAITING = 1;
/** Runs only the files named `*.slow.*`, which the run of every day leaves out to stay under a minute. */
const SLOW = '--slow';
const isSlow = (file: string) => file.includes('.slow.');

/** Folders of pure code that share a process: each process costs half a second of a processor to start. */
const TOGETHER = [
  ['core', 'wire', 'crypto', 'esp', 'net', 'ike', 'l2tp', 'dataplane'],
  ['ppp', 'session', 'client', 'gateway', 'collisions', 'sim'],
];
/** A run that takes longer hangs. */
const MOST_SECONDS = 300;

process.chdir(ROOT);
process.exitCode = await run(process.argv.slice(2));

async function run(words: readonly string[]): Promise<number> {
  const patterns = words.filter((word) => word !== SLOW);
  const slow = words.includes(SLOW);
  const named = testFiles().filter((file) => patterns.length === 0 || patterns.some((p) => file.includes(p)));
  // Who names files gets them all; else the slow ones are a run of their own.
  const files = named.filter((file) => (patterns.length > 0 && !slow) || isSlow(file) === slow);
  if (!slow && patterns.length === 0) {
    console.log(`Left to \`npm test -- ${SLOW}\`: ${named.filter(isSlow).join(', ')}`);
  }
  if (files.length === 0) {
    console.error(`No test file's path holds ${patterns.map((p) => JSON.stringify(p)).join(' or ')}.`);
    return 2;
  }
  const inNamespaces = files.filter((file) => file.endsWith('.netns.test.ts'));
  const obstacle = inNamespaces.length === 0 ? undefined : namespaceObstacle();
  if (obstacle !== undefined) {
    console.log(`Skipped, because ${obstacle}:`);
    for (const file of inNamespaces) console.log(`  ${file}`);
  }
  rmSync(ENTRIES, { recursive: true, force: true });
  mkdirSync(ENTRIES, { recursive: true });
  const entries = [...byFolder(files.filter((file) => !inNamespaces.includes(file)))]
    .sort(([, a], [, b]) => bytesOf(b) - bytesOf(a))
    .map(([folder, members]) => writeEntry(folder, members.map(suite)));
  if (obstacle !== undefined) entries.push(writeEntry('skipped', [skipped(inNamespaces, obstacle)]));
  // Those in namespaces wait more than they compute, so they begin first.
  return runner([...(obstacle === undefined ? inNamespaces : []), ...entries]);
}

function testFiles(): string[] {
  return readdirSync('test', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts') && !name.startsWith(`interop${sep}`))
    .map((name) => join('test', name))
    .sort();
}

/** Why no network namespace can be made here; undefined where it can. */
function namespaceObstacle(): string | undefined {
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  const { status, error } = spawnSync('unshare', ['--net', 'true'], { stdio: 'ignore' });
  return status === 0 && error === undefined ? undefined : 'this machine does not let root make network namespaces';
}

function byFolder(files: readonly string[]): Map<string, string[]> {
  const folders = new Map<string, string[]>();
  for (const file of files) {
    const [, folder, ...rest] = file.split(sep);
    const name =
      rest.length === 0 ? 'project' : (TOGETHER.find((group) => group.includes(folder!))?.join('-') ?? folder!);
    folders.set(name, [...(folders.get(name) ?? []), file]);
  }
  return folders;
}

/** A guess at how long they run, so that long ones do not begin last. */
function bytesOf(files: readonly string[]): number {
  return files.reduce((sum, file) => sum + statSync(file).size, 0);
}

function writeEntry(name: string, lines: readonly string[]): string {
  const file = join(ENTRIES, `${name}.test.ts`);
  writeFileSync(file, ["import { describe, test } from 'node:test';", ...lines, ''].join('\n'));
  return file;
}

function suite(file: string): string {
  const url = JSON.stringify(new URL(file, `file://${ROOT}`).href);
  return `describe(${JSON.stringify(file)}, async () => { await import(${url}); });`;
}

function skipped(files: readonly string[], why: string): string {
  return files.map((file) => `test(${JSON.stringify(file)}, { skip: ${JSON.stringify(why)} });`).join('\n');
}

function runner(entries: readonly string[]): Promise<number> {
  // As it is published, the program starts in a third of the time that it needs from the sources.
  const program = entries.some((file) => file.endsWith('.netns.test.ts'))
    ? { SALLYPORT_PROGRAM: compiledProgram() }
    : {};
  const child = spawn(
    process.execPath,
    [
      '--import',
      'tsx',
      '--test',
      '--test-reporter=spec',
      `--test-concurrency=${availableParallelism() + WAITING}`,
      ...entries,
    ],
    { stdio: ['ignore', 'inherit', 'inherit'], env: { ...process.env, ...program } },
  );
  const timer = setTimeout(() => {
    console.error(`The tests took longer than ${MOST_SECONDS} s and were stopped.`);
    child.kill('SIGTERM');
  }, MOST_SECONDS * 1000);
  return new Promise((resolve) => {
    child.once('close', (code) => {
      clearTimeout(timer);
      resolve(code ?? 1);
    });
  });
}
