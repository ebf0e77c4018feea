/** Two PPP links on a virtual clock, joined by a wire that may lose, duplicate and delay; the same seed, the same run. */

import { nodeCrypto } from '../../src/crypto/node/index.ts';
import type { TlsEngine } from '../../src/eap/index.ts';
import {
  type AuthenticationAnswer,
  type Credentials,
  judgeCredentials,
  type NetworkParameters,
  type PppCommand,
  type PppConfig,
  PppLink,
  type PppOutput,
} from '../../src/ppp/index.ts';

export const crypto = nodeCrypto;

/** mulberry32: small, fast, and the same everywhere. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export const randomBytes = (next: () => number) => (length: number) =>
  Uint8Array.from({ length }, () => Math.floor(next() * 256));

export const environment = (seed: number) => ({ crypto, random: randomBytes(seeded(seed)) });

export const NETWORK: NetworkParameters = {
  localAddress: '10.9.0.1',
  peerAddress: '10.9.0.77',
  dns: ['10.9.0.1', '9.9.9.9'],
  nbns: ['10.9.0.3'],
};

export interface EndOptions {
  readonly config: PppConfig;
  /** Judges an ask; undefined leaves it unanswered. */
  readonly judge?: (credentials: Credentials) => AuthenticationAnswer | undefined;
  /** How long judging takes, ms. */
  readonly judgingTakes?: number;
  /** Makes the steps of EAP-TLS; they take no virtual time. */
  readonly tls?: TlsEngine;
}

/** Accepts `User` with `clientPass` and hands out `NETWORK`. */
export const judge = (credentials: Credentials): AuthenticationAnswer =>
  judgeCredentials(crypto, credentials, credentials.user === 'User' ? { password: 'clientPass' } : undefined, NETWORK);

export interface WireOptions {
  readonly seed?: number;
  readonly loss?: number;
  readonly duplicates?: number;
  readonly delay?: number;
  readonly jitter?: number;
}

type Name = 'client' | 'server';
interface Planned {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

export class Pair {
  now = 0;
  readonly links: Record<Name, PppLink>;
  readonly outputs: Record<Name, PppOutput[]> = { client: [], server: [] };
  /** Drops everything while true. */
  cut = false;
  readonly #ends: Record<Name, EndOptions>;
  readonly #wire: Required<WireOptions>;
  readonly #next: () => number;
  #planned: Planned[] = [];
  #order = 0;
  readonly #tlsSteps: Promise<void>[] = [];

  constructor(client: EndOptions, server: EndOptions, wire: WireOptions = {}) {
    this.#wire = { seed: 1, loss: 0, duplicates: 0, delay: 10, jitter: 0, ...wire };
    this.#next = seeded(this.#wire.seed);
    this.#ends = { client, server };
    this.links = {
      client: new PppLink(client.config, environment(this.#wire.seed * 2 + 1)),
      server: new PppLink(server.config, environment(this.#wire.seed * 2 + 2)),
    };
  }

  start(): this {
    this.command('server', { type: 'up' });
    this.command('client', { type: 'up' });
    return this;
  }

  command(name: Name, command: PppCommand): void {
    this.#take(name, this.links[name].command(command, this.now));
  }

  /** Lets virtual time pass for `milliseconds`. */
  run(milliseconds: number): this {
    const until = this.now + milliseconds;
    for (let steps = 0; ; steps++) {
      if (steps > 100_000) throw new Error('the simulation does not come to rest');
      this.#planned.sort((a, b) => a.at - b.at || a.order - b.order);
      const due = [this.#planned[0]?.at, this.links.client.deadline, this.links.server.deadline];
      const at = Math.min(...due.map((time) => time ?? Number.POSITIVE_INFINITY));
      if (at > until) break;
      this.now = Math.max(this.now, at);
      const first = this.#planned[0];
      if (first !== undefined && first.at <= this.now) {
        this.#planned.shift();
        first.run();
        continue;
      }
      for (const name of ['client', 'server'] as const) this.#take(name, this.links[name].expire(this.now));
    }
    this.now = until;
    return this;
  }

  /** Loses what is under way. */
  dropInFlight(): void {
    this.#planned = [];
  }

  /** The same with EAP-TLS, whose steps are awaited. */
  async runTls(milliseconds: number): Promise<this> {
    for (const until = this.now + milliseconds; this.now < until; this.run(10)) {
      while (this.#tlsSteps.length > 0) await Promise.all(this.#tlsSteps.splice(0));
    }
    return this;
  }

  of<T extends PppOutput['type']>(name: Name, type: T): (PppOutput & { type: T })[] {
    return this.outputs[name].filter((output): output is PppOutput & { type: T } => output.type === type);
  }

  last<T extends PppOutput['type']>(name: Name, type: T): (PppOutput & { type: T }) | undefined {
    return this.of(name, type).at(-1);
  }

  /** What `name` sent and received, in traces. */
  traces(name: Name): string[] {
    return this.of(name, 'trace').map(({ direction, summary }) => `${direction === 'in' ? '<' : '>'} ${summary}`);
  }

  #take(name: Name, outputs: readonly PppOutput[]): void {
    this.outputs[name].push(...outputs);
    for (const output of outputs) {
      if (output.type === 'send') this.#transmit(name, output.frame);
      if (output.type === 'ask') {
        const { judge, judgingTakes = 0 } = this.#ends[name];
        const answer = judge?.(output.credentials);
        if (answer === undefined) continue;
        this.#plan(judgingTakes, () => this.command(name, { type: 'answer', id: output.id, answer }));
      }
      if (output.type === 'askTls') {
        const step = this.#ends[name]
          .tls!.advance(output.ask)
          .then((progress) => this.command(name, { type: 'tlsAnswer', id: output.id, progress }));
        this.#tlsSteps.push(step);
      }
    }
  }

  #transmit(from: Name, frame: Uint8Array): void {
    const to = from === 'client' ? 'server' : 'client';
    const { loss, duplicates, delay, jitter } = this.#wire;
    const copies = (this.#next() < loss ? 0 : 1) + (this.#next() < duplicates ? 1 : 0);
    for (let i = 0; i < copies && !this.cut; i++) {
      this.#plan(delay + this.#next() * jitter, () => this.#take(to, this.links[to].receive(frame, this.now)));
    }
  }

  #plan(after: number, run: () => void): void {
    this.#planned.push({ at: this.now + after, order: this.#order++, run });
  }
}
