/**
 * Addresses over a PPP link that has agreed on IPv6: the gateway advertises a prefix, the client makes its address of
 * it. RFC 4861 §6.2 and §6.3, RFC 4862 §5.5, RFC 5072 §5.
 */

import type { Instant, Milliseconds } from '../core/index.ts';
import { formatIpv6, type Prefix } from '../net/index.ts';
import { concat, sameBytes } from '../wire/index.ts';
import {
  FOR_EVER,
  linkLocalOf,
  neighborAdvertisement,
  type RouterAdvertisement,
  readNeighborMessage,
  routerAdvertisement,
  routerSolicitation,
} from './neighborDiscovery.ts';

export interface Identifiers {
  readonly local: Uint8Array;
  readonly peer: Uint8Array;
}

/** What a client has learned of its router. Addresses as text. */
export interface LearnedIpv6 {
  readonly address: string;
  /** The router's link-local address. */
  readonly router: string;
  readonly dns: readonly string[];
}

/** Packets to send into the session, and what was learned by the one that came. */
export interface Ipv6LinkResult {
  readonly send: readonly Uint8Array[];
  readonly learned?: LearnedIpv6;
}

export interface Ipv6Link {
  start(now: Instant): Ipv6LinkResult;
  receive(packet: Uint8Array, now: Instant): Ipv6LinkResult;
  readonly deadline: Instant | undefined;
  expire(now: Instant): Ipv6LinkResult;
}

/**
 * Waits before the first, second … advertisement: the first for the peer to be ready and ask, which it does at once; then
 * MAX_INITIAL_RTR_ADVERT_INTERVAL, and then far below the lifetime.
 */
const ADVERTISE_AFTER: readonly Milliseconds[] = [500, 3000, 16_000, 1_800_000];
/** Seconds: the longest that RFC 4861 §6.2.1 allows. The link itself says when it is over. */
const ROUTER_LIFETIME = 9000;
/** MIN_DELAY_BETWEEN_RAS: solicitations that come faster are answered by the advertisement before. RFC 4861 §10. */
const LEAST_INTERVAL: Milliseconds = 1000;
const HOP_LIMIT = 64;
const NOTHING: Ipv6LinkResult = { send: [] };

/** Our end is the router. */
export class RouterLink implements Ipv6Link {
  readonly #source: Uint8Array;
  readonly #packet: Uint8Array;
  #sent = 0;
  #lastAt: Instant = Number.NEGATIVE_INFINITY;
  deadline: Instant | undefined;

  /** @param dns 16 bytes each */
  constructor({ local }: Identifiers, { address: prefix, length }: Prefix, dns: readonly Uint8Array[], mtu: number) {
    this.#source = linkLocalOf(local);
    const lifetimes = { validLifetime: FOR_EVER, preferredLifetime: FOR_EVER };
    const advertised = { prefix, length, onLink: false, autonomous: true, ...lifetimes };
    const said = { hopLimit: HOP_LIMIT, routerLifetime: ROUTER_LIFETIME, prefixes: [advertised], dns, mtu };
    this.#packet = routerAdvertisement(said, this.#source);
  }

  start(now: Instant): Ipv6LinkResult {
    this.deadline = now + ADVERTISE_AFTER[0]!;
    return NOTHING;
  }

  receive(packet: Uint8Array, now: Instant): Ipv6LinkResult {
    const message = readNeighborMessage(packet);
    if (message?.type === 'routerSolicitation') {
      return now - this.#lastAt < LEAST_INTERVAL && now >= this.#lastAt ? NOTHING : this.#advertise(now);
    }
    if (message?.type !== 'neighborSolicitation' || !sameBytes(message.target, this.#source)) return NOTHING;
    return { send: [neighborAdvertisement(message.target, message.source, true)] };
  }

  expire(now: Instant): Ipv6LinkResult {
    return this.deadline !== undefined && this.deadline <= now ? this.#advertise(now) : NOTHING;
  }

  #advertise(now: Instant): Ipv6LinkResult {
    this.#sent++;
    const wait = ADVERTISE_AFTER[Math.min(this.#sent, ADVERTISE_AFTER.length - 1)]!;
    this.#lastAt = now;
    this.deadline = now + wait;
    return { send: [this.#packet] };
  }
}

/**
 * Waits before the first, second … solicitation: soon, as the peer is up a moment later than we are; then
 * RTR_SOLICITATION_INTERVAL of RFC 4861 §10, and then again and again, ever more slowly (RFC 7559).
 */
const SOLICIT_AFTER: readonly Milliseconds[] = [100, 400, 1000, 4000, 4000, 30_000, 300_000];
/** What an address is made in. RFC 4862 §5.5.3 (d). */
const AUTONOMOUS_BITS = 64;
const PREFIX_BYTES = 8;

/** Our end is the host. */
export class HostLink implements Ipv6Link {
  readonly #source: Uint8Array;
  readonly #identifier: Uint8Array;
  #learned: LearnedIpv6 | undefined;
  #sent = 0;
  deadline: Instant | undefined;

  constructor({ local }: Identifiers) {
    this.#identifier = local;
    this.#source = linkLocalOf(local);
  }

  start(now: Instant): Ipv6LinkResult {
    this.deadline = now + SOLICIT_AFTER[0]!;
    return NOTHING;
  }

  receive(packet: Uint8Array): Ipv6LinkResult {
    const message = readNeighborMessage(packet);
    if (message?.type === 'neighborSolicitation' && sameBytes(message.target, this.#source)) {
      return { send: [neighborAdvertisement(message.target, message.source, false)] };
    }
    if (message?.type !== 'routerAdvertisement') return NOTHING;
    const { source, advertisement } = message;
    const learned = this.#learn(source, advertisement);
    if (learned === undefined) return NOTHING;
    this.deadline = undefined;
    if (JSON.stringify(learned) === JSON.stringify(this.#learned)) return NOTHING;
    this.#learned = learned;
    return { send: [], learned };
  }

  expire(now: Instant): Ipv6LinkResult {
    return this.deadline !== undefined && this.deadline <= now ? this.#solicit(now) : NOTHING;
  }

  #solicit(now: Instant): Ipv6LinkResult {
    this.#sent++;
    this.deadline = now + SOLICIT_AFTER[Math.min(this.#sent, SOLICIT_AFTER.length - 1)]!;
    return { send: [routerSolicitation(this.#source)] };
  }

  #learn(router: Uint8Array, { routerLifetime, prefixes, dns }: RouterAdvertisement): LearnedIpv6 | undefined {
    const usable = prefixes.find(
      ({ autonomous, length, validLifetime, preferredLifetime, prefix }) =>
        autonomous &&
        length === AUTONOMOUS_BITS &&
        validLifetime > 0 &&
        preferredLifetime <= validLifetime &&
        prefix[0] !== 0xfe &&
        prefix[0] !== 0xff,
    );
    if (routerLifetime === 0 || usable === undefined || router[0] !== 0xfe) return undefined;
    const address = concat(usable.prefix.subarray(0, PREFIX_BYTES), this.#identifier);
    return { address: formatIpv6(address), router: formatIpv6(router), dns: dns.map((server) => formatIpv6(server)) };
  }
}
