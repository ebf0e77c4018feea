/** EAP-TLS, the server's half. RFC 5216 §2.1, RFC 9190 §2.1. */

import type { Failure } from '../../core/index.ts';
import { concat } from '../../wire/index.ts';
import type { EapUserAnswer } from '../credentials.ts';
import { type EapKeys, ignore, type ServerMethod, type ServerMethodParts, type ServerTurn } from '../method.ts';
import type { TlsAsk, TlsProgress } from '../tlsSession.ts';
import { ACK, START, TlsFragments } from './tlsFragments.ts';
import { COMMITMENT, keysOf, newSession, TLS_EXPORT } from './tlsKeys.ts';

type State =
  | { readonly name: 'handshaking' }
  | { readonly name: 'working' }
  /** The peer's certificate is valid; its user is being asked about. */
  | { readonly name: 'judging'; readonly established: Extract<TlsProgress, { state: 'established' }> }
  /** TLS 1.3: the protected success indication is being made, to go behind `before`. */
  | { readonly name: 'committing'; readonly before: Uint8Array; readonly keys: EapKeys }
  /** Our last flight is out; its acknowledgement ends it. */
  | { readonly name: 'finishing'; readonly keys: EapKeys }
  | { readonly name: 'failing'; readonly failure: Failure };

export class TlsServer implements ServerMethod {
  readonly #parts: ServerMethodParts;
  readonly #fragments: TlsFragments;
  readonly #session: string;
  #state: State = { name: 'handshaking' };
  #user = '';

  constructor(parts: ServerMethodParts) {
    this.#parts = parts;
    this.#fragments = new TlsFragments(parts.mostData);
    this.#session = newSession(parts.env);
  }

  get refusal(): Failure | undefined {
    return this.#state.name === 'failing' ? this.#state.failure : undefined;
  }

  start(): Uint8Array {
    return START;
  }

  receive(data: Uint8Array): ServerTurn {
    const state = this.#state;
    if (state.name === 'failing') return { do: 'fail', failure: state.failure, by: 'local' };
    const input = this.#fragments.receive(data);
    if (this.#fragments.sending) {
      return input.kind === 'ack' ? { do: 'request', data: this.#fragments.next() } : OUT_OF_TURN;
    }
    switch (input.kind) {
      case 'start':
        return OUT_OF_TURN;
      case 'fragment':
        return { do: 'request', data: ACK };
      case 'ack':
        if (state.name !== 'finishing') return OUT_OF_TURN;
        return { do: 'succeed', identity: this.#user, keys: state.keys };
      case 'message':
        // All that a peer may still have to say is an alert.
        if (state.name === 'finishing') return { do: 'fail', failure: PEER_REFUSED, by: 'peer' };
        if (state.name !== 'handshaking') return OUT_OF_TURN;
        this.#state = { name: 'working' };
        return this.#ask({ input: input.bytes });
    }
  }

  tlsAnswer(progress: TlsProgress): ServerTurn {
    if (progress.state === 'failed') return this.#failed(progress.failure, progress.output);
    const state = this.#state;
    if (state.name === 'committing') {
      return this.#finish(concat(state.before, progress.output), state.keys);
    }
    if (progress.state === 'handshaking') {
      if (progress.output.length === 0) return { do: 'fail', failure: STALLED, by: 'peer' };
      this.#state = { name: 'handshaking' };
      return { do: 'request', data: this.#fragments.send(progress.output) };
    }
    const { peerNames } = progress;
    const user = userNamed(this.#parts.identity, peerNames);
    if (user === undefined) return this.#failed(otherUser(this.#parts.identity, peerNames), NOTHING);
    this.#user = user;
    this.#state = { name: 'judging', established: progress };
    return { do: 'ask', credentials: { method: 'certificate', user, names: peerNames } };
  }

  answer(answer: EapUserAnswer): ServerTurn {
    if (this.#state.name !== 'judging') return OUT_OF_TURN;
    if (!answer.accepted) return this.#failed(answer.reason, NOTHING);
    const { output, version, keys } = this.#state.established;
    if (version === 'TLSv1.2') return this.#finish(output, keysOf(keys));
    this.#state = { name: 'committing', before: output, keys: keysOf(keys) };
    return this.#ask({ write: COMMITMENT, last: true });
  }

  #finish(flight: Uint8Array, keys: EapKeys): ServerTurn {
    // Where a session of TLS 1.2 is resumed, the peer spoke last.
    if (flight.length === 0) return { do: 'succeed', identity: this.#user, keys };
    this.#state = { name: 'finishing', keys };
    return { do: 'request', data: this.#fragments.send(flight) };
  }

  /** An alert goes to the peer first, where there is one. RFC 5216 §2.1.3. */
  #failed(failure: Failure, alert: Uint8Array): ServerTurn {
    if (alert.length === 0) return { do: 'fail', failure, by: 'local' };
    this.#state = { name: 'failing', failure };
    return { do: 'request', data: this.#fragments.send(alert) };
  }

  #ask(step: Pick<TlsAsk, 'input' | 'write' | 'last'>): ServerTurn {
    return { do: 'askTls', ask: { session: this.#session, role: 'server', export: TLS_EXPORT, ...step } };
  }
}

/**
 * The user whom a certificate proves: the EAP identity, where the certificate bears it, or its first name where the
 * identity hides who speaks (RFC 9190 §2.1.7: nothing, or `anonymous`, before the realm).
 */
export function userNamed(identity: string, names: readonly string[]): string | undefined {
  if (/^(anonymous)?(@.*)?$/i.test(identity)) return names[0];
  return names.find((name) => name.toLowerCase() === identity.toLowerCase());
}

const NOTHING = new Uint8Array(0);
const OUT_OF_TURN = ignore('unexpected-authentication', 'An EAP-TLS message out of turn.');

const STALLED: Failure = { code: 'tls-failed', reason: 'The peer’s TLS messages end in the middle of the handshake.' };
const PEER_REFUSED: Failure = {
  code: 'tls-failed',
  reason: 'The peer ended TLS when the handshake was through.',
  remedy: 'Look at the peer’s log: it may refuse our certificate or our TLS version.',
};

const otherUser = (identity: string, names: readonly string[]): Failure => ({
  code: 'certificate-identity',
  reason: `The certificate is for ${names.map((name) => JSON.stringify(name)).join(', ') || 'nobody'}, not for the EAP identity ${JSON.stringify(identity)}.`,
  remedy: 'Give the peer a certificate with its user name as common name or e-mail address, or correct its identity.',
});
