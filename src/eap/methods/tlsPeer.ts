/** EAP-TLS, the peer's half. RFC 5216 §2.1, RFC 9190 §2.1. */

import type { Failure } from '../../core/index.ts';
import { sameBytes } from '../../wire/index.ts';
import { ignore, type PeerMethod, type PeerMethodParts, type PeerTurn } from '../method.ts';
import type { TlsProgress } from '../tlsSession.ts';
import { ACK, TlsFragments } from './tlsFragments.ts';
import { COMMITMENT, keysOf, newSession, TLS_EXPORT } from './tlsKeys.ts';

export class TlsPeer implements PeerMethod {
  readonly #fragments: TlsFragments;
  readonly #session: string;
  #state: 'waiting' | 'working' | 'handshaking' | 'established' | 'done' = 'waiting';
  /** What is answered when the fragments of our flight are through. */
  #after: Extract<PeerTurn, { do: 'respond' }> | undefined;

  constructor({ env, mostData }: PeerMethodParts) {
    this.#fragments = new TlsFragments(mostData);
    this.#session = newSession(env);
  }

  receive(data: Uint8Array): PeerTurn {
    const input = this.#fragments.receive(data);
    if (this.#fragments.sending) {
      if (input.kind !== 'ack') return OUT_OF_TURN;
      const fragment = this.#fragments.next();
      const last = this.#after;
      return !this.#fragments.sending && last !== undefined
        ? { ...last, data: fragment }
        : { do: 'respond', data: fragment, decision: 'continue' };
    }
    switch (input.kind) {
      case 'start':
        return this.#state === 'waiting' ? this.#advance(new Uint8Array(0)) : OUT_OF_TURN;
      case 'fragment':
        return { do: 'respond', data: ACK, decision: 'continue' };
      case 'ack':
        return OUT_OF_TURN;
      case 'message':
        return this.#state === 'handshaking' || this.#state === 'established'
          ? this.#advance(input.bytes)
          : OUT_OF_TURN;
    }
  }

  tlsAnswer(progress: TlsProgress): PeerTurn {
    if (progress.state === 'failed') {
      const turn = this.#failed(progress.failure, progress.output);
      return progress.alerted === true && turn.data === undefined ? { ...turn, data: ACK, by: 'peer' } : turn;
    }
    if (progress.state === 'handshaking') {
      this.#state = 'handshaking';
      if (progress.output.length === 0) return this.#failed(STALLED, progress.output);
      return this.#respond({ do: 'respond', data: progress.output, decision: 'continue' });
    }
    this.#state = 'established';
    const { version, data, output } = progress;
    const keys = keysOf(progress.keys);
    if (version === 'TLSv1.2') {
      this.#state = 'done';
      return this.#respond({ do: 'respond', data: output, decision: 'conditional', keys });
    }
    // TLS 1.3: only the server's protected word says that it accepts us. RFC 9190 §2.1.1.
    if (data.length === 0) return this.#respond({ do: 'respond', data: output, decision: 'continue', keys });
    if (!sameBytes(data, COMMITMENT)) return this.#failed(NO_COMMITMENT, output);
    this.#state = 'done';
    return this.#respond({ do: 'respond', data: output, decision: 'unconditional', keys });
  }

  #advance(input: Uint8Array): PeerTurn {
    this.#state = 'working';
    return { do: 'askTls', ask: { session: this.#session, role: 'client', input, export: TLS_EXPORT } };
  }

  #respond(turn: Extract<PeerTurn, { do: 'respond' }>): PeerTurn {
    const data = turn.data.length === 0 ? ACK : this.#fragments.send(turn.data);
    if (!this.#fragments.sending) return { ...turn, data };
    this.#after = turn;
    return { do: 'respond', data, decision: 'continue' };
  }

  #failed(failure: Failure, alert: Uint8Array): Extract<PeerTurn, { do: 'fail' }> {
    this.#state = 'done';
    // Without an alert nothing is said: an acknowledgement could be taken for consent.
    return { do: 'fail', failure, by: 'local', ...(alert.length > 0 && { data: this.#fragments.send(alert) }) };
  }
}

const OUT_OF_TURN = ignore('unexpected-authentication', 'An EAP-TLS message out of turn.');

const STALLED: Failure = {
  code: 'tls-failed',
  reason: 'The server’s TLS messages end in the middle of the handshake.',
};
const NO_COMMITMENT: Failure = {
  code: 'tls-failed',
  reason: 'The server sent something else in place of the protected success of EAP-TLS with TLS 1.3.',
  remedy: 'Set the highest TLS version to 1.2 for this server.',
};
