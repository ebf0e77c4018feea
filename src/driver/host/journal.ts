/**
 * The record of what was changed on the host, in a file of JSON lines: each change is written, and on the disk, before
 * it is made, and crossed out when it is undone. What a killed process left is read from here by the next one.
 */

import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { makeDirectory } from '../makeDirectory.ts';
import type { Before, HostChange } from './change.ts';

export interface JournalEntry {
  readonly id: number;
  readonly change: HostChange;
  readonly before: Before;
}

/** The process that the journal belongs to, and where its changes are valid. */
export interface JournalOwner {
  readonly pid: number;
  /** Start of the process in clock ticks since boot: tells it from a later one with the same pid. */
  readonly started: string;
  /** Changes of the kernel's state do not outlive a boot. */
  readonly boot: string;
  /** Network namespace. */
  readonly namespace: string;
}

/** What a former process left in the journal. */
export interface FoundJournal {
  readonly owner: JournalOwner;
  /** Not undone, in the order in which they were made. */
  readonly entries: readonly JournalEntry[];
}

type Line = { readonly owner: JournalOwner } | JournalEntry | { readonly undone: number };

const FILE_MODE = 0o600;

export class Journal {
  readonly #path: string;
  readonly #entries: JournalEntry[] = [];
  #fd: number | undefined;
  #nextId = 1;

  /** @param path the file; made with the first change, removed with the last undo */
  constructor(path: string) {
    this.#path = path;
  }

  /** What is open, in the order in which it was made. */
  get entries(): readonly JournalEntry[] {
    return this.#entries;
  }

  /** Returns when the line is on the disk. */
  write(change: HostChange, before: Before): JournalEntry {
    this.#fd ??= this.#start();
    return this.#add({ id: this.#nextId++, change, before });
  }

  /** Says that the change is undone, or was never made. */
  crossOut(entry: JournalEntry): void {
    const at = this.#entries.indexOf(entry);
    if (at < 0 || this.#fd === undefined) return;
    this.#entries.splice(at, 1);
    if (this.#entries.length > 0) this.#append({ undone: entry.id });
    else this.#finish();
  }

  #add(entry: JournalEntry): JournalEntry {
    this.#append(entry);
    this.#entries.push(entry);
    return entry;
  }

  /** What `recover` had to leave is taken over, so that it is tried again at the end. */
  #start(): number {
    makeDirectory(dirname(this.#path), 0o755);
    const left = readJournal(this.#path)?.entries ?? [];
    const fd = openSync(this.#path, 'w', FILE_MODE);
    this.#fd = fd;
    this.#append({ owner: currentOwner() });
    for (const { change, before } of left) this.#add({ id: this.#nextId++, change, before });
    return fd;
  }

  #append(line: Line): void {
    writeSync(this.#fd!, `${JSON.stringify(line)}\n`);
    fsyncSync(this.#fd!);
  }

  #finish(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
    rmSync(this.#path, { force: true });
  }
}

/** @returns undefined where there is no journal, or none with a change in it */
export function readJournal(path: string): FoundJournal | undefined {
  if (!existsSync(path)) return undefined;
  const entries = new Map<number, JournalEntry>();
  let owner: JournalOwner | undefined;
  for (const text of readFileSync(path, 'utf8').split('\n')) {
    const line = parseLine(text);
    if (line === undefined) continue;
    if ('owner' in line) owner = line.owner;
    else if ('undone' in line) entries.delete(line.undone);
    else entries.set(line.id, line);
  }
  return owner === undefined ? undefined : { owner, entries: [...entries.values()] };
}

/** Leaves only `entries` in the journal of a former process: what could not be undone yet. No entries: no file. */
export function replaceJournal(path: string, { owner, entries }: FoundJournal): void {
  if (entries.length === 0) {
    rmSync(path, { force: true });
    return;
  }
  const text = [{ owner }, ...entries].map((line) => `${JSON.stringify(line)}\n`).join('');
  writeFileSync(`${path}.new`, text, { mode: FILE_MODE });
  renameSync(`${path}.new`, path);
}

export function currentOwner(): JournalOwner {
  return {
    pid: process.pid,
    started: processStart(process.pid) ?? '',
    boot: readText('/proc/sys/kernel/random/boot_id') ?? '',
    namespace: attempt(() => readlinkSync('/proc/self/ns/net')) ?? '',
  };
}

/** Whether the process that wrote the journal still runs. */
export function isAlive(owner: JournalOwner): boolean {
  const { boot } = currentOwner();
  return owner.boot === boot && owner.started !== '' && processStart(owner.pid) === owner.started;
}

/** Field 22 of /proc/PID/stat; the name in field 2 may hold spaces and brackets. */
function processStart(pid: number): string | undefined {
  const stat = readText(`/proc/${pid}/stat`);
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
}

/** A last line that was cut off by the crash belongs to a change that was not made yet. */
function parseLine(text: string): Line | undefined {
  return text === '' ? undefined : attempt(() => JSON.parse(text) as Line);
}

const readText = (path: string): string | undefined => attempt(() => readFileSync(path, 'utf8').trim());

function attempt<Result>(work: () => Result): Result | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
