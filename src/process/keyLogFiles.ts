/** Writes keys in Wireshark's table formats, for who must read a capture of a test. Off unless asked for. */

import { appendFileSync, chmodSync } from 'node:fs';
import { join } from 'node:path';
import { makeDirectory } from '../driver/makeDirectory.ts';
import type { KeyLog } from '../ike/output.ts';
import type { Log } from './logger.ts';

export class KeyLogFiles {
  readonly #directory: string;

  /** Makes the directory (0700) and says aloud what it will hold. */
  constructor(directory: string, log: Log) {
    this.#directory = directory;
    makeDirectory(directory);
    log.warn(
      'key-log',
      `KEYS ARE WRITTEN TO ${directory}: whoever reads them can decrypt the traffic of every session. Never use --keylog with users’ traffic, and delete the directory afterwards.`,
    );
  }

  write({ table, line }: KeyLog): void {
    const file = join(this.#directory, table);
    appendFileSync(file, `${line}\n`, { mode: 0o600 });
    chmodSync(file, 0o600);
  }
}
