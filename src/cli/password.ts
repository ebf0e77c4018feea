/** Where a new password comes from: a file, standard input, the terminal, or chance. Never from the command line. */

import { readFileSync, statSync } from 'node:fs';
import { Option } from 'commander';
import { UsageError } from './explain.ts';

export interface PasswordOptions {
  readonly passwordFile?: string;
  readonly passwordStdin?: boolean;
}

export interface NewPassword {
  readonly password: string;
  readonly generated: boolean;
}

export function passwordOptions(): Option[] {
  return [
    new Option('--password-file <file>', 'file (0600) that holds the password, and one line end at most').conflicts(
      'passwordStdin',
    ),
    new Option('--password-stdin', 'read the password from standard input'),
  ];
}

export async function newPassword({ passwordFile, passwordStdin }: PasswordOptions): Promise<NewPassword> {
  if (passwordFile !== undefined) return chosen(fileText(passwordFile));
  if (passwordStdin) return chosen(readFileSync(0, 'utf8'));
  const typed = await typedTwice();
  if (typed !== undefined) return { password: typed, generated: false };
  const { generatePassword } = await import('../process/stateDirectory.ts');
  return { password: generatePassword(), generated: true };
}

function chosen(text: string): NewPassword {
  return { password: text.replace(/\r?\n$/, ''), generated: false };
}

function fileText(file: string): string {
  const text = readFileSync(file, 'utf8');
  if ((statSync(file).mode & 0o077) !== 0)
    console.error(`Warning: others may read ${file}, which holds a password. Set its mode to 0600, or delete it.`);
  return text;
}

/** @returns undefined where there is no terminal to ask on, or nothing was typed */
async function typedTwice(): Promise<string | undefined> {
  if (!process.stdin.isTTY) return undefined;
  const { promptPassword } = await import('./promptPassword.ts');
  const first = await promptPassword('New password (empty: generate one): ');
  if (first === undefined) return undefined;
  const second = await promptPassword('Once more: ');
  if (first !== second) throw new UsageError('The two passwords differ. Nothing was changed; try again.');
  return first;
}
