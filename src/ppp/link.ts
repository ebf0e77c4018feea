/** One PPP link, as its owner drives it. RFC 1661. */

import type { Core, Instant } from '../core/index.ts';
import { Malformed } from '../wire/index.ts';
import type { PppConfig, PppEnvironment } from './config.ts';
import type { PppCommand, PppOutput } from './output.ts';
import { Phases } from './phases.ts';

const NOTHING: readonly PppOutput[] = [];

/**
 * A PPP link in either role. Feed it `command`, `receive` and `expire`, obey every output, and call `expire` at
 * `deadline`. It begins with the command `up` and ends with the output `closed`, after which it does nothing any more.
 * Nothing that arrives makes it throw.
 */
export class PppLink implements Core<PppCommand, PppOutput> {
  readonly #phases: Phases;

  constructor(config: PppConfig, env: PppEnvironment) {
    this.#phases = new Phases(config, env);
  }

  /** Takes one frame as L2TP carries it: optional FF 03, protocol in one or two bytes, information. */
  receive(frame: Uint8Array, now: Instant): readonly PppOutput[] {
    return this.#run((phases) => phases.receive(frame, now));
  }

  command(command: PppCommand, now: Instant): readonly PppOutput[] {
    if (command.type !== 'alive') return this.#run((phases) => phases.command(command, now));
    this.#phases.heard(command.at ?? now);
    return NOTHING;
  }

  expire(now: Instant): readonly PppOutput[] {
    return this.#run((phases) => {
      for (const timer of phases.timers.due(now)) if (!phases.finished) phases.expire(timer, now);
    });
  }

  get deadline(): Instant | undefined {
    return this.#phases.timers.deadline;
  }

  #run(step: (phases: Phases) => void): readonly PppOutput[] {
    const phases = this.#phases;
    if (phases.finished) return [];
    try {
      step(phases);
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      phases.drop('malformed', error.message);
    }
    return phases.takeOutputs();
  }
}
