/** Makes directories. */

import { existsSync, mkdirSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/**
 * Makes a directory and those above it that are missing; one that is there stays as it is. Node.js 20's own way
 * (`recursive`) tries again without end where a file system knows no new directories, as /proc.
 * @param mode of what is made; default: for its owner alone
 * @throws Error of mkdir(2)
 */
export function makeDirectory(path: string, mode = 0o700): void {
  const missing: string[] = [];
  for (let at = resolve(path); !existsSync(at); at = dirname(at)) missing.push(at);
  if (missing.length === 0) mkdirSync(path, { recursive: true });
  for (const directory of missing.reverse()) {
    try {
      mkdirSync(directory, { mode });
    } catch (error) {
      // Somebody else has made it meanwhile.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}
