/** The signals that ask a running command to end. */

/** SIGHUP comes when the terminal is closed. */
const SIGNALS: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/**
 * Resolves at the first signal, so that all can be ended in order. At the second one the process exits at once; its
 * exit handlers still undo what it changed on the host. Call it before anything is changed.
 */
export function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let asked = false;
    for (const signal of SIGNALS) {
      process.on(signal, () => {
        if (asked) process.exit(1);
        asked = true;
        resolve(signal);
      });
    }
  });
}
