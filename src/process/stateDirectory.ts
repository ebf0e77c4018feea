/** The state directory: database, key file, generated secrets, journal of host changes and control socket. Mode 0700. */

import { randomInt } from 'node:crypto';
import { accessSync, chmodSync, constants, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { makeDirectory } from '../driver/makeDirectory.ts';
import { StartError } from '../driver/openPorts.ts';
import { fromUtf8 } from '../wire/index.ts';

/** Letters and digits that people do not confuse with each other. */
const ALPHABET = 'abcdefghijkmnpqrstuvwxyz23456789';
/** 8 × 5 = 40 characters of the pre-shared key would be tedious; 5 × 5 characters are 125 bits. */
const PSK_GROUPS = 5;
const PASSWORD_GROUPS = 3;
const GROUP_CHARACTERS = 5;

export class StateDirectory {
  readonly path: string;

  /** @throws StartError when the directory can be neither made nor written */
  constructor(path: string) {
    this.path = path;
    try {
      makeDirectory(path);
      chmodSync(path, 0o700);
      accessSync(path, constants.W_OK);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      throw new StartError({
        code: 'state-directory',
        reason: `the state directory ${path} cannot be used (${code})`,
        remedy: 'Name a directory that this user may write with --state.',
      });
    }
  }

  get database(): string {
    return join(this.path, 'sallyport.db');
  }

  get keyFile(): string {
    return join(this.path, 'secret.key');
  }

  get journal(): string {
    return join(this.path, 'host-changes.journal');
  }

  /** Where `sallyport ca` keeps its authority. */
  get authority(): string {
    return authorityIn(this.path);
  }

  get controlSocket(): string {
    return controlSocketOf(this.path);
  }

  /** The generated pre-shared key, once there is one. */
  get pskFile(): string {
    return join(this.path, 'psk');
  }

  /** The pre-shared key of the embedded default; generated at the first start. */
  defaultPsk(): string {
    const file = this.pskFile;
    if (!existsSync(file)) writeFileSync(file, `${generateSecret(PSK_GROUPS)}\n`, { mode: 0o600 });
    chmodSync(file, 0o600);
    return fromUtf8(readFileSync(file)).trim();
  }
}

/** Where `sallyport ca` keeps its authority; the directory need not exist. */
export function authorityIn(path: string): string {
  return join(path, 'ca');
}

/** Where the gateway of a state directory listens for commands; the directory need not exist. */
export function controlSocketOf(path: string): string {
  return join(path, 'control.sock');
}

/** Where state is kept unless told: /var/lib/sallyport for root, the user's own state folder otherwise. */
export function defaultStateDirectory(): string {
  if (process.getuid?.() === 0) return '/var/lib/sallyport';
  return join(process.env.XDG_STATE_HOME ?? join(homedir(), '.local', 'state'), 'sallyport');
}

export function generatePassword(): string {
  return generateSecret(PASSWORD_GROUPS);
}

/** Groups of five characters from 32, so five bits each, with hyphens between. */
export function generateSecret(groups: number): string {
  const group = () => Array.from({ length: GROUP_CHARACTERS }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
  return Array.from({ length: groups }, group).join('-');
}
