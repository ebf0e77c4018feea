/** The gateway's users: whom its owner is asked about, and the address that an accepted one gets. */

import type { Failure, Instant } from '../core/index.ts';
import type { AuthenticationAnswer } from '../ppp/output.ts';
import type { Connection } from '../session/connection.ts';
import { failureText, type LogEntry } from '../session/log.ts';
import type { ConnectionOutput } from '../session/output.ts';
import type { PppSession } from '../session/pppSession.ts';
import type { SessionLimits } from '../session/sessionClock.ts';
import { FailedLogins } from './failedLogins.ts';
import { type Addresses, Leases } from './leases.ts';
import type { GatewayOutput, SingleSession, UserAnswer } from './output.ts';

/** The gateway's own address inside the tunnels, and the name servers that it hands out. IPv4 dotted text. */
export interface InnerNetwork {
  readonly localAddress: string;
  readonly dns: readonly string[];
  readonly nbns: readonly string[];
}

export interface UserRules {
  readonly addresses: Addresses;
  /** Static addresses by user, known from the start. */
  readonly reserved: ReadonlyMap<string, string>;
  readonly network: InnerNetwork;
  /** Within a minute, before more are refused for a growing time. */
  readonly mostFailedLogins: number;
  readonly singleSession: SingleSession;
  readonly sessionLimits: SessionLimits;
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
  readonly #failedLogins: FailedLogins;
  readonly #events: UserEvents;
  readonly #singleSession: SingleSession;
  readonly #limits: SessionLimits;
  /** Sessions of accepted users that stand, by user without domain. */
  readonly #accepted = new Map<string, Set<PppSession>>();
  readonly #pending = new Map<number, Pending>();
  #next = 1;

  constructor(rules: UserRules, events: UserEvents) {
    const { addresses, reserved, network, mostFailedLogins } = rules;
    this.#network = network;
    this.#leases = new Leases(addresses, reserved);
    this.#failedLogins = new FailedLogins(mostFailedLogins);
    this.#singleSession = rules.singleSession;
    this.#limits = rules.sessionLimits;
    this.#events = events;
  }

  /** Asks the owner, unless the user has failed too often from there. */
  ask(
    connection: Connection,
    { session, id, credentials }: Extract<ConnectionOutput, { type: 'askUser' }>,
    now: Instant,
  ): GatewayOutput[] {
    const { user } = credentials;
    const { peer } = connection.record;
    const pending: Pending = { connection, session, id, user };
    const refusal = this.#failedLogins.refusal(peer, user, now);
    if (refusal !== undefined) return this.#answer(pending, { accepted: false, reason: refusal }, FAILED, now);
    const ask = this.#next++;
    this.#pending.set(ask, pending);
    return [{ type: 'askUser', id: ask, sessionId: session.record.id, peer, credentials }];
  }

