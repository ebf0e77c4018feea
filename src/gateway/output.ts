/** What a gateway tells its owner, and what the owner may tell it. */

import type { Endpoint, Failure } from '../core/index.ts';
import type { DataPlaneCommand } from '../dataplane/messages.ts';
import type { TlsAsk, TlsProgress } from '../eap/index.ts';
import type { KeyAnswer, KeyAsk, KeyLog, SignatureAnswer, SignatureAsk } from '../ike/output.ts';
import type { Credentials } from '../ppp/output.ts';
import type { LogEntry } from '../session/log.ts';
import type { SessionView } from '../session/record.ts';
import type { SessionLimits } from '../session/sessionClock.ts';
import type { SessionRates } from '../session/userSession.ts';

/** A user's credentials to judge, with what a policy may want to know. */
export interface UserAsk {
  readonly type: 'askUser';
  readonly id: number;
  readonly sessionId: string;
  readonly peer: Endpoint;
  readonly credentials: Credentials;
}

/** The judgement on a user. Addresses are IPv4 dotted text. */
export type UserAnswer =
  | {
      readonly accepted: true;
      /** The user's static address, which is theirs alone from now on; else the pool gives one. */
      readonly address?: string;
      /** MS-CHAPv2's proof that we know the password too: `S=` and 40 hexadecimal digits. */
      readonly authenticatorResponse?: string;
      /** MS-CHAPv2's master key (RFC 3079), for the MSK of EAP. */
      readonly masterKey?: Uint8Array;
      readonly message?: string;
      /**
       * Names what the user proves themselves with, without telling anything of it: another one after each new password,
       * and of a user who was removed and made anew. Who was given a ticket of IKEv2 (RFC 5723) under another one logs in.
       */
      readonly credential?: string;
      /** Instead of the gateway's own; 0 is without end. */
      readonly limits?: SessionLimits;
      /** What it may carry, instead of the gateway's own rates; 0 bits a second is without bound. */
      readonly rates?: SessionRates;
      /** Instead of the gateway's own. */
      readonly singleSession?: SingleSession;
    }
  | {
      readonly accepted: false;
      readonly reason: Failure;
      /** The credentials could not be judged at all: this is no failed login. */
      readonly unjudged?: true;
    };

/** What becomes of a user who connects while a session of theirs stands: it is ended, the new one is refused, or both stay. */
export type SingleSession = 'replace' | 'deny' | 'allow';

/** A step of EAP-TLS, made outside the core; answer with the command `tlsAnswer` of the same `id`. */
export interface GatewayTlsAsk {
  readonly type: 'askTls';
  readonly id: number;
  readonly ask: TlsAsk;
}

export type GatewayOutput =
  | { readonly type: 'dataPlane'; readonly command: DataPlaneCommand }
  | KeyAsk
  | SignatureAsk
  | UserAsk
  | GatewayTlsAsk
  | { readonly type: 'sessionUp'; readonly view: SessionView }
  | { readonly type: 'sessionEnded'; readonly view: SessionView; readonly reason: Failure }
  | KeyLog
  /** After `drain`: nothing is left. */
  | { readonly type: 'drained' }
  | LogEntry;

export type GatewayCommand =
  | { readonly type: 'keyAnswer'; readonly id: number; readonly answer: KeyAnswer }
  | { readonly type: 'signatureAnswer'; readonly id: number; readonly answer: SignatureAnswer }
  | { readonly type: 'userAnswer'; readonly id: number; readonly answer: UserAnswer }
  | { readonly type: 'tlsAnswer'; readonly id: number; readonly progress: TlsProgress }
  /** Ends the sessions of a session id or a user name, in order. */
  | { readonly type: 'disconnect'; readonly who: string; readonly reason: Failure }
  /**
   * Sends the sessions of a session id or a user to another gateway, as far as their clients follow (RFC 5685); without
   * `who` all of them, and all who come until `stopRedirecting`. Without `to`: to those of the configuration, in turn.
   */
  | { readonly type: 'redirect'; readonly who?: string; readonly to?: string }
  | { readonly type: 'stopRedirecting' }
  /** Ends every connection in order and takes no new one. */
  | { readonly type: 'drain'; readonly reason: Failure };
