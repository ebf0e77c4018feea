/** EAP as an authentication protocol of PPP: the EAP cores on one link. RFC 3748 §3.1, §4. */

import type { Instant } from '../../core/index.ts';
import {
  type EapMethodName,
  type EapOutput,
  EapPeer,
  EapServer,
  FRAGMENT_BYTES,
  isEapMethod,
} from '../../eap/index.ts';
import type { Settings } from '../config.ts';
import { Protocol } from '../frame.ts';
import type { AuthenticationAnswer, AuthenticationMethod } from '../output.ts';
import { decodePacket, encodePacket, type Packet } from '../packet.ts';
import {
  type Authenticatee,
  type AuthenticateeOwner,
  type AuthenticationEnvironment,
  type Authenticator,
  type AuthenticatorOwner,
  silentPeer,
} from './role.ts';

type AcceptedAnswer = AuthenticationAnswer & { accepted: true };

export class EapAuthenticator implements Authenticator {
  readonly protocol = Protocol.EAP;
  readonly #in: AuthenticationEnvironment;
  readonly #owner: AuthenticatorOwner;
  #server: EapServer;
  #asked = 0;
  #answer: AcceptedAnswer | undefined;
  #accepted = false;

  constructor(env: AuthenticationEnvironment, owner: AuthenticatorOwner) {
    this.#in = env;
    this.#owner = owner;
    this.#server = this.#newServer();
  }

  get challenge(): Uint8Array | undefined {
    return this.#server.challenge;
  }

  start(now: Instant) {
    this.#take(this.#server.command({ type: 'start' }, now), now);
  }

  repeat(now: Instant) {
    if (!this.#accepted) return;
    this.#accepted = false;
    this.#server = this.#newServer();
    this.start(now);
  }

  receive(packet: Packet, now: Instant) {
    this.#take(this.#server.receive(encodePacket(packet), now), now);
  }

  answer(answer: AuthenticationAnswer, now: Instant) {
    if (answer.accepted) this.#answer = answer;
    this.#take(this.#server.command({ type: 'answer', id: this.#asked, answer }, now), now);
  }

  expire(now: Instant) {
    this.#take(this.#server.expire(now), now);
  }

  #newServer(): EapServer {
    const { settings, line, env } = this.#in;
    const { restart, maxConfigure, establish } = settings.timers;
    return new EapServer(
      {
        methods: eapMethodsOf(settings.requirePeer),
        name: settings.name,
        retries: settings.retries,
        mostBytes: Math.min(line.peerMru, FRAGMENT_BYTES),
        restart,
        mostTransmissions: maxConfigure,
        retryPatience: establish,
      },
      untraced(env),
    );
  }

  #take(outputs: readonly EapOutput[], now: Instant) {
    const server = this.#server;
    const { timers } = this.#in.line;
    if (server.deadline === undefined) timers.clear('authenticator');
    else timers.set('authenticator', server.deadline);
    for (const output of outputs) {
      switch (output.type) {
        case 'ask':
          this.#asked = output.id;
          this.#owner.ask(output.credentials);
          break;
        case 'askTls':
          this.#owner.askTls(output.ask, (progress, at) => {
            if (this.#server === server) {
              this.#take(server.command({ type: 'tlsAnswer', id: output.id, progress }, at), at);
            }
          });
          break;
        case 'retrying':
          this.#owner.peerMayRetry(now);
          break;
        case 'success':
          this.#accepted = true;
          this.#owner.peerAccepted(output.identity, output.method, this.#answer!, now);
          break;
        case 'failure':
          if (output.by === 'timeout') this.#owner.peerRefused(silentPeer('EAP Response'), 'timeout', now);
          else this.#owner.peerRefused(output.failure, 'local', now);
          break;
        default:
          passOn(output, this.#in);
      }
    }
  }
}

export class EapAuthenticatee implements Authenticatee {
  readonly protocol = Protocol.EAP;
  readonly #in: AuthenticationEnvironment;
  readonly #owner: AuthenticateeOwner;
  #peer: EapPeer;
  #method: EapMethodName;
  #settled = false;

  constructor(env: AuthenticationEnvironment, owner: AuthenticateeOwner) {
    this.#in = env;
    this.#owner = owner;
    this.#method = eapMethodsOf(env.settings.acceptFromPeer)[0]!;
    this.#peer = this.#newPeer();
  }

  get method(): AuthenticationMethod {
    return this.#method;
  }

  start(now: Instant) {
    this.#take(this.#peer.command({ type: 'start' }, now), now);
  }

  receive(packet: Packet, now: Instant) {
    if (this.#settled && packet.code === REQUEST && packet.data[0] === IDENTITY) {
      this.#settled = false;
      this.#peer = this.#newPeer(true);
      this.start(now);
    }
    this.#take(this.#peer.receive(encodePacket(packet), now), now);
  }

  expire(now: Instant) {
    this.#take(this.#peer.expire(now), now);
  }

  networkSpoken(now: Instant) {
    this.#take(this.#peer.command({ type: 'lowerLayerSuccess' }, now), now);
  }

  /** @param again the server may ask again at any time, or a Request that came late only looks like it */
  #newPeer(again = false): EapPeer {
    const { settings, line, env } = this.#in;
    return new EapPeer(
      {
        methods: eapMethodsOf(settings.acceptFromPeer),
        credentials: this.#owner.credentials,
        mostBytes: Math.min(line.peerMru, FRAGMENT_BYTES),
        ...(again ? {} : { patience: settings.timers.authentication }),
        isOurChallenge: (challenge) => this.#owner.isOurChallenge(challenge),
      },
      untraced(env),
    );
  }

  #take(outputs: readonly EapOutput[], now: Instant) {
    const peer = this.#peer;
    const { timers } = this.#in.line;
    if (peer.deadline === undefined) timers.clear('authenticatee');
    else timers.set('authenticatee', peer.deadline);
    for (const output of outputs) {
      switch (output.type) {
        case 'askTls':
          this.#owner.askTls(output.ask, (progress, at) => {
            if (this.#peer === peer) this.#take(peer.command({ type: 'tlsAnswer', id: output.id, progress }, at), at);
          });
          break;
        case 'success':
          this.#settled = true;
          this.#method = output.method;
          this.#owner.localAccepted(now);
          break;
        case 'failure':
          this.#owner.localRefused(output.failure, output.by, now);
          break;
        default:
          passOn(output, this.#in);
      }
    }
  }
}

const REQUEST = 1;
const IDENTITY = 1;

const eapMethodsOf = (methods: Settings['requirePeer']): readonly EapMethodName[] => methods.filter(isEapMethod);

/** The line traces by itself. */
const untraced = (env: AuthenticationEnvironment['env']) => ({ ...env, untraced: true });

/** Frames, and what was ignored. */
function passOn(output: EapOutput, { line }: { readonly line: AuthenticationEnvironment['line'] }): void {
  if (output.type === 'send') line.send(Protocol.EAP, decodePacket(output.bytes));
  if (output.type === 'dropped') line.drop(output.code, output.reason);
}
