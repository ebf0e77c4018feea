/** The Challenge Handshake Authentication Protocol in both roles, for any algorithm. RFC 1994. */

import type { Failure, Instant } from '../../core/index.ts';
import { concat, fromUtf8, type Packed, pack, Reader, unpack, utf8 } from '../../wire/index.ts';
import type { LocalCredentials, PppEnvironment } from '../config.ts';
import { Protocol } from '../frame.ts';
import type { AuthenticationAnswer, AuthenticationMethod, Credentials } from '../output.ts';
import type { Packet } from '../packet.ts';
import {
  type Authenticatee,
  type AuthenticateeOwner,
  type AuthenticationEnvironment,
  type Authenticator,
  type AuthenticatorOwner,
  backOff,
  silentPeer,
} from './role.ts';

/** RFC 1994 §4. */
export const ChapCode = { challenge: 1, response: 2, success: 3, failure: 4 } as const;

export interface ChapChallenge {
  readonly identifier: number;
  readonly value: Uint8Array;
}

/** What an algorithm does for the authenticator. */
export interface ChapAuthenticatorAlgorithm {
  readonly method: AuthenticationMethod;
  /** @returns undefined for a response whose form is wrong */
  credentials(challenge: ChapChallenge, name: Uint8Array, response: Uint8Array): Credentials | undefined;
  /** The Success message; undefined where the answer lacks what the algorithm needs. */
  success(answer: AuthenticationAnswer & { accepted: true }): string | undefined;
  /** @param next what the peer must answer if it may retry, and random bytes if not */
  failure(answer: AuthenticationAnswer & { accepted: false }, mayRetry: boolean, next: Uint8Array): string;
  readonly canRetry: boolean;
}

/** What an algorithm does for the end that proves itself. */
export interface ChapAuthenticateeAlgorithm {
  readonly method: AuthenticationMethod;
  respond(challenge: ChapChallenge, credentials: LocalCredentials, env: PppEnvironment): ChapResponse;
}

export interface ChapResponse {
  /** The response's Value field. */
  readonly value: Uint8Array;
  /** @returns why a Success cannot be believed; undefined when it can */
  verify(message: Uint8Array): Failure | undefined;
  refused(message: Uint8Array): Failure;
}

/** Bytes of a challenge, for every algorithm. RFC 2759 §3 prescribes it, RFC 1994 §2.3 recommends it. */
const CHALLENGE_BYTES = 16;
/** RFC 2759 §4; names beyond are refused. */
const MOST_NAME_BYTES = 256;

export class ChapAuthenticator implements Authenticator {
  readonly protocol = Protocol.CHAP;
  readonly #in: AuthenticationEnvironment;
  readonly #owner: AuthenticatorOwner;
  readonly #algorithm: ChapAuthenticatorAlgorithm;
  #state: 'challenging' | 'judging' | 'retrying' | 'accepted' | 'refused' = 'challenging';
  #identifier: number;
  #value: Packed;
  #transmissions = 0;
  #retriesLeft: number;
  #user = '';
  /** What was said of the last response, which is said again where that comes again. */
  #verdict: { readonly code: number; readonly identifier: number; readonly message: string } | undefined;

  /** @param identifier of the first challenge: one that the peer has not seen on this link */
  constructor(
    env: AuthenticationEnvironment,
    owner: AuthenticatorOwner,
    algorithm: ChapAuthenticatorAlgorithm,
    identifier: number,
  ) {
    this.#in = env;
    this.#owner = owner;
    this.#algorithm = algorithm;
    this.#retriesLeft = algorithm.canRetry ? env.settings.retries : 0;
    this.#identifier = identifier & 0xff;
    this.#value = this.#newValue();
  }

