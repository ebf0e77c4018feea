/** The Password Authentication Protocol in both roles. RFC 1334 §2. */

import type { Instant } from '../../core/index.ts';
import { concat, fromUtf8, printable, Reader, utf8 } from '../../wire/index.ts';
import { Protocol } from '../frame.ts';
import type { AuthenticationAnswer } from '../output.ts';
import type { Packet } from '../packet.ts';
import {
  type Authenticatee,
  type AuthenticateeOwner,
  type AuthenticationEnvironment,
  type Authenticator,
  type AuthenticatorOwner,
  backOff,
  refusedByPeer,
  silentPeer,
} from './role.ts';

/** RFC 1334 §2.2. */
const PapCode = { authenticateRequest: 1, authenticateAck: 2, authenticateNak: 3 } as const;

/** Waits for an Authenticate-Request; the first that parses is judged, and its verdict is repeated to duplicates. */
export class PapAuthenticator implements Authenticator {
  readonly protocol = Protocol.PAP;
  readonly #in: AuthenticationEnvironment;
  readonly #owner: AuthenticatorOwner;
  #state: 'waiting' | 'judging' | 'accepted' | 'refused' = 'waiting';
  #identifier = 0;
  #user = '';
  #message = '';

  constructor(env: AuthenticationEnvironment, owner: AuthenticatorOwner) {
    this.#in = env;
    this.#owner = owner;
  }

  start(now: Instant): void {
    this.#in.line.timers.set('authenticator', now + this.#in.settings.timers.authentication);
  }

  receive(packet: Packet, _now: Instant) {
    if (packet.code !== PapCode.authenticateRequest) return;
    if (this.#state === 'judging') {
      // The verdict goes to the latest identifier: the peer may have given up waiting for the first.
      this.#identifier = packet.identifier;
      return;
    }
    if (this.#state !== 'waiting') {
      this.#identifier = packet.identifier;
      return this.#reply();
    }
    const from = new Reader(packet.data, 'PAP Authenticate-Request');
    const user = fromUtf8(from.bytes(from.u8()));
    const password = from.bytes(from.u8()).slice();
    this.#state = 'judging';
    this.#identifier = packet.identifier;
    this.#user = user;
    this.#in.line.timers.clear('authenticator');
    this.#owner.ask({ method: 'pap', user, password });
  }

  answer(answer: AuthenticationAnswer, now: Instant): void {
    this.#state = answer.accepted ? 'accepted' : 'refused';
    this.#message = answer.message ?? '';
    this.#reply();
    if (answer.accepted) this.#owner.peerAccepted(this.#user, 'pap', answer, now);
    else this.#owner.peerRefused(answer.reason, 'local', now);
  }

  expire(now: Instant): void {
    if (this.#state === 'waiting') {
      this.#owner.peerRefused(silentPeer('PAP Authenticate-Request'), 'timeout', now);
    }
  }

  #reply(): void {
    const code = this.#state === 'accepted' ? PapCode.authenticateAck : PapCode.authenticateNak;
    this.#in.line.send(Protocol.PAP, { code, identifier: this.#identifier, data: counted(utf8(this.#message)) });
  }
}

/** Sends its Authenticate-Request until it is answered. */
export class PapAuthenticatee implements Authenticatee {
  readonly protocol = Protocol.PAP;
  readonly method = 'pap';
  readonly #in: AuthenticationEnvironment;
  readonly #owner: AuthenticateeOwner;
  #identifier = 0;
  #transmissions = 0;
  #settled = false;

  constructor(env: AuthenticationEnvironment, owner: AuthenticateeOwner) {
    this.#in = env;
    this.#owner = owner;
  }

  start(now: Instant): void {
    this.#send(now);
  }

  receive(packet: Packet, now: Instant) {
    const verdict = packet.code === PapCode.authenticateAck || packet.code === PapCode.authenticateNak;
    // Any of our identifiers will do: each request said the same.
    if (!verdict || this.#settled || packet.identifier === 0 || packet.identifier > this.#identifier) return;
    this.#settled = true;
    this.#in.line.timers.clear('authenticatee');
    if (packet.code === PapCode.authenticateAck) return this.#owner.localAccepted(now);
    this.#owner.localRefused(refusedByPeer(printable(packet.data.subarray(1))), 'peer', now);
  }

  expire(now: Instant) {
    if (this.#settled) return;
    if (this.#transmissions < this.#in.settings.timers.maxConfigure) return this.#send(now);
    this.#owner.localRefused(silentPeer('answer to our PAP requests'), 'timeout', now);
  }

  #send(now: Instant): void {
    const { user, password } = this.#owner.credentials;
    const data = concat(counted(utf8(user)), counted(utf8(password)));
    this.#identifier++;
    this.#transmissions++;
    this.#in.line.send(Protocol.PAP, { code: PapCode.authenticateRequest, identifier: this.#identifier, data });
    this.#in.line.timers.set('authenticatee', now + backOff(this.#in.settings, this.#transmissions));
  }
}

/** A length of one byte in front; what does not fit is cut. */
function counted(bytes: Uint8Array): Uint8Array {
  const cut = bytes.subarray(0, 255);
  return concat(Uint8Array.of(cut.length), cut);
}
