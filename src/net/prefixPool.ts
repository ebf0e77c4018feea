/** IPv6 prefixes of 64 bits for users, cut out of a larger one: given as `AddressPool` gives addresses. RFC 4291 §2.5.4. */

import { formatIpv4Number, formatIpv6, parseIpv4Number } from './address.ts';
import { AddressPool } from './addressPool.ts';
import { type Prefix, parsePrefix } from './prefix.ts';

/** What stateless autoconfiguration needs. RFC 4862 §5.5.3, RFC 7136 §2. */
const USER_PREFIX_BITS = 64;
/** Prefixes are counted in 32 bits; of a larger pool the first are given. */
const MOST_BITS = 32;

export class PrefixPool {
  readonly #pool: Prefix;
  /** Of numbers of prefixes, written as IPv4 addresses are. The first prefix is the gateway's own. */
  readonly #numbers: AddressPool;

  /** @throws RangeError for what is no IPv6 prefix of 63 bits or less */
  constructor(pool: string) {
    const prefix = parsePrefix(pool);
    if (prefix === undefined || prefix.address.length !== 16 || prefix.length >= USER_PREFIX_BITS) {
      throw new RangeError(`not an IPv6 prefix shorter than /64: ${pool} (each user gets a /64 of it)`);
    }
    this.#pool = prefix;
    const last = 2 ** Math.min(MOST_BITS, USER_PREFIX_BITS - prefix.length) - 1;
    this.#numbers = new AddressPool({ ranges: [`0.0.0.1-${formatIpv4Number(last)}`] });
  }

  /** The gateway's own address, in the first prefix. */
  get gatewayAddress(): string {
    return hostIn(this.#prefix(0), 1);
  }

  /** A prefix such as `2001:db8:0:7::/64`, the user's last one where possible; undefined where all are taken. */
  allocate(user: string): string | undefined {
    const text = this.#numbers.allocate(user);
    return text === undefined ? undefined : `${formatIpv6(this.#prefix(parseIpv4Number(text)!))}/${USER_PREFIX_BITS}`;
  }

  /** Gives a prefix back. @returns false where nobody held it */
  release(prefix: string): boolean {
    const address = parsePrefix(prefix)?.address;
    return address?.length === 16 && this.#numbers.release(formatIpv4Number(this.#numberOf(address)));
  }

  #prefix(number: number): Uint8Array {
    const address = this.#pool.address.slice();
    for (let i = 0; i < 4; i++) address[4 + i]! |= number >>> (24 - 8 * i);
    return address;
  }

  #numberOf(address: Uint8Array): number {
    let number = 0;
    for (let i = 4; i < 8; i++) number = number * 256 + (address[i]! ^ this.#pool.address[i]!);
    return number;
  }
}

/** The address of a prefix of 64 bits whose identifier is `host`. */
export function prefixHost(prefix: string, host: number): string {
  return hostIn(parsePrefix(prefix)!.address, host);
}

function hostIn(prefix: Uint8Array, host: number): string {
  const address = prefix.slice();
  address[15] = host;
  return formatIpv6(address);
}
