/** The end of a gateway: it takes nobody any more, and is drained when the last connection is gone and has heard so. */

import type { Instant } from '../core/index.ts';
import type { IkeCore } from '../session/connectionParts.ts';
import { Goodbyes } from '../session/goodbyes.ts';
import type { GatewayOutput } from './output.ts';

export class Draining {
  readonly #goodbyes: Goodbyes;
  #state: 'off' | 'on' | 'done' = 'off';

  constructor(ike: IkeCore) {
    this.#goodbyes = new Goodbyes(ike);
  }

  get isOn(): boolean {
    return this.#state !== 'off';
  }

  get deadline(): Instant | undefined {
    return this.#state === 'on' ? this.#goodbyes.deadline : undefined;
  }

  begin(): void {
    if (this.#state === 'off') this.#state = 'on';
  }

  /** Puts `drained` behind everything else, once. */
  finish(out: readonly GatewayOutput[], connections: number, now: Instant): readonly GatewayOutput[] {
    if (this.#state !== 'on' || connections > 0 || this.#goodbyes.areOwed(now)) return out;
    this.#state = 'done';
    return [...out, { type: 'drained' }];
  }
}
