/** Files that are there whole or not at all, also after a loss of power; and a lock between processes. */

import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { isSystemError } from './systemError.ts';

/** Replaces a file in one step, and returns when it is on the disk. */
export function writeDurably(path: string, text: string | Uint8Array, mode: number): void {
  const beside = `${path}.new`;
  rmSync(beside, { force: true });
  const fd = openSync(beside, 'wx', mode);
  try {
    const bytes = typeof text === 'string' ? Buffer.from(text) : text;
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(beside, path);
  syncDirectory(dirname(path));
}

/**
 * Runs `work` while no other process of this host holds the lock file; one that its holder left behind is taken over.
 * @throws Error where another process holds it
 */
export function withLock<Result>(path: string, work: () => Result): Result {
  const fd = acquire(path);
  try {
    return work();
  } finally {
    closeSync(fd);
    rmSync(path, { force: true });
  }
}

function acquire(path: string): number {
  for (let tries = 0; tries < 2; tries++) {
    try {
      const fd = openSync(path, 'wx', 0o600);
      writeSync(fd, String(process.pid));
      return fd;
    } catch (error) {
      if (!isSystemError(error, 'EEXIST')) throw error;
      if (tries > 0 || isHeld(path)) break;
      rmSync(path, { force: true });
    }
  }
  throw new Error(`Another process is at work on this directory (it holds ${path}). Try again when it has ended.`);
}

function isHeld(path: string): boolean {
  try {
    const pid = Number(readFileSync(path, 'utf8'));
    if (!Number.isInteger(pid) || pid <= 0) return false;
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return isSystemError(error, 'EPERM');
  }
}

function syncDirectory(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
