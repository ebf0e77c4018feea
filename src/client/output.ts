/** What a client tells its owner, and what the owner may tell it. */

import type { Failure, Milliseconds } from '../core/index.ts';
import type { DataPlaneCommand } from '../dataplane/messages.ts';
import type { TlsAsk, TlsProgress } from '../eap/index.ts';
import type { KeyAnswer, KeyAsk, KeyLog, SignatureAnswer, SignatureAsk } from '../ike/output.ts';
import type { LogEntry } from '../session/log.ts';
import type { SessionNetwork } from '../session/output.ts';
import type { SessionView } from '../session/record.ts';

export type ClientOutput =
  | { readonly type: 'dataPlane'; readonly command: DataPlaneCommand }
  | KeyAsk
  | SignatureAsk
  /** A step of EAP-TLS, made outside the core; answer with the command `tlsAnswer` of the same `id`. */
  | { readonly type: 'askTls'; readonly id: number; readonly ask: TlsAsk }
  | KeyLog
  /** Connected: give the TUN device these addresses and routes. */
  | { readonly type: 'up'; readonly network: SessionNetwork; readonly view: SessionView; readonly mtu: number }
  /** The server has given us an IPv6 address too: it comes beside what `up` said. */
  | { readonly type: 'networkChanged'; readonly network: SessionNetwork; readonly view: SessionView }
  /** The path carries more or less than `up` said: the largest inner packet, bytes. */
  | { readonly type: 'mtuChanged'; readonly mtu: number }
  /** Over, and nothing is left at the peer as far as it answered. */
  | {
      readonly type: 'closed';
      readonly reason: Failure;
      readonly view: SessionView;
      /** The server sent us to this other one, by name or address. RFC 5685. */
      readonly redirect?: string;
    }
  | LogEntry;

export type ClientCommand =
  | { readonly type: 'connect' }
  | { readonly type: 'disconnect'; readonly reason: Failure }
  /** Asks the server at once whether it lives; without a sign of life in this time the connection is over. */
  | { readonly type: 'probe'; readonly within: Milliseconds }
  /** Our address is another one from now on: IKEv2 goes on from there (MOBIKE, RFC 4555). */
  | { readonly type: 'moved'; readonly address: string }
  | { readonly type: 'tlsAnswer'; readonly id: number; readonly progress: TlsProgress }
  | { readonly type: 'keyAnswer'; readonly id: number; readonly answer: KeyAnswer }
  | { readonly type: 'signatureAnswer'; readonly id: number; readonly answer: SignatureAnswer };
