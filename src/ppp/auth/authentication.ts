/** The authentication phase: both directions at once, each by the method that LCP agreed on. RFC 1661 §3.5. */

import { type Failure, Few, type Instant } from '../../core/index.ts';
import type { TlsAsk, TlsProgress } from '../../eap/index.ts';
import type { LocalCredentials } from '../config.ts';
import { Protocol } from '../frame.ts';
import type { AuthenticationAnswer, AuthenticationMethod, Credentials, LcpAuthentication } from '../output.ts';
import type { Packet } from '../packet.ts';
import { ChapAuthenticatee, ChapAuthenticator, ChapCode } from './chap.ts';
import { chapMd5Authenticatee, chapMd5Authenticator } from './chapMd5.ts';
import { EapAuthenticatee, EapAuthenticator } from './eap.ts';
import { msChapV2Authenticatee, msChapV2Authenticator } from './msChapV2.ts';
import { PapAuthenticatee, PapAuthenticator } from './pap.ts';
import type {
  Authenticatee,
  AuthenticateeOwner,
  AuthenticationEnvironment,
  Authenticator,
  AuthenticatorOwner,
} from './role.ts';

export type AcceptedAnswer = AuthenticationAnswer & { accepted: true };

export interface AuthenticationOwner {
  ask(id: number, credentials: Credentials): void;
  askTls(id: number, ask: TlsAsk): void;
  /** One end proved itself; `first` is false for a repetition. */
  authenticated(who: 'peer' | 'local', user: string, method: AuthenticationMethod, answer?: AcceptedAnswer): void;
  /** Both directions that were agreed on are through. */
  authenticationComplete(now: Instant): void;
  authenticationFailed(failure: Failure, by: 'peer' | 'local' | 'timeout', now: Instant): void;
  authenticationRetried(now: Instant): void;
}

export class Authentication implements AuthenticatorOwner, AuthenticateeOwner {
  readonly #in: AuthenticationEnvironment;
  readonly #owner: AuthenticationOwner;
  #authenticator: Authenticator | undefined;
  #authenticatee: Authenticatee | undefined;
  /** The user as whom the peer proved itself: it may not become another one later. */
  #peerUser: string | undefined;
  #peerDone = false;
  #localDone = false;
  #asked = 0;
  /** The ask that waits for its answer. */
  #pending: number | undefined;
  /** Who waits for steps of TLS: at most one in each direction. */
  readonly #tlsPending = new Few<number, (progress: TlsProgress, now: Instant) => void>();
  /** Survives a renegotiation of LCP, so that no two challenges of a link share an identifier for long. */
  #identifier = 0;

  constructor(env: AuthenticationEnvironment, owner: AuthenticationOwner) {
    this.#in = env;
    this.#owner = owner;
  }

  get complete(): boolean {
    return this.#peerDone && this.#localDone;
  }

  get credentials(): LocalCredentials {
    return this.#in.settings.credentials!;
  }

  /** LCP is open: begins what it agreed on, and is complete at once where that is nothing. */
  start(ofPeer: LcpAuthentication | undefined, ofUs: LcpAuthentication | undefined, now: Instant): void {
    this.stop();
    this.#peerDone = ofPeer === undefined;
    this.#localDone = ofUs === undefined;
    this.#authenticator = ofPeer && this.#newAuthenticator(ofPeer);
    this.#authenticatee = ofUs && this.#newAuthenticatee(ofUs);
    this.#authenticator?.start(now);
    this.#authenticatee?.start(now);
    if (this.complete) this.#owner.authenticationComplete(now);
  }

  /** LCP is down: an answer that is still to come is for nobody. */
  stop(): void {
    const { timers } = this.#in.line;
    for (const name of ['authenticator', 'authenticatee', 'reauthenticate'] as const) timers.clear(name);
    this.#authenticator = undefined;
    this.#authenticatee = undefined;
    this.#pending = undefined;
    this.#tlsPending.clear();
    this.#peerDone = false;
    this.#localDone = false;
  }

