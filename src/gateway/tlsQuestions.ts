/** Questions to the owner's TLS engine that are not answered yet, and who waits for each. */

import type { Instant } from '../core/index.ts';
import type { TlsAsk, TlsProgress } from '../eap/index.ts';
import type { GatewayOutput } from './output.ts';

/** Takes what a step of TLS led to. Returns nothing where nobody waits any more. */
export type TlsContinuation = (progress: TlsProgress, now: Instant) => GatewayOutput[];

export class TlsQuestions {
  readonly #waiting = new Map<number, TlsContinuation>();
  #next = 1;

  ask(ask: TlsAsk, then: TlsContinuation): GatewayOutput[] {
    const id = this.#next++;
    this.#waiting.set(id, then);
    return [{ type: 'askTls', id, ask }];
  }

  answered(id: number, progress: TlsProgress, now: Instant): GatewayOutput[] {
    const then = this.#waiting.get(id);
    this.#waiting.delete(id);
    return then === undefined ? [] : then(progress, now);
  }
}
