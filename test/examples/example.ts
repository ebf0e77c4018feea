/** A run of a program of examples/. */

import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** A run that takes longer is ended. */
const MOST_SECONDS = 20;

export class Example {
  text = '';
  readonly ended: Promise<number | null>;
  readonly #child: ChildProcess;
  #look: () => void = () => {};

  constructor(file: string, ...words: string[]) {
    const path = fileURLToPath(new URL(`../../examples/${file}`, import.meta.url));
    this.#child = spawn(process.execPath, ['--import', 'tsx', path, ...words], {
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: MOST_SECONDS * 1000,
    });
    for (const stream of [this.#child.stdout!, this.#child.stderr!]) {
      createInterface({ input: stream }).on('line', (line) => {
        this.text += `${line}\n`;
        this.#look();
      });
    }
    this.ended = new Promise((resolve) => this.#child.once('close', resolve));
  }

  /** Waits for something in what it writes. */
  line(pattern: RegExp): Promise<void> {
    return new Promise((resolve, reject) => {
      void this.ended.then(() => reject(new Error(`ended without ${pattern}:\n${this.text}`)));
      this.#look = () => {
        if (pattern.test(this.text)) resolve();
      };
      this.#look();
    });
  }

  interrupt(): void {
    this.#child.kill('SIGINT');
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}
