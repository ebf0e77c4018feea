/** What a bench has made on the machine and must take back, however it ends. */

import { constants } from 'node:os';

const pending = new Set<() => void>();
let listening = false;

/**
 * Calls `undo` when the process ends, by SIGINT and SIGTERM too, unless that was done before.
 * @returns does it now; a second call does nothing
 */
export function undoAtEnd(undo: () => void): () => void {
  if (!listening) listen();
  pending.add(undo);
  return () => {
    if (pending.delete(undo)) undo();
  };
}

function listen(): void {
  listening = true;
  process.on('exit', undoAll);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => process.exit(128 + constants.signals[signal]));
  }
}

/** The last made goes first: daemons before their namespaces. */
function undoAll(): void {
  for (const undo of [...pending].reverse()) {
    try {
      undo();
    } catch (error) {
      console.error((error as Error).message);
    }
  }
}
