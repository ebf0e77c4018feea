/** Tells systemd-resolved which name servers a device has, by its own program. resolvectl(1). */

import { execFileSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';

const PROGRAM = 'resolvectl';
const MOST_MILLISECONDS = 5000;
/** Where it is on systems that give a service no PATH. */
const USUAL_PLACES = ['/usr/bin', '/bin'];

export function hasResolvectl(): boolean {
  return programFile() !== undefined;
}

/** All names are asked of `servers`, whatever other devices have. @throws Error where systemd-resolved refuses */
export function setLinkResolver(change: {
  readonly device: string;
  readonly servers: readonly string[];
  /** Domains with spaces between, in which short names are looked for. */
  readonly search?: string;
}): void {
  const { device, servers, search = '' } = change;
  run('dns', device, ...servers);
  run('domain', device, ...search.split(' ').filter(Boolean), '~.');
  run('default-route', device, 'yes');
}

export function revertLinkResolver(device: string): void {
  run('revert', device);
}

function run(...words: string[]): void {
  const file = programFile() ?? PROGRAM;
  execFileSync(file, words, { stdio: ['ignore', 'ignore', 'pipe'], timeout: MOST_MILLISECONDS });
}

function programFile(): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(':').filter((folder) => folder !== ''), ...USUAL_PLACES];
  return folders.map((folder) => join(folder, PROGRAM)).find(isProgram);
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
