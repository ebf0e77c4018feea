/** Where a bench stands, for whoever waits: on stderr, so that what stdout carries stays JSON or a table. */

/** Says what comes next. */
export function progress(text: string): void {
  console.error(`${new Date().toTimeString().slice(0, 8)} ${text}`);
}
