/** Which of a server's addresses a try goes to: the name is looked up each time, and all its addresses have their turn. */

import type { Failure, Instant } from '../core/index.ts';
import { systemClock } from '../driver/clock.ts';
import { addressesOf } from './serverRoute.ts';

/** Times that servers may send us on within the period: more is a circle. RFC 5685. */
const MOST_REDIRECTS = 5;
const LOOP_PERIOD = 300_000;

export class ServerAddresses {
  readonly #home: string;
  #server: string;
  /** When servers have sent us on. */
  #redirects: readonly Instant[] = [];
  /** The address of the server that sent us to this one. */
  redirectedFrom: string | undefined;
  /** Whether the server may send us on: not after that has led nowhere. */
  followsRedirects = true;
  readonly #lookUp: (server: string) => Promise<string[]>;
  readonly #now: () => Instant;
  #known: readonly string[] = [];
  /** Those that failed since the last that did not. */
  readonly #failed = new Set<string>();
  #last: string | undefined;

  constructor(server: string, lookUp = addressesOf, now: () => Instant = systemClock.now) {
    this.#home = this.#server = server;
    this.#lookUp = lookUp;
    this.#now = now;
  }

  /** The name or address of the server that it is now. */
  get server(): string {
    return this.#server;
  }

  /** @returns whether we go there: not where one sends us to the next without end. Then the first one is to take us itself. */
  redirect(gateway: string): boolean {
    const now = this.#now();
    this.#redirects = [...this.#redirects.filter((at) => at > now - LOOP_PERIOD), now];
    if (this.#redirects.length > MOST_REDIRECTS) {
      this.#goHome();
      return false;
    }
    const from = this.#last;
    this.#goTo(gateway);
    this.redirectedFrom = from;
    return true;
  }

  /** This one has taken us. */
  reached(): void {
    this.followsRedirects = true;
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
      if (this.#known.length === 0 && this.#server === this.#home) throw error;
    }
    if (same) this.#failed.clear();
    else if (this.#last !== undefined) this.#failed.add(this.#last);
    if (this.#known.every((address) => this.#failed.has(address))) {
      if (this.#server !== this.#home) {
        this.#goHome();
        return this.next(true);
      }
      this.#failed.clear();
    }
    const untried = this.#known.filter((address) => !this.#failed.has(address));
    const next = same && this.#last !== undefined && untried.includes(this.#last) ? this.#last : untried[0]!;
    this.#last = next;
    return next;
  }

  /** Where we were sent there is nobody, or somebody who sends us back. */
  #goHome(): void {
    this.#goTo(this.#home);
    this.followsRedirects = false;
  }

  #goTo(server: string): void {
    this.#server = server;
    this.redirectedFrom = undefined;
    this.#known = [];
    this.#failed.clear();
    this.#last = undefined;
  }
}

export const redirectLoop = (gateway: string): Failure => ({
  code: 'redirect-loop',
  reason: `One server sent us to the next, the last of them to ${gateway}, without taking us.`,
  remedy: 'Let one of the gateways take clients (redirect.to), or do without (follow_redirects: false).',
});
