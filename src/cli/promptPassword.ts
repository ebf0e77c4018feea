/** Asks for a secret on the terminal without showing it. */

import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';

/** @returns what was typed; undefined where standard input is no terminal or nothing was typed */
export async function promptPassword(prompt: string): Promise<string | undefined> {
  if (!process.stdin.isTTY) return undefined;
  process.stderr.write(prompt);
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: silent, terminal: true });
  try {
    const typed = await new Promise<string>((resolve) => lines.question('', resolve));
    return typed === '' ? undefined : typed;
  } finally {
    lines.close();
    process.stderr.write('\n');
  }
}
