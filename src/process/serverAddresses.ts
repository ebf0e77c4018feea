/** Which of a server's addresses a try goes to: the name is looked up each time, and all its addresses have their turn. */

import { addressesOf } from './serverRoute.ts';

/** Times in a row that servers may send us on, before one of them takes us. RFC 5685 §10 warns of loops. */
const MOST_REDIRECTS = 5;

export class ServerAddresses {
  #server: string;
  #redirects = 0;
  /** The server that another one has sent us to, and the address of that one. */
  redirectedTo: string | undefined;
  redirectedFrom: string | undefined;
  readonly #lookUp: (server: string) => Promise<string[]>;
  #known: readonly string[] = [];
  /** Those that failed since the last that did not. */
  readonly #failed = new Set<string>();
  #last: string | undefined;

  constructor(server: string, lookUp = addressesOf) {
    this.#server = server;
    this.#lookUp = lookUp;
  }

  /** @returns whether we go there: not where one sends us to the next without end */
  redirect(gateway: string): boolean {
    if (++this.#redirects > MOST_REDIRECTS) return false;
    this.redirectedTo = this.#server = gateway;
    this.redirectedFrom = this.#last;
    this.#known = [];
    this.#failed.clear();
    this.#last = undefined;
    return true;
  }

  /** This one has taken us. */
  reached(): void {
    this.#redirects = 0;
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
