/** Which session has which inner address: static ones of users, others from the pool. */

import type { UserSession } from '../session/userSession.ts';

/** Where users' addresses come from. */
export interface Addresses {
  /** A free address, the user's last one where possible; undefined when the pool is empty. */
  allocate(user: string): string | undefined;
  /** Takes exactly this address; false when somebody has it. */
  take(user: string, address: string): boolean;
  /** Sets this address aside for the user alone; false while another holds it. */
  reserve(user: string, address: string): boolean;
  unreserve(user: string): void;
  release(address: string): unknown;
}

export class Leases {
  readonly #addresses: Addresses;
  readonly #bySession = new Map<UserSession, string>();
  readonly #holders = new Map<string, UserSession>();
  /** Whose address it is, by address. */
  readonly #owners = new Map<string, string>();
  /** The address that the user was last accepted with, of those who have one of their own. */
  readonly #own = new Map<string, string>();

  /** @param reserved static addresses by user, known from the start */
  constructor(addresses: Addresses, reserved: ReadonlyMap<string, string>) {
    this.#addresses = addresses;
    for (const [user, address] of reserved) this.#reserve(user, address);
  }

  /** How many sessions hold an address. */
  get size(): number {
    return this.#bySession.size;
  }

  addressOf(session: UserSession): string | undefined {
    return this.#bySession.get(session);
  }

  holderOf(address: string): UserSession | undefined {
    return this.#holders.get(address);
  }

  /**
   * The user was accepted with this address of their own, or with none: the pool gives it to nobody else until the user
   * is accepted with another or none, or another user is accepted with it.
   */
  accepted(user: string, address: string | undefined): void {
    const former = this.#own.get(user);
    if (former !== undefined && former !== address) {
      this.#own.delete(user);
      this.#unreserve(former);
    }
    if (address === undefined) return;
    if (this.#owners.get(address) !== user) this.#unreserve(address);
    this.#own.set(user, address);
    this.#reserve(user, address);
  }

  /** @returns undefined when the pool is empty */
  fromPool(session: UserSession, user: string): string | undefined {
    const address = this.#addresses.allocate(user);
    if (address !== undefined) this.#hold(session, address);
    return address;
  }

  /** @returns false when another session has it */
  take(session: UserSession, user: string, address: string): boolean {
    if (!this.#addresses.take(user, address)) return false;
    this.#hold(session, address);
    return true;
  }

  /** Takes the address from its holder, whose end then returns nothing to the pool. */
  handOver(address: string, to: UserSession): void {
    const holder = this.#holders.get(address);
    if (holder !== undefined) this.#bySession.delete(holder);
    this.#hold(to, address);
  }

  release(session: UserSession): void {
    const address = this.#bySession.get(session);
    if (address === undefined) return;
    this.#bySession.delete(session);
    this.#holders.delete(address);
    this.#addresses.release(address);
    // Who held it until now may have had it from the pool, before it became another's own.
    const owner = this.#owners.get(address);
    if (owner !== undefined) this.#addresses.reserve(owner, address);
  }

  #reserve(user: string, address: string): void {
    this.#owners.set(address, user);
    this.#addresses.reserve(user, address);
  }

  #unreserve(address: string): void {
    const owner = this.#owners.get(address);
    if (owner === undefined) return;
    this.#owners.delete(address);
    if (this.#own.get(owner) === address) this.#own.delete(owner);
    this.#addresses.unreserve(owner);
  }

  #hold(session: UserSession, address: string): void {
    this.#bySession.set(session, address);
    this.#holders.set(address, session);
  }
}
