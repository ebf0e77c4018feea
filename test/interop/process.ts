/** Child processes of the harness: run to the end or kept running, and never alive after it. */

import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';

export interface Result {
  readonly code: number | null;
  /** Standard output and standard error, in the order in which they came. */
  readonly output: string;
}

/** Something that runs shell scripts: this host, one of its network namespaces, or a guest. */
export interface Machine {
  readonly name: string;
  /** The folder with `payload` and the perl scripts, as this machine sees it. */
  readonly lab: string;
  /** Runs a bash script to its end. Throws only when it takes longer than `seconds`. */
  run(script: string, seconds?: number): Promise<Result>;
}

/** As `Machine.run`, and throws with the output when the script fails. Returns the output without the last line end. */
export async function sh(machine: Machine, script: string, seconds?: number): Promise<string> {
  const { code, output } = await machine.run(script, seconds);
  if (code !== 0) throw new Error(`${machine.name}: exit ${code} of: ${script.trim()}\n${output}`);
  return output.trimEnd();
}

export const host: Machine = {
  name: 'host',
  lab: '/',
  run: (script, seconds) => runProcess(['bash', '-c', script], seconds),
};

/** Runs a command to its end, with a limit in seconds after which it is killed. */
export async function runProcess(command: readonly string[], seconds = 30): Promise<Result> {
  const child = start(command, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const add = (chunk: Buffer) => {
    output += chunk;
  };
  child.stdout?.on('data', add);
  child.stderr?.on('data', add);
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`longer than ${seconds} s: ${command.join(' ')}\n${output}`));
    }, seconds * 1000);
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(timer);
      resolve({ code, output });
    });
  });
}

/** Starts a command that dies with this process, however this process ends. */
export function start(command: readonly string[], options: SpawnOptions): ChildProcess {
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', ...command], options);
  child.once('close', () => closed.add(child));
  return child;
}

/** Children that have ended and whose pipes nobody holds any more, so that their own children have ended as well. */
const closed = new WeakSet<ChildProcess>();

/** Ends a child with `signal`, with SIGKILL after `seconds`. Resolves as `gone`. */
export function end(child: ChildProcess, signal: NodeJS.Signals = 'SIGKILL', seconds = 5): Promise<number | null> {
  child.kill(signal);
  return gone(child, seconds);
}

/** Resolves with the exit code once all of a child is gone; kills it after `seconds`. */
export async function gone(child: ChildProcess, seconds: number): Promise<number | null> {
  if (closed.has(child)) return child.exitCode;
  return new Promise((resolve) => {
    const timer = setTimeout(() => child.kill('SIGKILL'), seconds * 1000);
    child.once('close', (code) => {
      clearTimeout(timer);
      resolve(code);
    });
  });
}
