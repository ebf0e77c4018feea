/** An EAP peer and an EAP server on a virtual clock, joined by a wire that may lose, duplicate and delay. */

import { nodeCrypto } from '../../src/crypto/node/index.ts';
import {
  type Credentials,
  type EapOutput,
  EapPeer,
  type EapPeerConfig,
  EapServer,
  type EapServerConfig,
  type EapUserAnswer,
  type TlsEngine,
} from '../../src/eap/index.ts';
import { judgeCredentials } from '../../src/ppp/index.ts';
import { randomBytes, seeded } from '../ppp/sim.ts';

export const environment = (seed: number) => ({ crypto: nodeCrypto, random: randomBytes(seeded(seed)) });

/** Accepts `User` with `clientPass`, and every certificate of alice. */
export function judge(credentials: Credentials): EapUserAnswer {
  if (credentials.method === 'certificate' && !/^alice/.test(credentials.user)) return REFUSED;
  const known = credentials.user === 'User' || credentials.method === 'certificate';
  return judgeCredentials(nodeCrypto, credentials, known ? { password: 'clientPass' } : undefined);
}

const REFUSED: EapUserAnswer = { accepted: false, reason: { code: 'unknown-user', reason: 'There is no such user.' } };

export const RESTART = [300, 700, 1000, 3000];

export interface PairOptions {
  readonly server?: Partial<EapServerConfig>;
  readonly peer?: Partial<EapPeerConfig>;
  readonly judge?: (credentials: Credentials) => EapUserAnswer;
  readonly tls?: { readonly server?: TlsEngine; readonly client?: TlsEngine };
  readonly seed?: number;
  readonly loss?: number;
  readonly duplicates?: number;
  readonly jitter?: number;
}

type Name = 'peer' | 'server';

export class EapPair {
  now = 0;
  readonly peer: EapPeer;
  readonly server: EapServer;
  readonly outputs: Record<Name, EapOutput[]> = { peer: [], server: [] };
  readonly #options: PairOptions;
  readonly #next: () => number;
  #planned: { at: number; order: number; run: () => void }[] = [];
  #order = 0;
  #steps: Promise<void>[] = [];

  constructor(options: PairOptions = {}) {
    this.#options = options;
    const { seed = 1 } = options;
    this.#next = seeded(seed);
    const credentials = { user: 'User', password: 'clientPass' };
    this.peer = new EapPeer(
      { methods: ['eap-mschapv2'], credentials, patience: 30_000, ...options.peer },
      environment(seed * 2 + 1),
    );
    this.server = new EapServer(
      { methods: ['eap-mschapv2'], restart: RESTART, ...options.server },
      environment(seed * 2),
    );
  }

  start(): this {
    this.take('peer', this.peer.command({ type: 'start' }, this.now));
    this.take('server', this.server.command({ type: 'start' }, this.now));
    return this;
  }

  /** Lets virtual time pass. Steps of TLS take none of it. */
  async run(milliseconds = 120_000): Promise<this> {
    const until = this.now + milliseconds;
    for (;;) {
      while (this.#steps.length > 0) await Promise.all(this.#steps.splice(0));
      this.#planned.sort((a, b) => a.at - b.at || a.order - b.order);
      const due = [this.#planned[0]?.at, this.peer.deadline, this.server.deadline];
      const at = Math.min(...due.map((time) => time ?? Number.POSITIVE_INFINITY));
      if (at > until) break;
      this.now = Math.max(this.now, at);
      const first = this.#planned[0];
      if (first !== undefined && first.at <= this.now) {
        this.#planned.shift();
        first.run();
        continue;
      }
      this.take('peer', this.peer.expire(this.now));
      this.take('server', this.server.expire(this.now));
    }
    this.now = until;
    return this;
  }

  last<T extends EapOutput['type']>(name: Name, type: T): (EapOutput & { type: T }) | undefined {
    return this.outputs[name].findLast((output): output is EapOutput & { type: T } => output.type === type);
  }

  traces(name: Name): string[] {
    return this.outputs[name].flatMap((output) =>
      output.type === 'trace' ? [`${output.direction === 'in' ? '<' : '>'} ${output.summary}`] : [],
    );
  }

  take(name: Name, outputs: readonly EapOutput[]): void {
    this.outputs[name].push(...outputs);
    for (const output of outputs) {
      if (output.type === 'send') this.#transmit(name, output.bytes);
      if (output.type === 'ask') {
        const answer = (this.#options.judge ?? judge)(output.credentials);
        this.#plan(50, () =>
          this.take('server', this.server.command({ type: 'answer', id: output.id, answer }, this.now)),
        );
      }
      if (output.type === 'askTls') {
        const engine = this.#options.tls?.[name === 'server' ? 'server' : 'client'];
        const step = engine!.advance(output.ask).then((progress) => {
          const command = { type: 'tlsAnswer', id: output.id, progress } as const;
          this.take(name, this[name].command(command, this.now));
        });
        this.#steps.push(step);
      }
    }
  }

  #transmit(from: Name, bytes: Uint8Array): void {
    const to = from === 'peer' ? 'server' : 'peer';
    const { loss = 0, duplicates = 0, jitter = 0 } = this.#options;
    const copies = (this.#next() < loss ? 0 : 1) + (this.#next() < duplicates ? 1 : 0);
    for (let i = 0; i < copies; i++) {
      this.#plan(10 + this.#next() * jitter, () => this.take(to, this[to].receive(bytes, this.now)));
    }
  }

  #plan(after: number, run: () => void): void {
    this.#planned.push({ at: this.now + after, order: this.#order++, run });
  }
}
