/**
 * Inner addresses for clients: none is given twice, a user tends to get the same one again, and one that was given
 * back rests as long as possible. Memory grows with the addresses ever used, not with the size of the range.
 */

import { formatIpv4Number, parseIpv4Number } from './address.ts';
import { parsePrefix } from './prefix.ts';

export interface AddressPoolOptions {
  /**
   * Ranges of IPv4 addresses, each `10.10.10.2-10.10.10.254`, one address, or a prefix `10.10.0.0/16`, of which the
   * network and the broadcast address are left out (RFC 3021 excepts /31; a /32 is its one address).
   */
  readonly ranges: readonly string[];
  /** Addresses never given out: the gateway's own. */
  readonly exclude?: readonly string[];
}

interface Range {
  readonly first: number;
  readonly last: number;
}

/** Users whose last address is remembered; the longest unused is forgotten first. */
const MOST_REMEMBERED_USERS = 65_536;

export class AddressPool {
  readonly #ranges: readonly Range[];
  readonly #excluded = new Set<number>();
  /** Who holds which address now. */
  readonly #holders = new Map<number, string>();
  /** Addresses of the ranges that were used and given back, longest rested first. */
  readonly #rested = new Set<number>();
  readonly #staticByUser = new Map<string, number>();
  readonly #staticOwner = new Map<number, string>();
  readonly #lastOfUser = new Map<string, number>();
  /** Where the never-used addresses begin. */
  #rangeIndex = 0;
  #next: number;

  /** @throws RangeError naming a range or address that does not read */
  constructor(options: AddressPoolOptions) {
    this.#ranges = options.ranges.map(readRange);
    for (const text of options.exclude ?? []) this.#excluded.add(readAddress(text));
    this.#next = this.#ranges[0]?.first ?? 0;
  }

  /** How many addresses are held now. */
  get held(): number {
    return this.#holders.size;
  }

  /** Who holds `address`, if anyone. */
  holder(address: string): string | undefined {
    const number = parseIpv4Number(address);
    return number === undefined ? undefined : this.#holders.get(number);
  }

  /** Whether `address` lies in the ranges and is not excluded. */
  includes(address: string): boolean {
    const number = parseIpv4Number(address);
    return number !== undefined && this.#isDynamic(number);
  }

