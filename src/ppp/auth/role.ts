/** The two roles of every authentication protocol, and what they tell the link. */

import type { Failure, Instant } from '../../core/index.ts';
import type { TlsAsk, TlsProgress } from '../../eap/index.ts';
import type { LocalCredentials, PppEnvironment, Settings } from '../config.ts';
import type { Line } from '../line.ts';
import type { AuthenticationAnswer, AuthenticationMethod, Credentials } from '../output.ts';
import type { Packet } from '../packet.ts';

/** What both roles are handed. */
export interface AuthenticationEnvironment {
  readonly line: Line;
  readonly settings: Settings;
  readonly env: PppEnvironment;
}

export interface TlsAsker {
  /** Has a step of TLS made; `then` is called unless the link goes back to LCP meanwhile. */
  askTls(ask: TlsAsk, then: (progress: TlsProgress, now: Instant) => void): void;
}

export interface AuthenticatorOwner extends TlsAsker {
  /** Has credentials judged; `answer` brings the verdict. */
  ask(credentials: Credentials): void;
  /** The peer proved itself, for the first time or again. */
  peerAccepted(
    user: string,
    method: AuthenticationMethod,
    answer: AuthenticationAnswer & { accepted: true },
    now: Instant,
  ): void;
  /** A wrong password that may be tried again. */
  peerMayRetry(now: Instant): void;
  peerRefused(failure: Failure, by: 'local' | 'timeout', now: Instant): void;
}

/** Requires the peer to prove itself. Its Restart timer is `authenticator`. */
export interface Authenticator {
  /** Of the frames that are for it. */
  readonly protocol: number;
  start(now: Instant): void;
  receive(packet: Packet, now: Instant): void;
  answer(answer: AuthenticationAnswer, now: Instant): void;
  expire(now: Instant): void;
  /** Requires it once more; PAP cannot. */
  repeat?(now: Instant): void;
  /** The challenge that is out, lest the peer has us answer it. */
  readonly challenge?: Uint8Array | undefined;
}

export interface AuthenticateeOwner extends TlsAsker {
  readonly credentials: LocalCredentials;
  localAccepted(now: Instant): void;
  localRefused(failure: Failure, by: 'peer' | 'local' | 'timeout', now: Instant): void;
  /** Whether a challenge is our own, sent back. */
  isOurChallenge(challenge: Uint8Array): boolean;
}

/** Proves ourselves: what the RFCs call the peer. Its Restart timer is `authenticatee`. */
export interface Authenticatee {
  readonly protocol: number;
  /** By which it proves us, or has. */
  readonly method: AuthenticationMethod;
  start(now: Instant): void;
  receive(packet: Packet, now: Instant): void;
  expire(now: Instant): void;
  /** The peer goes on as if we were accepted. */
  networkSpoken?(now: Instant): void;
}

/** The wait after transmission number `transmissions`. */
export function backOff({ timers }: Settings, transmissions: number): number {
  const { restart } = timers;
  return restart[Math.min(transmissions, restart.length) - 1] ?? 3000;
}

export const silentPeer = (what: string): Failure => ({
  code: 'authentication-timeout',
  reason: `The peer sent no ${what} in time.`,
});

export const refusedByPeer = (detail: string): Failure => ({
  code: 'authentication-failed',
  reason: `The peer refused our user name or password${detail === '' ? '' : ` (${detail})`}.`,
  remedy: 'Check the user name and the password.',
});