  get challenge(): Uint8Array {
    return unpack(this.#value);
  }

  start(now: Instant) {
    this.#sendChallenge(now);
  }

  repeat(now: Instant) {
    if (this.#state !== 'accepted') return;
    this.#identifier = (this.#identifier + 1) & 0xff;
    this.#value = this.#newValue();
    this.#state = 'challenging';
    this.#transmissions = 0;
    this.#sendChallenge(now);
  }

  receive(packet: Packet, _now: Instant) {
    if (packet.code !== ChapCode.response) return;
    if (this.#verdict?.identifier === packet.identifier && this.#state !== 'judging') {
      // The verdict was lost; whatever the response says now, it is the same. RFC 1994 §4.1.
      return this.#sendAgain();
    }
    const expected = this.#state === 'challenging' || this.#state === 'retrying';
    if (!expected || packet.identifier !== this.#identifier) return;
    const { value, name } = decodeValue(packet.data);
    const challenge = { identifier: this.#identifier, value: this.challenge };
    const credentials = this.#algorithm.credentials(challenge, name, value);
    if (credentials === undefined || name.length > MOST_NAME_BYTES) {
      return this.#in.line.drop('malformed', 'CHAP Response of a wrong form.');
    }
    this.#state = 'judging';
    this.#user = credentials.user;
    this.#in.line.timers.clear('authenticator');
    this.#owner.ask(credentials);
  }

  answer(answer: AuthenticationAnswer, now: Instant) {
    if (!answer.accepted) return this.#refuse(answer, now);
    const message = this.#algorithm.success(answer);
    if (message === undefined) {
      const reason = { code: 'internal', reason: 'The authentication answer came without an authenticator response.' };
      return this.#refuse({ accepted: false, reason }, now);
    }
    this.#state = 'accepted';
    this.#sendVerdict(ChapCode.success, message);
    this.#owner.peerAccepted(this.#user, this.#algorithm.method, answer, now);
  }

  expire(now: Instant) {
    if (this.#state === 'challenging' && this.#transmissions < this.#in.settings.timers.maxConfigure) {
      return this.#sendChallenge(now);
    }
    if (this.#state === 'challenging' || this.#state === 'retrying') {
      this.#owner.peerRefused(silentPeer('CHAP Response'), 'timeout', now);
    }
  }

  #refuse(answer: AuthenticationAnswer & { accepted: false }, now: Instant) {
    const mayRetry = this.#retriesLeft > 0;
    const next = this.#newValue();
    this.#sendVerdict(ChapCode.failure, this.#algorithm.failure(answer, mayRetry, unpack(next)));
    if (!mayRetry) {
      this.#state = 'refused';
      return this.#owner.peerRefused(answer.reason, 'local', now);
    }
    // The retry answers the challenge in the failure message, under the next identifier. RFC 2759 §9.1.4.
    this.#retriesLeft--;
    this.#identifier = (this.#identifier + 1) & 0xff;
    this.#value = next;
    this.#state = 'retrying';
    this.#in.line.timers.set('authenticator', now + this.#in.settings.timers.establish);
    this.#owner.peerMayRetry(now);
  }

  #sendVerdict(code: number, message: string): void {
    this.#verdict = { code, identifier: this.#identifier, message };
    this.#sendAgain();
  }

  #sendAgain(): void {
    const { code, identifier, message } = this.#verdict!;
    this.#in.line.send(Protocol.CHAP, { code, identifier, data: utf8(message) });
  }

  #newValue(): Packed {
    return pack(this.#in.env.random(CHALLENGE_BYTES));
  }

  #sendChallenge(now: Instant) {
    const { settings, line } = this.#in;
    const data = encodeValue(this.challenge, utf8(settings.name));
    this.#transmissions++;
    line.send(Protocol.CHAP, { code: ChapCode.challenge, identifier: this.#identifier, data });
    line.timers.set('authenticator', now + backOff(settings, this.#transmissions));
  }
}

export class ChapAuthenticatee implements Authenticatee {
  readonly protocol = Protocol.CHAP;
  readonly #in: AuthenticationEnvironment;
  readonly #owner: AuthenticateeOwner;
  readonly #algorithm: ChapAuthenticateeAlgorithm;
  #state: 'waiting' | 'responded' | 'settled' = 'waiting';
  #challenge: ChapChallenge | undefined;
  #response: ChapResponse | undefined;
  #transmissions = 0;

  constructor(env: AuthenticationEnvironment, owner: AuthenticateeOwner, algorithm: ChapAuthenticateeAlgorithm) {
    this.#in = env;
    this.#owner = owner;
    this.#algorithm = algorithm;
  }

  get method(): AuthenticationMethod {
    return this.#algorithm.method;
  }

  start(now: Instant) {
    this.#in.line.timers.set('authenticatee', now + this.#in.settings.timers.authentication);
  }

  receive(packet: Packet, now: Instant) {
    if (packet.code === ChapCode.challenge) return this.#challenged(packet, now);
    const verdict = packet.code === ChapCode.success || packet.code === ChapCode.failure;
    if (!verdict || this.#state !== 'responded' || packet.identifier !== this.#challenge!.identifier) return;
    this.#state = 'settled';
    this.#in.line.timers.clear('authenticatee');
    if (packet.code === ChapCode.failure) {
      return this.#owner.localRefused(this.#response!.refused(packet.data), 'peer', now);
    }
    const doubt = this.#response!.verify(packet.data);
    if (doubt === undefined) this.#owner.localAccepted(now);
    else this.#owner.localRefused(doubt, 'local', now);
  }

  /** A Success may be lost, and only a repeated Response brings it again. RFC 1994 §4.1. */
  expire(now: Instant) {
    if (this.#state === 'settled') return;
    if (this.#state === 'responded' && this.#transmissions < this.#in.settings.timers.maxConfigure) {
      return this.#send(now);
    }
    const what = this.#state === 'waiting' ? 'CHAP Challenge' : 'answer to our CHAP Response';
    this.#owner.localRefused(silentPeer(what), 'timeout', now);
  }

  #challenged({ identifier, data }: Packet, now: Instant) {
    const value = decodeValue(data).value.slice();
    if (value.length === 0) return this.#in.line.drop('malformed', 'CHAP Challenge without a value.');
    if (this.#owner.isOurChallenge(value)) {
      return this.#in.line.drop('reflected-challenge', 'The peer sent our own challenge back.');
    }
    const known = this.#challenge;
    const repeated = known?.identifier === identifier && this.#in.env.crypto.equal(known.value, value);
    if (!repeated) {
      this.#challenge = { identifier, value };
      this.#response = this.#algorithm.respond(this.#challenge, this.#owner.credentials, this.#in.env);
      this.#transmissions = 0;
      this.#state = 'responded';
    } else if (this.#transmissions >= this.#in.settings.timers.maxConfigure) {
      return;
    }
    this.#send(now);
  }

  #send(now: Instant): void {
    const { line, settings } = this.#in;
    const data = encodeValue(this.#response!.value, utf8(this.#owner.credentials.user));
    this.#transmissions++;
    line.send(Protocol.CHAP, { code: ChapCode.response, identifier: this.#challenge!.identifier, data });
    if (this.#state === 'responded') {
      line.timers.set('authenticatee', now + backOff(settings, settings.timers.restart.length));
    }
  }
}

/** The Value-Size, Value and Name fields of Challenge and Response. RFC 1994 §4.1. */
export function encodeValue(value: Uint8Array, name: Uint8Array): Uint8Array {
  return concat(Uint8Array.of(value.length), value, name);
}

/** @throws Malformed */
export function decodeValue(data: Uint8Array): { readonly value: Uint8Array; readonly name: Uint8Array } {
  const from = new Reader(data, 'CHAP packet');
  return { value: from.bytes(from.u8()), name: from.rest() };
}

/** A Name field as the user name that stores and logs go by. */
export const userName = (name: Uint8Array): string => fromUtf8(name);
