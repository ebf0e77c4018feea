/** The gateway's users: whom its owner is asked about, and the address that an accepted one gets. */

import type { Endpoint, Failure, Instant } from '../core/index.ts';
import { prefixHost } from '../net/index.ts';
import type { AuthenticationAnswer, Credentials, NetworkParameters } from '../ppp/output.ts';
import { failureText, type LogEntry } from '../session/log.ts';
import type { SessionLimits } from '../session/sessionClock.ts';
import type { SessionRates, UserSession } from '../session/userSession.ts';
import { FailedLogins } from './failedLogins.ts';
import { type Addresses, Leases } from './leases.ts';
import type { GatewayOutput, SingleSession, UserAnswer } from './output.ts';
import { userRates } from './userRates.ts';

/** The gateway's own address inside the tunnels, and the name servers that it hands out. IPv4 dotted text. */
export interface InnerNetwork {
  readonly localAddress: string;
  readonly dns: readonly string[];
  readonly nbns: readonly string[];
  readonly localAddress6?: string;
}

/** Where users' IPv6 prefixes come from, /64 each. */
export interface Prefixes {
  allocate(user: string): string | undefined;
  release(prefix: string): unknown;
}

export interface UserRules {
  readonly addresses: Addresses;
  /** Static addresses by user, known from the start. */
  readonly reserved: ReadonlyMap<string, string>;
  /** Absent: no IPv6 inside. */
  readonly prefixes: Prefixes | undefined;
  readonly network: InnerNetwork;
  /** Within a minute, before more are refused for a growing time. */
  readonly mostFailedLogins: number;
  readonly singleSession: SingleSession;
  readonly sessionLimits: SessionLimits;
  readonly sessionRates: SessionRates;
}

/** What the users' side tells the gateway: the user came again for the address of this session. */
export type Replaced = (session: UserSession, reason: Failure, now: Instant) => readonly GatewayOutput[];

/** Somebody claims to be a user. */
export interface Login {
  readonly session: UserSession;
  readonly peer: Endpoint;
  readonly credentials: Credentials;
  /** Which layer they came in; default: PPP. */
  readonly layer?: 'ppp' | 'ike';
  /** The user comes back with a ticket, which has what `UserAnswer.credential` was as it was given. */
  readonly resumed?: { readonly credential?: string } | undefined;
  /** Takes the judgement, with the address where it is a good one, and what the owner says of the user's credential. */
  answer(answer: AuthenticationAnswer, now: Instant, credential?: string): GatewayOutput[];
  /** Nobody waits for the judgement any more. */
  isOver(): boolean;
}

export class Users {
  readonly #network: InnerNetwork;
  readonly #leases: Leases;
  readonly #failedLogins: FailedLogins;
  readonly #replaced: Replaced;
  readonly #singleSession: SingleSession;
  readonly #limits: SessionLimits;
  readonly #rates: SessionRates;
  readonly #prefixes: Prefixes | undefined;
  /** Sessions of accepted users that stand, by user without domain. */
  readonly #accepted = new Map<string, Set<UserSession>>();
  readonly #pending = new Map<number, Login>();
  #next = 1;

  constructor(rules: UserRules, replaced: Replaced) {
    const { addresses, reserved, network, mostFailedLogins } = rules;
    this.#network = network;
    this.#leases = new Leases(addresses, reserved);
    this.#failedLogins = new FailedLogins(mostFailedLogins);
    this.#singleSession = rules.singleSession;
    this.#limits = rules.sessionLimits;
    this.#rates = rules.sessionRates;
    this.#prefixes = rules.prefixes;
    this.#replaced = replaced;
  }

