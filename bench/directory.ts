/** A directory for the files of one run, which goes with it. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { undoAtEnd } from './undo.ts';

/** A new directory that only its owner can read. */
export function temporaryDirectory(name: string): { readonly path: string; readonly remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), `${name}-`));
  return { path, remove: undoAtEnd(() => rmSync(path, { recursive: true, force: true })) };
}