  /**
   * Sets `address` aside for `user` alone, inside the ranges or not. Replaces the user's earlier reservation.
   * @returns false where it is excluded, another user's reservation, or held by another user now
   */
  reserve(user: string, address: string): boolean {
    const number = readAddress(address);
    const owner = this.#staticOwner.get(number);
    const holder = this.#holders.get(number);
    if (this.#excluded.has(number)) return false;
    if ((owner !== undefined && owner !== user) || (holder !== undefined && holder !== user)) return false;
    this.unreserve(user);
    this.#staticByUser.set(user, number);
    this.#staticOwner.set(number, user);
    this.#rested.delete(number);
    return true;
  }

  /** Ends the user's reservation; who holds the address keeps it until `release`. */
  unreserve(user: string): void {
    const number = this.#staticByUser.get(user);
    if (number === undefined) return;
    this.#staticByUser.delete(user);
    this.#staticOwner.delete(number);
    if (!this.#holders.has(number) && this.#isDynamic(number) && !this.#isUntouched(number)) this.#rested.add(number);
  }

  /** The address reserved for `user`. */
  reservation(user: string): string | undefined {
    const number = this.#staticByUser.get(user);
    return number === undefined ? undefined : formatIpv4Number(number);
  }

  /**
   * Gives `user` an address: its reserved one, else the one it had last, else one never used, else the longest rested.
   * A user with several sessions gets a further address for each.
   * @returns undefined where the pool is used up
   */
  allocate(user: string): string | undefined {
    const number = this.#choose(user);
    if (number === undefined) return undefined;
    this.#hold(user, number);
    return formatIpv4Number(number);
  }

  /**
   * Gives `user` this very address (named by RADIUS, or held before a restart), inside the ranges or not.
   * @returns false where it is held, excluded or reserved for another user
   */
  take(user: string, address: string): boolean {
    const number = readAddress(address);
    const owner = this.#staticOwner.get(number);
    if (this.#excluded.has(number) || this.#holders.has(number)) return false;
    if (owner !== undefined && owner !== user) return false;
    this.#hold(user, number);
    return true;
  }

  /** Gives an address back. @returns false where nobody held it */
  release(address: string): boolean {
    const number = parseIpv4Number(address);
    if (number === undefined || !this.#holders.delete(number)) return false;
    if (this.#isDynamic(number) && !this.#staticOwner.has(number)) this.#rested.add(number);
    return true;
  }

  #choose(user: string): number | undefined {
    const reserved = this.#staticByUser.get(user);
    if (reserved !== undefined && !this.#holders.has(reserved)) return reserved;
    const last = this.#lastOfUser.get(user);
    if (last !== undefined && this.#isFree(last)) return last;
    return this.#neverUsed() ?? this.#longestRested();
  }

  #hold(user: string, number: number): void {
    this.#holders.set(number, user);
    this.#rested.delete(number);
    this.#lastOfUser.delete(user);
    this.#lastOfUser.set(user, number);
    if (this.#lastOfUser.size > MOST_REMEMBERED_USERS) {
      this.#lastOfUser.delete(this.#lastOfUser.keys().next().value!);
    }
  }

  #isFree(number: number): boolean {
    return this.#isDynamic(number) && !this.#holders.has(number) && !this.#staticOwner.has(number);
  }

  #isDynamic(number: number): boolean {
    return !this.#excluded.has(number) && this.#ranges.some(({ first, last }) => number >= first && number <= last);
  }

  /** Whether the cursor over never-used addresses will still come to `number`. */
  #isUntouched(number: number): boolean {
    return this.#ranges.some(({ first, last }, i) => {
      const from = i === this.#rangeIndex ? this.#next : first;
      return i >= this.#rangeIndex && number >= from && number <= last;
    });
  }

  /** Moves the cursor. What it passes by is free no longer or comes back through `#rested`. */
  #neverUsed(): number | undefined {
    for (let range = this.#ranges[this.#rangeIndex]; range !== undefined; range = this.#ranges[this.#rangeIndex]) {
      while (this.#next <= range.last) {
        const number = this.#next++;
        if (this.#isFree(number)) return number;
      }
      this.#rangeIndex++;
      this.#next = this.#ranges[this.#rangeIndex]?.first ?? 0;
    }
    return undefined;
  }

  #longestRested(): number | undefined {
    for (const number of this.#rested) if (this.#isFree(number)) return number;
    return undefined;
  }
}

function readRange(text: string): Range {
  const [from, to, ...more] = text.split('-').map((part) => part.trim());
  if (to !== undefined) {
    const first = parseIpv4Number(from!);
    const last = parseIpv4Number(to);
    if (first === undefined || last === undefined || first > last || more.length > 0) throw notARange(text);
    return { first, last };
  }
  const prefix = parsePrefix(from!);
  if (prefix?.address.length !== 4) throw notARange(text);
  const [a, b, c, d] = prefix.address;
  const network = ((a! * 256 + b!) * 256 + c!) * 256 + d!;
  const last = network + 2 ** (32 - prefix.length) - 1;
  return prefix.length > 30 ? { first: network, last } : { first: network + 1, last: last - 1 };
}

function readAddress(text: string): number {
  const number = parseIpv4Number(text);
  if (number === undefined) throw new RangeError(`not an IPv4 address: ${text}`);
  return number;
}

const notARange = (text: string) =>
  new RangeError(`not a range of IPv4 addresses: ${text} (write 10.10.10.2-10.10.10.254 or 10.10.0.0/16)`);
