/** Changes of this process on its host: what an earlier run left is undone first, and all is undone whatever the end. */

import type { Failure } from '../core/index.ts';
import type { HostChange } from '../driver/host/change.ts';
import { HostChanges, recover } from '../driver/host/hostChanges.ts';
import { StartError } from '../driver/openPorts.ts';
import type { Log } from './logger.ts';

export class ChangedHost {
  readonly #changes: HostChanges;
  readonly #log: Log;
  readonly #undoAtExit = () => this.undo();

  /**
   * @param journal a file of this process alone
   * @throws StartError where the process that it belongs to still runs
   */
  constructor(journal: string, log: Log) {
    const recovered = recover(journal);
    if (!recovered.ok) throw new StartError(recovered.failure);
    const { undone, failed } = recovered.recovery;
    if (undone.length > 0)
      log.warn('recovered', `Undid what an earlier run had left on the host: ${undone.join('; ')}.`);
    for (const text of failed) log.warn('recovery-failed', `Could not undo what an earlier run left: ${text}`);
    this.#changes = new HostChanges(journal);
    this.#log = log;
    process.on('exit', this.#undoAtExit);
  }

  /** @returns why it could not be made */
  apply(change: HostChange): Failure | undefined {
    const applied = this.#changes.apply(change);
    return applied.ok ? undefined : applied.failure;
  }

  /** Undoes what `which` picks, last first. */
  withdraw(which: (change: HostChange) => boolean): void {
    for (const text of this.#changes.undo(which)) this.#log.error('undo-failed', `Could not undo: ${text}`);
  }

  /** Undoes everything, last first; may be called again. */
  undo(): void {
    for (const text of this.#changes.undoAll()) this.#log.error('undo-failed', `Could not undo: ${text}`);
    process.off('exit', this.#undoAtExit);
  }
}
