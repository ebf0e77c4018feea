/** Commands and daemons that a bench runs; all daemons end with it. */

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { undoAtEnd } from './undo.ts';

/** The longest that a command may block. Daemons wait meanwhile where they write much. */
const MOST_SECONDS = 300;

/** Output of a command. @throws Error with what it said on stderr */
export function run(command: readonly string[], input = ''): string {
  const [file = '', ...words] = command;
  try {
    return execFileSync(file, words, { encoding: 'utf8', input, timeout: MOST_SECONDS * 1000, stdio: 'pipe' });
  } catch (error) {
    const { stderr, stdout } = error as { readonly stderr?: string; readonly stdout?: string };
    throw new Error(`${command.join(' ')}: ${stderr || stdout || (error as Error).message}`);
  }
}

/** As `run`, without blocking: what runs meanwhile is served. */
export function runAside(command: readonly string[], seconds: number): Promise<string> {
  const [file = '', ...words] = command;
  return new Promise((resolve, reject) => {
    const child = spawn(file, words, { stdio: ['ignore', 'pipe', 'pipe'] });
    let [output, errors] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      errors += chunk.toString();
    });
    const kill = undoAtEnd(() => child.kill('SIGKILL'));
    const timer = setTimeout(kill, seconds * 1000);
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(timer);
      kill();
      if (code === 0) resolve(output);
      else reject(new Error(`${command.join(' ')} ended with ${code}: ${errors || output.slice(-400)}`));
    });
  });
}

export interface Daemon {
  readonly pid: number;
  /** All that it has written so far. */
  readonly output: () => string;
  /** Ends it, by force where it does not go within five seconds. */
  stop(): Promise<void>;
}

export function startDaemon(command: readonly string[], environment: Readonly<Record<string, string>> = {}): Daemon {
  const [file = '', ...words] = command;
  const child: ChildProcess = spawn(file, words, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NODE_OPTIONS: '', ...environment },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
  }
  const kill = undoAtEnd(() => child.kill('SIGKILL'));
  const ended = new Promise<void>((resolve) =>
    child.once('close', () => {
      kill();
      resolve();
    }),
  );
  child.once('error', (error) => {
    output += error.message;
  });
  return {
    pid: child.pid ?? -1,
    output: () => output,
    stop: async () => {
      if (child.exitCode === null) child.kill('SIGTERM');
      const timer = setTimeout(kill, 5000);
      await ended;
      clearTimeout(timer);
    },
  };
}

/**
 * Tries until `test` gives something.
 * @throws Error after `seconds`, with what was `seen`
 */
export async function until<Value>(
  what: string,
  seconds: number,
  test: () => Value | undefined | false | Promise<Value | undefined | false>,
  seen: () => string = () => '',
): Promise<Value> {
  const end = performance.now() + seconds * 1000;
  for (;;) {
    const value = await test();
    if (value !== undefined && value !== false) return value;
    if (performance.now() > end) throw new Error(`${what}: not within ${seconds} s. ${seen()}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
