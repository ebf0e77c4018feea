/**
 * A network in memory on a virtual clock: datagrams are delayed, dropped, duplicated and reordered as a seed says,
 * hosts may stand behind any number of nested NATs, and nothing waits for real time.
 */

import type { Endpoint, Instant, Milliseconds } from '../../src/core/index.ts';
import { Happenings } from './happenings.ts';
import { seededNumbers } from './random.ts';

export interface LinkQuality {
  /** One-way delay. */
  readonly delay: Milliseconds;
  /** Added to the delay, uniformly from 0; more than the gap between datagrams reorders them. */
  readonly jitter: Milliseconds;
  /** Probability of loss, 0 to 1. */
  readonly drop: number;
  /** Probability that a datagram arrives twice. */
  readonly duplicate: number;
  /** Datagrams longer than this are lost; undefined carries all. */
  readonly largest?: number;
}

export const PERFECT: LinkQuality = { delay: 10, jitter: 0, drop: 0, duplicate: 0 };

/** What a host is given: `local` is its own address as it knows it, `remote` the sender as it looks from here. */
export interface SimulatedDatagram {
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly bytes: Uint8Array;
}

export type Receiver = (datagram: SimulatedDatagram, now: Instant) => void;

/** A place where datagrams end or are translated. */
interface Attachment {
  readonly address: string;
  readonly gateway: SimulatedNat | undefined;
  /** @param to port of this attachment */
  arrive(to: number, remote: Endpoint, bytes: Uint8Array, now: Instant): void;
}

/** A host's network card. */
export class SimulatedHost implements Attachment {
  readonly address: string;
  readonly gateway: SimulatedNat | undefined;
  /** Who gets what arrives: another one after the host was started anew. */
  receiver: Receiver;
  readonly #network: SimulatedNetwork;

  constructor(network: SimulatedNetwork, address: string, gateway: SimulatedNat | undefined, receiver: Receiver) {
    this.address = address;
    this.gateway = gateway;
    this.#network = network;
    this.receiver = receiver;
  }

  send(fromPort: number, to: Endpoint, bytes: Uint8Array): void {
    this.#network.carry(this, fromPort, to, bytes.slice());
  }

  arrive(to: number, remote: Endpoint, bytes: Uint8Array, now: Instant): void {
    this.receiver({ local: { address: this.address, port: to }, remote, bytes }, now);
  }
}

interface Mapping {
  readonly inside: Attachment;
  readonly port: number;
  readonly key: string;
  /** Whom the inside has written to, as far as the filter looks. */
  readonly known: Set<string>;
  usedAt: Instant;
}

/** Whom a NAT lets in through a mapping (RFC 4787 §5), and what a mapping depends on (§4.1), with its idle time. */
export interface NatHabits {
  /** Default: the address and port that the inside has written to. */
  readonly filter?: 'anyone' | 'address' | 'address and port';
  /** Default: one public port for each inside port, whatever the destination. */
  readonly mapping?: 'endpoint-independent' | 'address and port dependent';
  /** A mapping that nothing has left through for so long is forgotten. Default: never. */
  readonly timeout?: Milliseconds;
  /** Told where a mapping came anew for an inside port that had one before. */
  readonly onRebound?: (inside: Attachment, port: number) => void;
}

/** A NAT; several insides may have equal addresses and ports. */
export class SimulatedNat implements Attachment {
  readonly address: string;
  readonly gateway: SimulatedNat | undefined;
  readonly #habits: NatHabits;
  readonly #outward = new Map<Attachment, Map<string, number>>();
  readonly #inward = new Map<number, Mapping>();
  readonly #had = new Map<Attachment, Set<string>>();
  #nextPort: number;

  /** @param firstPort public ports are given out from here upwards */
  constructor(address: string, gateway: SimulatedNat | undefined, firstPort = 20_000, habits: NatHabits = {}) {
    this.address = address;
    this.gateway = gateway;
    this.#nextPort = firstPort;
    this.#habits = habits;
  }

  /** Forgets all mappings, as a reboot does; the next datagram gets a new port. */
  flush(): void {
    this.#outward.clear();
    this.#inward.clear();
  }

