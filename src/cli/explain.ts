/** How an error reads for people: one plain sentence with the remedy, and the exit code. */

import { CommanderError } from 'commander';
import type { Failure } from '../core/index.ts';
import { failureText } from '../session/log.ts';

/** The command was not given what it needs. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}

export interface Explanation {
  /** Empty where all was said already. */
  readonly text: string;
  readonly exitCode: 0 | 1 | 2;
}

/** What the system's error codes mean to an operator. */
const SYSTEM: Readonly<Record<string, string>> = {
  EACCES: 'this user may not access it. Run the command as the user that runs the gateway, or as root.',
  EPERM: 'this user may not do that. Run the command as root.',
  ENOENT: 'there is no such file. Check its name.',
  ENOTDIR: 'a part of its path is not a directory. Check its name.',
  EISDIR: 'it is a directory. Name a file.',
  ENOSPC: 'the disk is full. Make room.',
  EROFS: 'the file system is read-only. Choose another place with --state.',
};

export function explain(error: unknown): Explanation {
  // Commander has written its own message by now.
  if (error instanceof CommanderError) return { text: '', exitCode: error.exitCode === 0 ? 0 : 2 };
  if (!(error instanceof Error)) return { text: `Error: ${String(error)}`, exitCode: 1 };
  if (error instanceof UsageError) return { text: `Error: ${error.message}`, exitCode: 2 };
  const failure = failureOf(error);
  if (failure !== undefined) return { text: `Error: ${failureText(failure)}`, exitCode: 1 };
  const { code, path } = error as NodeJS.ErrnoException;
  const meaning = code === undefined ? undefined : SYSTEM[code];
  if (meaning !== undefined) return { text: `Error: ${path ?? 'A file'}: ${meaning}`, exitCode: 1 };
  if (error.name === 'ConfigError') return { text: error.message, exitCode: 1 };
  return { text: `Error: ${error.message}`, exitCode: 1 };
}

/** The reason that a StartError carries; asked of its shape, so that the drivers need not be loaded to explain. */
function failureOf(error: Error): Failure | undefined {
  const { failure } = error as { failure?: Partial<Failure> };
  return typeof failure?.code === 'string' && typeof failure.reason === 'string' ? (failure as Failure) : undefined;
}
