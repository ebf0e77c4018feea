/** The gateway's users: whom its owner is asked about, and the address that an accepted one gets. */

import type { Failure, Instant } from '../core/index.ts';
import type { AuthenticationAnswer } from '../ppp/output.ts';
import type { Connection } from '../session/connection.ts';
import { failureText, type LogEntry } from '../session/log.ts';
import type { ConnectionOutput } from '../session/output.ts';
import type { PppSession } from '../session/pppSession.ts';
import { type Addresses, Leases } from './leases.ts';
import type { GatewayOutput, UserAnswer } from './output.ts';

/** The gateway's own address inside the tunnels, and the name servers that it hands out. IPv4 dotted text. */
export interface InnerNetwork {
  readonly localAddress: string;
  readonly dns: readonly string[];
  readonly nbns: readonly string[];
}

/** What the users' side tells the gateway. */
export interface UserEvents {
  /** The connection returned these: the gateway acts on them. */
  from(connection: Connection, outputs: readonly ConnectionOutput[], now: Instant): GatewayOutput[];
  /** The user came again for the address of this session. */
  replaced(session: PppSession, reason: Failure, now: Instant): readonly GatewayOutput[];
}

interface Pending {
  readonly connection: Connection;
  readonly session: PppSession;
  readonly id: number;
  readonly user: string;
}

export class Users {
  readonly #network: InnerNetwork;
  readonly #leases: Leases;
  readonly #events: UserEvents;
  readonly #pending = new Map<number, Pending>();
  #next = 1;

  constructor(network: InnerNetwork, addresses: Addresses, events: UserEvents) {
    this.#network = network;
    this.#leases = new Leases(addresses);
    this.#events = events;
  }

  ask(connection: Connection, ask: Extract<ConnectionOutput, { type: 'askUser' }>): GatewayOutput {
    const { session, id, credentials } = ask;
    const pending = this.#next++;
    this.#pending.set(pending, { connection, session, id, user: credentials.user });
    return { type: 'askUser', id: pending, sessionId: session.record.id, peer: connection.record.peer, credentials };
  }

  answered(id: number, answer: UserAnswer, now: Instant): GatewayOutput[] {
    const pending = this.#pending.get(id);
    if (pending === undefined) return [];
    this.#pending.delete(id);
    const { connection, session } = pending;
    if (connection.ended) return [];
    const out: GatewayOutput[] = [];
    const judged = this.#withNetwork(pending, answer, out, now);
    if (!judged.accepted) out.push(refusedEntry(pending, judged.reason));
    out.push(...this.#events.from(connection, connection.answer(session, pending.id, judged, now), now));
    return out;
  }

  /** The session is over: its address may go to another. */
  release(session: PppSession): void {
    this.#leases.release(session);
  }

  forget(connection: Connection): void {
    for (const [id, pending] of this.#pending) if (pending.connection === connection) this.#pending.delete(id);
  }

  /** Gives an accepted user an address: the static one, whose older session goes, or one of the pool. */
  #withNetwork(
    { session, user }: Pending,
    answer: UserAnswer,
    out: GatewayOutput[],
    now: Instant,
  ): AuthenticationAnswer {
    if (!answer.accepted) return answer;
    const peerAddress = this.#leases.addressOf(session) ?? this.#lease(session, user, answer.address, out, now);
    if (peerAddress === undefined) return { accepted: false, reason: NO_ADDRESS };
    const { authenticatorResponse, message } = answer;
    return {
      accepted: true,
      network: { ...this.#network, peerAddress },
      ...(authenticatorResponse === undefined ? {} : { authenticatorResponse }),
      ...(message === undefined ? {} : { message }),
    };
  }

  #lease(
    session: PppSession,
    user: string,
    address: string | undefined,
    out: GatewayOutput[],
    now: Instant,
  ): string | undefined {
    if (address === undefined) return this.#leases.fromPool(session, user);
    if (this.#leases.take(session, user, address)) return address;
    // A user who comes again for a static address replaces the session that the peer has forgotten.
    const holder = this.#leases.holderOf(address);
    if (holder === undefined || holder.record.user !== user) return undefined;
    this.#leases.handOver(address, session);
    out.push(...this.#events.replaced(holder, { code: 'replaced', reason: `User ${user} connected again.` }, now));
    return address;
  }
}

const NO_ADDRESS: Failure = {
  code: 'no-address',
  reason: 'No address is free for the user.',
  remedy: 'Enlarge network.pool, or end the session that holds the static address.',
};

function refusedEntry({ connection, session, user }: Pending, reason: Failure): LogEntry {
  return {
    type: 'log',
    level: 'warn',
    layer: 'ppp',
    event: 'authentication-failed',
    text: `User ${JSON.stringify(user)}: ${failureText(reason)}`,
    session: session.record.id,
    fields: { code: reason.code, user, remote: connection.record.peer },
  };
}
