/** A run of our command line in a namespace, watched through its JSON log. */

import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { end, type Machine, type Result, sh, start } from './process.ts';
import type { Namespace } from './topology.ts';

/** The program's entry. */
export const SALLYPORT =
  process.env.SALLYPORT_PROGRAM ?? fileURLToPath(new URL('../../bin/sallyport.js', import.meta.url));

/** One line of the JSON log. */
export type LogLine = Readonly<Record<string, unknown>>;

export class OurEnd implements Machine {
  readonly namespace: Namespace;
  readonly folder: string;
  readonly lines: LogLine[] = [];
  #text = '';
  #child: ChildProcess | undefined;
  #before = '';
  #words: readonly string[] = [];
  readonly #watchers = new Set<() => void>();

  constructor(namespace: Namespace, folder: string) {
    this.namespace = namespace;
    this.folder = folder;
  }

  get name(): string {
    return this.namespace.name.replace(/^.*?\d+-/, '');
  }

  get lab(): string {
    return this.namespace.lab;
  }

  get state(): string {
    return join(this.folder, 'state');
  }

  /** Where `keylog` puts its tables. */
  get keys(): string {
    return join(this.folder, 'keys');
  }

  run(script: string, seconds?: number): Promise<Result> {
    return this.namespace.run(script, seconds);
  }

  logs(): string {
    return this.#text;
  }

  async kill(): Promise<void> {
    if (this.#child !== undefined) await end(this.#child, 'SIGKILL');
  }

  /** The first log line, seen or still to come, that the test accepts. Fails when the process ends before. */
  line(what: string, accepts: (line: LogLine) => boolean, seconds: number): Promise<LogLine> {
    return new Promise((resolve, reject) => {
      const done = (act: () => void) => {
        clearTimeout(timer);
        this.#watchers.delete(look);
        act();
      };
      const look = () => {
        const found = this.lines.find(accepts);
        if (found !== undefined) done(() => resolve(found));
        else if (this.ended) done(() => reject(new Error(`${this.name} ended without: ${what}\n${this.tail()}`)));
      };
      const timer = setTimeout(
        () => done(() => reject(new Error(`${this.name}: not in ${seconds} s: ${what}\n${this.tail()}`))),
        seconds * 1000,
      );
      this.#watchers.add(look);
      look();
    });
  }

  /** Waits for a log line that carries a reason code, at any depth. */
  async reason(code: string, seconds = 40): Promise<void> {
    await this.line(`reason ${code}`, (line) => carries(line, code), seconds);
  }

  protected get ended(): boolean {
    return this.#child === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  protected async launch(words: readonly string[]): Promise<void> {
    mkdirSync(this.state, { recursive: true });
    this.#before = await hostState(this.namespace);
    this.#words = words;
    this.#run();
  }

  /** Starts what was killed, as it was started first. What the killed one left on the host is not what it found. */
  protected relaunch(): void {
    this.#run();
  }

  #run(): void {
    this.lines.length = 0;
    const command = this.namespace.command('node', SALLYPORT, ...this.#words);
    const child = start(command, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    for (const stream of [child.stdout!, child.stderr!])
      createInterface({ input: stream }).on('line', (line) => this.#take(line));
    child.once('close', () => this.#wake());
  }

  /** Sends a signal, waits for the end, and checks the exit code and that the host is as it was before. */
  protected async finish(signal: NodeJS.Signals): Promise<void> {
    const code = await end(this.#child!, signal, 15);
    assert.equal(code, 0, `${this.name}: exit code after ${signal}\n${this.tail()}`);
    assert.equal(await hostState(this.namespace), this.#before, `${this.name} leaves the host as it found it`);
  }

  /** Waits for the process to end by itself. */
  protected async exited(seconds: number): Promise<number | null> {
    const child = this.#child!;
    if (!this.ended) {
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`${this.name} still runs\n${this.tail()}`)), seconds * 1000);
        child.once('close', () => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
    assert.equal(await hostState(this.namespace), this.#before, `${this.name} leaves the host as it found it`);
    return child.exitCode;
  }

  protected sallyport(...words: string[]): Promise<string> {
    return sh(this.namespace, ['node', SALLYPORT, ...words, '--state', this.state].map(quote).join(' '));
  }

  protected write(name: string, text: string): string {
    const file = join(this.folder, name);
    writeFileSync(file, text, { mode: 0o600 });
    return file;
  }

  private tail(): string {
    return this.#text.split('\n').slice(-15).join('\n');
  }

  #take(line: string): void {
    this.#text += `${line}\n`;
    try {
      this.lines.push(JSON.parse(line));
    } catch {
      // Not every line is of the log: the connection card, a warning of Node.
    }
    this.#wake();
  }

  #wake(): void {
    for (const look of [...this.#watchers]) look();
  }
}

/** All that a gateway or a client may change on its host. */
function hostState(namespace: Namespace): Promise<string> {
  return sh(
    namespace,
    `ip -o address show | sed 's/ valid_lft.*//'; ip route show table all; ip rule; ip -o link show type tun
    nft list ruleset; cat /proc/sys/net/ipv4/ip_forward; ip xfrm state`,
  );
}

function carries(value: unknown, code: string): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(value).some(([key, inner]) => (key === 'code' && inner === code) || carries(inner, code));
}

function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