  get population(): { readonly leases: number; readonly logins: number } {
    return { leases: this.#leases.size, logins: this.#pending.size };
  }

  /** Asks the owner, unless the user has failed too often from there. */
  ask(login: Login, now: Instant): GatewayOutput[] {
    const { session, peer, credentials } = login;
    const refusal = this.#failedLogins.refusal(peer, credentials.user, now);
    if (refusal !== undefined) return this.#answer(login, { accepted: false, reason: refusal }, FAILED, now);
    const ask = this.#next++;
    this.#pending.set(ask, login);
    return [{ type: 'askUser', id: ask, sessionId: session.record.id, peer, credentials }];
  }

  /** Takes in somebody who is no user: an address of the pool is all that they get. */
  admit(login: Login, now: Instant): GatewayOutput[] {
    return this.#judged(login, { accepted: true, singleSession: 'allow' }, now);
  }

  answered(id: number, given: UserAnswer, now: Instant): GatewayOutput[] {
    const login = this.#pending.get(id);
    if (login === undefined) return [];
    this.#pending.delete(id);
    return login.isOver() ? [] : this.#judged(login, given, now);
  }

  #judged(login: Login, given: UserAnswer, now: Instant): GatewayOutput[] {
    const {
      session,
      peer,
      credentials: { user },
    } = login;
    // Many asked about at once are judged one after the other: what comes behind too many failures does not count.
    const refusal = this.#failedLogins.refusal(peer, user, now);
    const answer: UserAnswer = refusal === undefined ? given : { accepted: false, reason: refusal };
    if (!answer.accepted) {
      if (answer.unjudged === true) return this.#answer(login, answer, REFUSED, now);
      this.#failedLogins.failed(peer, user, now);
      return this.#answer(login, answer, FAILED, now);
    }
    if (login.resumed !== undefined && login.resumed.credential !== answer.credential) {
      return this.#answer(login, { accepted: false, reason: CREDENTIAL_CHANGED }, REFUSED, now);
    }
    this.#failedLogins.succeeded(peer, user);
    const rule = answer.singleSession ?? this.#singleSession;
    // Ten thousand may come as one user: they are looked for where they count.
    const others = rule === 'allow' ? [] : this.#othersOf(session, user);
    if (rule === 'deny' && others.length > 0) {
      return this.#answer(login, { accepted: false, reason: alreadyConnected(user) }, REFUSED, now);
    }
    this.#leases.accepted(user, answer.address);
    session.limits = answer.limits === undefined ? this.#limits : { ...this.#limits, ...answer.limits };
    session.rates = userRates(this.#rates, answer.rates);
    const out: GatewayOutput[] = [];
    if (rule === 'replace') for (const other of others) out.push(...this.#replaced(other, replacedBy(user), now));
    this.#enter(session, user);
    const peerAddress = this.#leases.addressOf(session) ?? this.#lease(session, user, answer.address, out, now);
    this.#givePrefix(session, user);
    const accepted = this.#withNetwork(answer, peerAddress, session.prefix6);
    out.push(...this.#answer(login, accepted, REFUSED, now, answer.credential));
    return out;
  }

  /** The session is over: its address may go to another. */
  release(session: UserSession): void {
    this.#leases.release(session);
    if (session.prefix6 !== undefined) this.#prefixes?.release(session.prefix6);
    delete session.prefix6;
    const key = withoutDomain(session.record.user ?? '');
    const sessions = this.#accepted.get(key);
    sessions?.delete(session);
    if (sessions?.size === 0) this.#accepted.delete(key);
    for (const [id, login] of this.#pending) if (login.session === session) this.#pending.delete(id);
  }

  /** @param refusal what the log calls it, where it is one */
  #answer(
    login: Login,
    answer: AuthenticationAnswer,
    refusal: Refusal,
    now: Instant,
    credential?: string,
  ): GatewayOutput[] {
    if (answer.accepted) return login.answer(answer, now, credential);
    // The record knows why; the peer is not told whether it was the name or the password.
    login.session.record.ended ??= answer.reason;
    return [refusedEntry(login, answer.reason, refusal), ...login.answer({ ...answer, reason: TOLD }, now)];
  }

  #withNetwork(
    { authenticatorResponse, masterKey, message }: Extract<UserAnswer, { accepted: true }>,
    peerAddress: string | undefined,
    prefix: string | undefined,
  ): AuthenticationAnswer {
    if (peerAddress === undefined) return { accepted: false, reason: NO_ADDRESS };
    return {
      accepted: true,
      network: this.#networkOf(peerAddress, prefix),
      ...(authenticatorResponse === undefined ? {} : { authenticatorResponse }),
      ...(masterKey === undefined ? {} : { masterKey }),
      ...(message === undefined ? {} : { message }),
    };
  }

  /** Written out: it is kept for as long as the session stands, and objects of one kind weigh less. */
  #networkOf(peerAddress: string, prefix: string | undefined): NetworkParameters {
    const { localAddress, dns, nbns } = this.#network;
    if (prefix === undefined && this.#network.localAddress6 === undefined) {
      return { localAddress, peerAddress, dns, nbns };
    }
    const own = prefix === undefined ? {} : { ipv6: true, peerAddress6: prefixHost(prefix, PEER_HOST) };
    return { ...this.#network, peerAddress, ...own };
  }

  /** A user without a prefix, where all are taken, has IPv4 alone. */
  #givePrefix(session: UserSession, user: string): void {
    const prefix = session.prefix6 ?? this.#prefixes?.allocate(user);
    if (prefix !== undefined) session.prefix6 = prefix;
  }

  /** Gives an accepted user an address: the static one, whose older session goes, or one of the pool. */
  #lease(
    session: UserSession,
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
    out.push(...this.#replaced(holder, replacedBy(user), now));
    return address;
  }

  #othersOf(session: UserSession, user: string): UserSession[] {
    return [...(this.#accepted.get(withoutDomain(user)) ?? [])].filter((other) => other !== session);
  }

  #enter(session: UserSession, user: string): void {
    const key = withoutDomain(user);
    const sessions = this.#accepted.get(key);
    if (sessions === undefined) this.#accepted.set(key, new Set([session]));
    else sessions.add(session);
  }
}

/** Of the prefix, where the peer does not choose itself. */
const PEER_HOST = 1;

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

const CREDENTIAL_CHANGED: Failure = {
  code: 'credential-changed',
  reason: 'The user comes back with a ticket of before the password was set or the user was added anew.',
  remedy: 'None is needed here: the next try of the client is a full login.',
};

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
function refusedEntry(
  { session, peer, credentials, layer = 'ppp' }: Login,
  reason: Failure,
  { event, words }: Refusal,
): LogEntry {
  const { user } = credentials;
  return {
    type: 'log',
    level: 'warn',
    layer,
    event,
    text: `${words} from ${peer.address} for user ${JSON.stringify(user)}: ${failureText(reason)}`,
    session: session.record.id,
    fields: { code: reason.code, user, remote: peer },
  };
}
