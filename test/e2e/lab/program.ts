/** A run of the real command line in a namespace, watched through its JSON log. */

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Namespace } from '../../driver/namespace.ts';

/** Seconds that anything may take: what takes 1 s on a quiet machine may take 10 on one that builds beside. */
const PATIENCE = 40;

/** Where there is `setpriv`, a program does not outlive a test that is killed. */
const DIES_WITH_US = existsSync('/usr/bin/setpriv') ? ['/usr/bin/setpriv', '--pdeathsig', 'KILL'] : [];
/** `npm test` compiles the program once, as it is published: from the sources each start costs 1.5 s of a processor. */
const SALLYPORT = process.env.SALLYPORT_PROGRAM ?? fileURLToPath(new URL('../../../bin/sallyport.js', import.meta.url));

/** A line of the JSON log. */
export interface LogLine extends Readonly<Record<string, unknown>> {
  readonly time: string;
  readonly level: string;
  readonly layer: string;
  readonly event: string;
  readonly msg: string;
}

export interface ProgramOptions {
  readonly environment?: Readonly<Record<string, string>>;
  /** Words of a command that runs it, such as `setpriv …`. */
  readonly under?: readonly string[];
  /** A shell script that is run before, in a mount namespace of the program's own. */
  readonly mounts?: string;
}

export class Program {
  readonly lines: LogLine[] = [];
  /** All that it wrote, on both streams. */
  text = '';
  errors = '';
  /** Exit code; a signal's name where one ended it. */
  readonly exited: Promise<number | string>;
  readonly #child: ChildProcess;
  readonly #name: string;
  readonly #watchers = new Set<() => void>();
  #ended = false;

  static sallyport(namespace: Namespace, words: readonly string[], options: ProgramOptions = {}): Program {
    const { mounts, under = [] } = options;
    const command = [...under, process.execPath, SALLYPORT, ...words];
    const whole =
      mounts === undefined ? command : ['unshare', '--mount', 'sh', '-ec', `${mounts}\nexec "$@"`, 'sh', ...command];
    return new Program(namespace, whole, `sallyport ${words[0]}`, options);
  }

  private constructor(namespace: Namespace, command: readonly string[], name: string, options: ProgramOptions) {
    this.#name = name;
    const { environment } = options;
    const [file = '', ...words] = [...DIES_WITH_US, ...command];
    this.#child = namespace.run(() =>
      spawn(file, words, {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, NODE_OPTIONS: '', ...environment },
      }),
    );
    for (const stream of ['stdout', 'stderr'] as const) {
      createInterface({ input: this.#child[stream]! }).on('line', (line) => this.#take(line, stream));
    }
    this.exited = new Promise((resolve) => {
      this.#child.once('error', (error) => this.#take(String(error), 'stderr'));
      this.#child.once('close', (code, signal) => {
        this.#ended = true;
        this.#wake();
        resolve(code ?? signal ?? -1);
      });
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Is told each log line, those that were written before too. */
  follow(take: (line: LogLine) => void): void {
    let next = 0;
    const look = () => {
      while (next < this.lines.length) take(this.lines[next++]!);
    };
    this.#watchers.add(look);
    look();
  }

  /** The first log line of an event, seen or still to come. */
  event(event: string, seconds = PATIENCE): Promise<LogLine> {
    return this.line(event, (line) => line.event === event, seconds);
  }

  /** The first log line, seen or still to come, that is accepted. Fails when the program ends before. */
  line(what: string, accepts: (line: LogLine) => boolean, seconds = PATIENCE): Promise<LogLine> {
    return this.#until(what, () => this.lines.find(accepts), seconds);
  }

  /** Waits for something in what it writes. */
  match(pattern: RegExp, seconds = PATIENCE): Promise<RegExpExecArray> {
    return this.#until(String(pattern), () => pattern.exec(this.text) ?? undefined, seconds);
  }

  /** Sends a signal and waits for the end. */
  async stop(signal: NodeJS.Signals = 'SIGINT', seconds = PATIENCE): Promise<number | string> {
    this.#child.kill(signal);
    return this.end(seconds);
  }

  /** Waits until it ends by itself. @returns the exit code, or a signal's name */
  async end(seconds = PATIENCE): Promise<number | string> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(this.#told(`did not end in ${seconds} s`))), seconds * 1000);
    });
    try {
      return await Promise.race([this.exited, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  kill(): void {
    if (!this.#ended) this.#child.kill('SIGKILL');
  }

  #until<Found>(what: string, find: () => Found | undefined, seconds: number): Promise<Found> {
    return new Promise((resolve, reject) => {
      const done = (act: () => void) => {
        clearTimeout(timer);
        this.#watchers.delete(look);
        act();
      };
      const look = () => {
        const found = find();
        if (found !== undefined) done(() => resolve(found));
        else if (this.#ended) done(() => reject(new Error(this.#told(`ended without ${what}`))));
      };
      const timer = setTimeout(
        () => done(() => reject(new Error(this.#told(`not in ${seconds} s: ${what}`)))),
        seconds * 1000,
      );
      this.#watchers.add(look);
      look();
    });
  }

  #told(what: string): string {
    return `${this.#name}: ${what}\n${this.text.split('\n').slice(-20).join('\n')}`;
  }

  #take(line: string, stream: 'stdout' | 'stderr'): void {
    this.text += `${line}\n`;
    if (stream === 'stderr') this.errors += `${line}\n`;
    else if (line.startsWith('{')) {
      try {
        this.lines.push(JSON.parse(line) as LogLine);
      } catch {
        // Pretty JSON of `--json` begins so too.
      }
    }
    this.#wake();
  }

  #wake(): void {
    for (const look of [...this.#watchers]) look();
  }
}
