/** The client's part of remote access over IKEv2: it logs in with EAP where asked to, and takes the addresses it is given. */

import type { Failure, Instant } from '../core/index.ts';
import { type EapOutput, EapPeer, type EapPeerConfig, type TlsAsk, type TlsProgress } from '../eap/index.ts';
import type { Configured, EapReceived, IkeCommand, IkeSaId } from '../ike/output.ts';
import type { StackEnvironment } from '../session/environment.ts';
import { layerEntry } from '../session/log.ts';
import type { SessionNetwork } from '../session/output.ts';
import type { SessionRecord } from '../session/record.ts';
import { TunnelSession } from '../session/tunnelSession.ts';
import type { ClientOutput } from './output.ts';

export interface RemoteAccessParts {
  /** Absent: a server that asks for EAP is refused. */
  readonly eap: EapPeerConfig | undefined;
  readonly environment: StackEnvironment;
  readonly record: SessionRecord;
  /** Gives a command to IKE, and returns what follows from it. */
  ike(command: IkeCommand, now: Instant): ClientOutput[];
  /** Asks for a step of TLS. */
  askTls(ask: TlsAsk, then: (progress: TlsProgress, now: Instant) => ClientOutput[]): ClientOutput[];
}

export class RemoteAccess {
  readonly #parts: RemoteAccessParts;
  #peer: EapPeer | undefined;
  /** Steps of TLS that are awaited. */
  #working = 0;

  constructor(parts: RemoteAccessParts) {
    this.#parts = parts;
  }

  eap({ ikeSa, bytes }: EapReceived, now: Instant): ClientOutput[] {
    const { eap, environment } = this.#parts;
    if (eap === undefined) {
      return this.#parts.ike({ type: 'eap', ikeSa, bytes: NOTHING, done: { failure: NO_EAP } }, now);
    }
    const out: ClientOutput[] = [];
    if (this.#peer === undefined) {
      this.#peer = new EapPeer(eap, environment);
      out.push(...this.#take(ikeSa, this.#peer.command({ type: 'start' }, now), now));
    }
    const outputs = this.#peer.receive(bytes, now);
    out.push(...this.#take(ikeSa, outputs, now));
    // What EAP ignores IKE cannot: its exchange would wait for ever.
    const isAnswered = outputs.some(({ type }) => ANSWERS.includes(type)) || this.#working > 0;
    if (!isAnswered)
      out.push(...this.#parts.ike({ type: 'eap', ikeSa, bytes: NOTHING, done: { failure: STUCK } }, now));
    return out;
  }

  /** The session with what the gateway has given us. */
  configured({ configuration }: Configured): TunnelSession {
    const { addresses, dns, subnets, domains } = configuration;
    const [first, second] = [...addresses].sort((a, b) => Number(a.includes(':')) - Number(b.includes(':')));
    const session = new TunnelSession(this.#parts.record);
    if (first === undefined) return session;
    session.network = {
      localAddress: first,
      peerAddress: first,
      ...(second === undefined ? {} : { localAddress6: second }),
      dns,
      subnets,
      domains,
    } satisfies SessionNetwork;
    return session;
  }

  #take(ikeSa: IkeSaId, outputs: readonly EapOutput[], now: Instant): ClientOutput[] {
    const { record } = this.#parts;
    // The last word of a method that fails goes in one command with the failure: IKE takes one for each packet.
    let bytes: Uint8Array = NOTHING;
    const out = outputs.flatMap((output): ClientOutput[] => {
      switch (output.type) {
        case 'send':
          bytes = output.bytes;
          return [];
        case 'askTls':
          this.#working++;
          return this.#parts.askTls(output.ask, (progress, at) => {
            this.#working--;
            const then = this.#peer?.command({ type: 'tlsAnswer', id: output.id, progress }, at);
            return this.#take(ikeSa, then ?? [], at);
          });
        case 'success': {
          const { identity: user, method, msk } = output;
          record.user = user;
          record.authentication = method;
          const done = { user, ...(msk === undefined ? {} : { msk }) };
          return this.#parts.ike({ type: 'eap', ikeSa, bytes: NOTHING, done }, now);
        }
        case 'failure': {
          const last = bytes;
          bytes = NOTHING;
          return this.#parts.ike({ type: 'eap', ikeSa, bytes: last, done: { failure: output.failure } }, now);
        }
        case 'trace':
        case 'dropped':
          return [layerEntry(record, output)];
        default:
          return [];
      }
    });
    return bytes.length === 0 ? out : [...out, ...this.#parts.ike({ type: 'eap', ikeSa, bytes }, now)];
  }
}

const NOTHING = new Uint8Array(0);

/** Outputs of EAP that end the server's turn. */
const ANSWERS: readonly EapOutput['type'][] = ['send', 'askTls', 'success', 'failure'];

const STUCK: Failure = {
  code: 'eap-failed',
  reason: 'The server said something in EAP that no answer belongs to.',
};

const NO_EAP: Failure = {
  code: 'eap-not-configured',
  reason: 'The server wants a login with EAP, for which this client has no user and password.',
  remedy: 'Give a user and a password, or let the server accept the pre-shared key or certificate of this client.',
};
