/** Which of a server's addresses a try goes to: the name is looked up each time, and all its addresses have their turn. */

import { addressesOf } from './serverRoute.ts';

export class ServerAddresses {
  readonly #server: string;
  readonly #lookUp: (server: string) => Promise<string[]>;
  #known: readonly string[] = [];
  /** Those that failed since the last that did not. */
  readonly #failed = new Set<string>();
  #last: string | undefined;

  constructor(server: string, lookUp = addressesOf) {
    this.#server = server;
    this.#lookUp = lookUp;
  }

  /**
   * @param same whether the last one may be taken again, because it did answer
   * @throws StartError where the name is not found and never was
   */
  async next(same: boolean): Promise<string> {
    try {
      this.#known = await this.#lookUp(this.#server);
    } catch (error) {
      // While the tunnel is down its name servers are, too.
      if (this.#known.length === 0) throw error;
    }
    if (same) this.#failed.clear();
    else if (this.#last !== undefined) this.#failed.add(this.#last);
    if (this.#known.every((address) => this.#failed.has(address))) this.#failed.clear();
    const untried = this.#known.filter((address) => !this.#failed.has(address));
    const next = same && this.#last !== undefined && untried.includes(this.#last) ? this.#last : untried[0]!;
    this.#last = next;
    return next;
  }
}
