/** Which session has which inner address: static ones of users, others from the pool. */

import type { PppSession } from '../session/pppSession.ts';

/** Where users' addresses come from. */
export interface Addresses {
  /** A free address, the user's last one where possible; undefined when the pool is empty. */
  allocate(user: string): string | undefined;
  /** Takes exactly this address; false when somebody has it. */
  take(user: string, address: string): boolean;
  release(address: string): unknown;
}

export class Leases {
  readonly #addresses: Addresses;
  readonly #bySession = new Map<PppSession, string>();
  readonly #holders = new Map<string, PppSession>();

  constructor(addresses: Addresses) {
    this.#addresses = addresses;
  }

  addressOf(session: PppSession): string | undefined {
    return this.#bySession.get(session);
  }

  holderOf(address: string): PppSession | undefined {
    return this.#holders.get(address);
  }

  /** @returns undefined when the pool is empty */
  fromPool(session: PppSession, user: string): string | undefined {
    const address = this.#addresses.allocate(user);
    if (address !== undefined) this.#hold(session, address);
    return address;
  }

  /** @returns false when another session has it */
  take(session: PppSession, user: string, address: string): boolean {
    if (!this.#addresses.take(user, address)) return false;
    this.#hold(session, address);
    return true;
  }

  /** Takes the address from its holder, whose end then returns nothing to the pool. */
  handOver(address: string, to: PppSession): void {
    const holder = this.#holders.get(address);
    if (holder !== undefined) this.#bySession.delete(holder);
    this.#hold(to, address);
  }

  release(session: PppSession): void {
    const address = this.#bySession.get(session);
    if (address === undefined) return;
    this.#bySession.delete(session);
    this.#holders.delete(address);
    this.#addresses.release(address);
  }

  #hold(session: PppSession, address: string): void {
    this.#bySession.set(session, address);
    this.#holders.set(address, session);
  }
}
