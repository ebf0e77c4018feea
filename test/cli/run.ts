/** Runs the command line, in this process or in one of its own. */

import { spawn } from 'node:child_process';
import { mock } from 'node:test';
import { fileURLToPath } from 'node:url';
import { explain } from '../../src/cli/explain.ts';
import { makeProgram } from '../../src/cli/program.ts';

export interface Ran {
  readonly out: string;
  readonly err: string;
  readonly code: number | null;
}

const SALLYPORT = fileURLToPath(new URL('../../bin/sallyport.js', import.meta.url));

/** In this process: fast, but one at a time, and without the program's own handling of errors on standard error. */
export async function inProcess(...words: string[]): Promise<Ran> {
  let out = '';
  let err = '';
  const program = makeProgram();
  const streams = {
    writeOut: (text: string) => {
      out += text;
    },
    writeErr: (text: string) => {
      err += text;
    },
  };
  for (const command of [program, ...program.commands, ...program.commands.flatMap(({ commands }) => commands)]) {
    command.configureOutput(streams);
  }
  const mocks = [
    mock.method(console, 'log', (text: string) => streams.writeOut(`${text}\n`)),
    mock.method(console, 'error', (text: string) => streams.writeErr(`${text}\n`)),
  ];
  try {
    await program.parseAsync(['node', 'sallyport', ...words]);
    return { out, err, code: 0 };
  } catch (error) {
    const { text, exitCode } = explain(error);
    return { out, err: err + text, code: exitCode };
  } finally {
    for (const mocked of mocks) mocked.mock.restore();
  }
}

/** As people run it. */
export function asProcess(words: readonly string[], input = ''): Promise<Ran> {
  const child = spawn(process.execPath, [SALLYPORT, ...words], { stdio: 'pipe' });
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    err += text;
  });
  child.stdin.end(input);
  return new Promise((resolve) => child.once('close', (code) => resolve({ out, err, code })));
}