  /** The public port of a datagram that leaves. */
  translate(inside: Attachment, port: number, to: Endpoint, now: Instant): number {
    const { filter = 'address and port', mapping = 'endpoint-independent' } = this.#habits;
    const ports = this.#outward.get(inside) ?? new Map<string, number>();
    this.#outward.set(inside, ports);
    const key = mapping === 'endpoint-independent' ? `${port}` : `${port}|${to.address}|${to.port}`;
    let outside = ports.get(key);
    if (outside !== undefined && this.#expired(this.#inward.get(outside)!, now)) {
      this.#inward.delete(outside);
      outside = undefined;
    }
    if (outside === undefined) {
      outside = this.#nextPort++;
      if (this.#nextPort > 65_535) this.#nextPort = 1024;
      ports.set(key, outside);
      this.#inward.set(outside, { inside, port, key, known: new Set(), usedAt: now });
      const had = this.#had.get(inside) ?? new Set<string>();
      this.#had.set(inside, had);
      if (had.has(key)) this.#habits.onRebound?.(inside, port);
      had.add(key);
    }
    const entry = this.#inward.get(outside)!;
    entry.usedAt = now;
    if (filter !== 'anyone') entry.known.add(filter === 'address' ? to.address : `${to.address}|${to.port}`);
    return outside;
  }

  arrive(to: number, remote: Endpoint, bytes: Uint8Array, now: Instant): void {
    const mapping = this.#inward.get(to);
    if (mapping === undefined || this.#expired(mapping, now)) return;
    const { filter = 'address and port' } = this.#habits;
    const allowed =
      filter === 'anyone' ||
      mapping.known.has(filter === 'address' ? remote.address : `${remote.address}|${remote.port}`);
    if (allowed) mapping.inside.arrive(mapping.port, remote, bytes, now);
  }

  #expired({ usedAt }: Mapping, now: Instant): boolean {
    const { timeout } = this.#habits;
    return timeout !== undefined && now - usedAt >= timeout;
  }
}

/** A datagram on the open side of all NATs, for taps and for tests that tamper. */
export interface CarriedDatagram {
  readonly from: Endpoint;
  readonly to: Endpoint;
  readonly bytes: Uint8Array;
}

/** More happenings than that at one instant follow from each other without end. */
const MOST_AT_ONCE = 20_000;

export class SimulatedNetwork {
  now: Instant = 0;
  quality: LinkQuality;
  /** Sees each datagram before it is carried; what it returns is carried instead, undefined loses it. */
  tamper: ((datagram: CarriedDatagram) => CarriedDatagram | undefined) | undefined;
  /** All that was sent, in order, as it left the outermost NAT; nothing where `recording` is off. */
  readonly carried: CarriedDatagram[] = [];
  recording = true;
  /** How many datagrams were sent. */
  count = 0;
  /** Quality of the way to and from a public address, where it has one of its own. */
  readonly qualities = new Map<string, LinkQuality>();
  readonly #attachments = new Map<string, Attachment>();
  readonly #happenings = new Happenings();
  readonly #number: () => number;

  constructor(seed: number, quality: LinkQuality = PERFECT) {
    this.#number = seededNumbers(seed);
    this.quality = quality;
  }

  host(address: string, receiver: Receiver, behind?: SimulatedNat): SimulatedHost {
    const host = new SimulatedHost(this, address, behind, receiver);
    if (behind === undefined) this.#attachments.set(address, host);
    return host;
  }

  nat(address: string, behind?: SimulatedNat, firstPort?: number, habits?: NatHabits): SimulatedNat {
    const nat = new SimulatedNat(address, behind, firstPort, habits);
    if (behind === undefined) this.#attachments.set(address, nat);
    return nat;
  }

  /** Runs `run` when the clock reaches `at`; what was scheduled first for one instant runs first. */
  schedule(at: Instant, run: (now: Instant) => void): void {
    this.#happenings.add(Math.max(at, this.now), run);
  }

  /** Moves the clock to `until`, or to where `done` first holds. @returns whether `done` held */
  run(until: Instant, done: () => boolean = () => false): boolean {
    let atOnce = 0;
    while (!done()) {
      const next = this.#happenings.take(until);
      if (next === undefined) {
        this.now = Math.max(this.now, until);
        return done();
      }
      atOnce = next.at > this.now ? 0 : atOnce + 1;
      if (atOnce > MOST_AT_ONCE) throw new Error(`the clock stands still at ${this.now} ms`);
      this.now = next.at;
      next.run(this.now);
    }
    return true;
  }

  /** Called by hosts; tests may call it to inject. */
  carry(origin: Attachment, fromPort: number, to: Endpoint, bytes: Uint8Array): void {
    let source: Attachment = origin;
    let port = fromPort;
    for (let nat = source.gateway; nat !== undefined; nat = source.gateway) {
      port = nat.translate(source, port, to, this.now);
      source = nat;
    }
    this.inject({ from: { address: source.address, port }, to, bytes });
  }

  /** Puts a datagram on the open side of all NATs, with whatever source it claims. */
  inject(sent: CarriedDatagram): void {
    const datagram = this.tamper === undefined ? sent : this.tamper(sent);
    if (datagram === undefined) return;
    this.count++;
    if (this.recording) this.carried.push(datagram);
    const quality =
      this.qualities.get(datagram.from.address) ?? this.qualities.get(datagram.to.address) ?? this.quality;
    if (quality.largest !== undefined && datagram.bytes.length > quality.largest) return;
    const copies = this.#number() < quality.duplicate ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      const lost = this.#number() < quality.drop;
      const delay = quality.delay + this.#number() * quality.jitter;
      if (!lost) this.schedule(this.now + delay, (now) => this.#deliver(datagram, now));
    }
  }

  #deliver({ from, to, bytes }: CarriedDatagram, now: Instant): void {
    this.#attachments.get(to.address)?.arrive(to.port, from, bytes, now);
  }
}