  /** @throws Malformed */
  receive(protocol: number, packet: Packet, now: Instant) {
    const forAuthenticator = packet.code === (protocol === Protocol.PAP ? 1 : ChapCode.response);
    const role = forAuthenticator ? this.#authenticator : this.#authenticatee;
    if (role?.protocol !== protocol) {
      return this.#in.line.drop('unexpected-authentication', 'A packet of authentication that was not agreed on.');
    }
    role.receive(packet, now);
  }

  answer(id: number, answer: AuthenticationAnswer, now: Instant): void {
    if (id !== this.#pending) return;
    this.#pending = undefined;
    this.#authenticator?.answer(answer, now);
  }

  tlsAnswer(id: number, progress: TlsProgress, now: Instant): void {
    const then = this.#tlsPending.get(id);
    this.#tlsPending.delete(id);
    then?.(progress, now);
  }

  /** The peer has begun with the network: what it would say of our proof may be lost. */
  networkSpoken(now: Instant): void {
    if (!this.#localDone) this.#authenticatee?.networkSpoken?.(now);
  }

  expire(timer: 'authenticator' | 'authenticatee' | 'reauthenticate', now: Instant): void {
    if (timer === 'reauthenticate') this.#authenticator?.repeat?.(now);
    else if (timer === 'authenticator') this.#authenticator?.expire(now);
    else this.#authenticatee?.expire(now);
  }

  ask(credentials: Credentials): void {
    this.#pending = ++this.#asked;
    this.#owner.ask(this.#pending, credentials);
  }

  askTls(ask: TlsAsk, then: (progress: TlsProgress, now: Instant) => void): void {
    const id = ++this.#asked;
    this.#tlsPending.set(id, then);
    this.#owner.askTls(id, ask);
  }

  peerAccepted(user: string, method: AuthenticationMethod, answer: AcceptedAnswer, now: Instant) {
    if (this.#peerUser !== undefined && this.#peerUser !== user) {
      const failure = { code: 'authentication-failed', reason: 'The peer authenticated again as another user.' };
      return this.#owner.authenticationFailed(failure, 'local', now);
    }
    const { reauthenticateEvery } = this.#in.settings;
    if (reauthenticateEvery !== undefined) this.#in.line.timers.set('reauthenticate', now + reauthenticateEvery);
    if (this.#peerDone) return;
    this.#peerUser = user;
    this.#peerDone = true;
    this.#owner.authenticated('peer', user, method, answer);
    if (this.complete) this.#owner.authenticationComplete(now);
  }

  peerMayRetry(now: Instant): void {
    this.#owner.authenticationRetried(now);
  }

  peerRefused(failure: Failure, by: 'local' | 'timeout', now: Instant): void {
    this.#owner.authenticationFailed(failure, by, now);
  }

  localAccepted(now: Instant): void {
    if (this.#localDone) return;
    this.#localDone = true;
    this.#owner.authenticated('local', this.credentials.user, this.#authenticatee!.method);
    if (this.complete) this.#owner.authenticationComplete(now);
  }

  localRefused(failure: Failure, by: 'peer' | 'local' | 'timeout', now: Instant): void {
    this.#owner.authenticationFailed(failure, by, now);
  }

  isOurChallenge(challenge: Uint8Array): boolean {
    const ours = this.#authenticator?.challenge;
    return ours !== undefined && this.#in.env.crypto.equal(ours, challenge);
  }

  #newAuthenticator(method: LcpAuthentication): Authenticator {
    if (method === 'pap') return new PapAuthenticator(this.#in, this);
    if (method === 'eap') return new EapAuthenticator(this.#in, this);
    const algorithm = method === 'chap-md5' ? chapMd5Authenticator : msChapV2Authenticator;
    this.#identifier = (this.#identifier + 1) & 0xff;
    return new ChapAuthenticator(this.#in, this, algorithm, this.#identifier);
  }

  #newAuthenticatee(method: LcpAuthentication): Authenticatee {
    if (method === 'pap') return new PapAuthenticatee(this.#in, this);
    if (method === 'eap') return new EapAuthenticatee(this.#in, this);
    const algorithm = method === 'chap-md5' ? chapMd5Authenticatee : msChapV2Authenticatee;
    return new ChapAuthenticatee(this.#in, this, algorithm);
  }
}
