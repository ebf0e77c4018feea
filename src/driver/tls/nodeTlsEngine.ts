/** The TLS engine of EAP: any number of sessions in Node's OpenSSL, bounded in number and time. */

import { randomBytes } from 'node:crypto';
import type { Failure } from '../../core/index.ts';
import type { TlsAsk, TlsEngine, TlsProgress } from '../../eap/tlsSession.ts';
import { NodeTlsSession, type SharedState } from './nodeTlsSession.ts';
import { handshakeFailure, NOT_SET_UP, TOO_MANY_SESSIONS } from './tlsFailure.ts';
import type { TlsRole, TlsSettings } from './tlsSettings.ts';

const MOST_SESSIONS = 1000;
const PATIENCE = 60_000;
const TICKET_KEY_BYTES = 48;

interface Open {
  readonly session: NodeTlsSession;
  readonly timer: NodeJS.Timeout;
}

export class NodeTlsEngine implements TlsEngine {
  readonly #roles: { readonly server: SharedState | undefined; readonly client: SharedState | undefined };
  readonly #most: number;
  readonly #patience: number;
  readonly #open = new Map<string, Open>();

  constructor({ server, client, mostSessions = MOST_SESSIONS, patience = PATIENCE }: TlsSettings) {
    this.#roles = { server: shared(server), client: shared(client) };
    this.#most = mostSessions;
    this.#patience = patience;
  }

  /** Sessions that stand. */
  get size(): number {
    return this.#open.size;
  }

  async advance(ask: TlsAsk): Promise<TlsProgress> {
    try {
      const open = this.#open.get(ask.session) ?? this.#begin(ask);
      if ('code' in open) return failed(open);
      open.timer.refresh();
      const progress = await open.session.step(ask);
      if (progress.state === 'failed' || ask.last === true) this.#end(ask.session);
      return progress;
    } catch (error) {
      this.#end(ask.session);
      return failed(handshakeFailure(error as Error));
    }
  }

  close(): void {
    for (const session of [...this.#open.keys()]) this.#end(session);
  }

  #begin({ session: name, role }: TlsAsk): Open | Failure {
    const state = this.#roles[role];
    const material = state?.role.material();
    if (state === undefined || material === undefined) return NOT_SET_UP;
    if (this.#open.size >= this.#most) return TOO_MANY_SESSIONS;
    const timer = setTimeout(() => this.#end(name), this.#patience).unref();
    const open = { session: new NodeTlsSession(role, state, material), timer };
    this.#open.set(name, open);
    return open;
  }

  #end(name: string): void {
    const open = this.#open.get(name);
    if (open === undefined) return;
    this.#open.delete(name);
    clearTimeout(open.timer);
    open.session.close();
  }
}

const shared = (role: TlsRole | undefined): SharedState | undefined =>
  role && { role, ticketKeys: randomBytes(TICKET_KEY_BYTES), ticket: undefined, serverChain: [], chains: new Map() };

const failed = (failure: Failure): TlsProgress => ({ state: 'failed', output: new Uint8Array(0), failure });
