/** The last Deletes of IKEv2: who ends says each of them first, where it waits behind a request that is under way. RFC 7296 §2.3. */

import type { Instant, Milliseconds } from '../core/index.ts';
import type { IkeCore } from './connectionParts.ts';

/** A request that is under way is repeated after a second, and shortened where it asked what the path carries. */
const PATIENCE: Milliseconds = 2000;

export class Goodbyes {
  readonly #ike: Pick<IkeCore, 'owesGoodbye'> | undefined;
  #until: Instant | undefined;

  /** @param ike absent without IPsec */
  constructor(ike: Pick<IkeCore, 'owesGoodbye'> | undefined) {
    this.#ike = ike;
  }

  /** When they are waited for no longer. */
  get deadline(): Instant | undefined {
    return this.#until;
  }

  /** Whether one is to be said yet; for all of them there is a bounded time, which begins with the first call. */
  areOwed(now: Instant): boolean {
    if (this.#ike?.owesGoodbye !== true) return false;
    this.#until ??= now + PATIENCE;
    return now < this.#until;
  }
}