  answered(id: number, given: UserAnswer, now: Instant): GatewayOutput[] {
    const pending = this.#pending.get(id);
    if (pending === undefined) return [];
    this.#pending.delete(id);
    const { connection, session, user } = pending;
    if (connection.ended) return [];
    const { peer } = connection.record;
    // Many asked about at once are judged one after the other: what comes behind too many failures does not count.
    const refusal = this.#failedLogins.refusal(peer, user, now);
    const answer: UserAnswer = refusal === undefined ? given : { accepted: false, reason: refusal };
    if (!answer.accepted) {
      if (answer.unjudged === true) return this.#answer(pending, answer, REFUSED, now);
      this.#failedLogins.failed(peer, user, now);
      return this.#answer(pending, answer, FAILED, now);
    }
    this.#failedLogins.succeeded(peer, user);
    const others = this.#othersOf(session, user);
    const rule = answer.singleSession ?? this.#singleSession;
    if (rule === 'deny' && others.length > 0) {
      return this.#answer(pending, { accepted: false, reason: alreadyConnected(user) }, REFUSED, now);
    }
    this.#leases.accepted(user, answer.address);
    session.limits = { ...this.#limits, ...answer.limits };
    const out: GatewayOutput[] = [];
    if (rule === 'replace')
      for (const other of others) out.push(...this.#events.replaced(other, replacedBy(user), now));
    this.#enter(session, user);
    const peerAddress = this.#leases.addressOf(session) ?? this.#lease(session, user, answer.address, out, now);
    out.push(...this.#answer(pending, this.#withNetwork(answer, peerAddress), REFUSED, now));
    return out;
  }

  /** The session is over: its address may go to another. */
  release(session: PppSession): void {
    this.#leases.release(session);
    const key = withoutDomain(session.record.user ?? '');
    const sessions = this.#accepted.get(key);
    sessions?.delete(session);
    if (sessions?.size === 0) this.#accepted.delete(key);
  }

  forget(connection: Connection): void {
    for (const [id, pending] of this.#pending) if (pending.connection === connection) this.#pending.delete(id);
  }

  /** @param refusal what the log calls it, where it is one */
  #answer(pending: Pending, answer: AuthenticationAnswer, refusal: Refusal, now: Instant): GatewayOutput[] {
    const { connection, session, id } = pending;
    if (answer.accepted) return this.#events.from(connection, connection.answer(session, id, answer, now), now);
    // The record knows why; the peer is not told whether it was the name or the password.
    session.record.ended ??= answer.reason;
    const told = { ...answer, reason: TOLD };
    return [
      refusedEntry(pending, answer.reason, refusal),
      ...this.#events.from(connection, connection.answer(session, id, told, now), now),
    ];
  }

  #withNetwork(
    { authenticatorResponse, message }: Extract<UserAnswer, { accepted: true }>,
    peerAddress: string | undefined,
  ): AuthenticationAnswer {
    if (peerAddress === undefined) return { accepted: false, reason: NO_ADDRESS };
    return {
      accepted: true,
      network: { ...this.#network, peerAddress },
      ...(authenticatorResponse === undefined ? {} : { authenticatorResponse }),
      ...(message === undefined ? {} : { message }),
    };
  }

  /** Gives an accepted user an address: the static one, whose older session goes, or one of the pool. */
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
    out.push(...this.#events.replaced(holder, replacedBy(user), now));
    return address;
  }

  #othersOf(session: PppSession, user: string): PppSession[] {
    return [...(this.#accepted.get(withoutDomain(user)) ?? [])].filter((other) => other !== session);
  }

  #enter(session: PppSession, user: string): void {
    const key = withoutDomain(user);
    const sessions = this.#accepted.get(key);
    if (sessions === undefined) this.#accepted.set(key, new Set([session]));
    else sessions.add(session);
  }
}

/** All that a refused peer learns: more would say which users exist. */
const TOLD: Failure = { code: 'authentication-failed', reason: 'Authentication failed.' };

/** `DOMAIN\\user` is the user. */
const withoutDomain = (user: string) => user.slice(user.lastIndexOf('\\') + 1);

const replacedBy = (user: string): Failure => ({ code: 'replaced', reason: `User ${user} connected again.` });

const alreadyConnected = (user: string): Failure => ({
  code: 'already-connected',
  reason: `User ${user} is connected already, and may be once only.`,
  remedy: 'End the other session, or set single_session to `replace` or `allow`.',
});

const NO_ADDRESS: Failure = {
  code: 'no-address',
  reason: 'No address is free for the user.',
  remedy: 'Enlarge network.pool, or end the session that holds the static address.',
};

/** The login failed: what watches the log for guessers (fail2ban) counts these. */
const FAILED = { event: 'authentication-failed', words: 'Authentication failed' } as const;
/** Not the user's fault. */
const REFUSED = { event: 'user-refused', words: 'Refused' } as const;
type Refusal = typeof FAILED | typeof REFUSED;

/** The peer's address stands before all that the peer itself can write. */
function refusedEntry({ connection, session, user }: Pending, reason: Failure, { event, words }: Refusal): LogEntry {
  const remote = connection.record.peer;
  return {
    type: 'log',
    level: 'warn',
    layer: 'ppp',
    event,
    text: `${words} from ${remote.address} for user ${JSON.stringify(user)}: ${failureText(reason)}`,
    session: session.record.id,
    fields: { code: reason.code, user, remote },
  };
}
