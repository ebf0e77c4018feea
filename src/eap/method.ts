/** What an EAP method is to the state machines: the place for every further one (TTLS, PEAP, pass-through to RADIUS). */

import type { Environment, Failure } from '../core/index.ts';
import type { Crypto } from '../crypto/index.ts';
import type { Credentials, EapUserAnswer } from './credentials.ts';
import type { TlsAsk, TlsProgress } from './tlsSession.ts';

export type EapMethodName = 'eap-mschapv2' | 'eap-tls' | 'eap-gtc' | 'eap-md5';

export interface EapEnvironment extends Environment {
  readonly crypto: Crypto;
}

/** What a method exports. RFC 3748 §7.10: 64 bytes each. */
export interface EapKeys {
  readonly msk?: Uint8Array;
  readonly emsk?: Uint8Array;
}

/** Input that is no part of the method's course, and is dropped. */
export interface Ignored {
  readonly do: 'ignore';
  readonly code: string;
  readonly reason: string;
}

export interface AskTls {
  readonly do: 'askTls';
  readonly ask: TlsAsk;
}

/** What a server's method does next. */
export type ServerTurn =
  | Ignored
  | AskTls
  /** The next Request; `retrying` where it lets a wrong password be tried again. */
  | { readonly do: 'request'; readonly data: Uint8Array; readonly retrying?: boolean }
  | { readonly do: 'ask'; readonly credentials: Credentials }
  | { readonly do: 'succeed'; readonly identity: string; readonly keys: EapKeys }
  /** The peer is refused; by itself where the method's own last word to it is spoken. */
  | { readonly do: 'fail'; readonly failure: Failure; readonly by: 'peer' | 'local' };

/** The authenticator's half of a method: one object per conversation. */
export interface ServerMethod {
  /** The Type-Data of the first Request. */
  start(identifier: number): Uint8Array;
  /** @throws Malformed */
  receive(data: Uint8Array): ServerTurn;
  answer?(answer: EapUserAnswer, nextIdentifier: number): ServerTurn;
  tlsAnswer?(progress: TlsProgress): ServerTurn;
  /** The challenge that is out, lest the peer has us answer it. */
  readonly challenge?: Uint8Array;
  /** Why the peer is refused, where its last word is all that is waited for. */
  readonly refusal?: Failure | undefined;
}

/**
 * How far a peer believes a Success. RFC 4137 §4.2: `continue` not at all; `conditional`: the server may still refuse;
 * `unconditional`: the server has shown that it accepts, and a Failure is none of its words any more.
 */
export type Decision = 'continue' | 'conditional' | 'unconditional';

/** What a peer's method does next. */
export type PeerTurn =
  | Ignored
  | AskTls
  | {
      readonly do: 'respond';
      readonly data: Uint8Array;
      readonly decision: Decision;
      readonly keys?: EapKeys;
      /** Why a Failure will come, where the method knows. */
      readonly refusal?: Failure;
    }
  /** The server is not to be believed; `data` still goes to it. */
  | { readonly do: 'fail'; readonly failure: Failure; readonly by: 'peer' | 'local'; readonly data?: Uint8Array };

/** The peer's half of a method: one object per conversation. */
export interface PeerMethod {
  /** @throws Malformed */
  receive(data: Uint8Array, identifier: number): PeerTurn;
  tlsAnswer?(progress: TlsProgress): PeerTurn;
}

/** What a server's method is made of. */
export interface ServerMethodParts {
  readonly env: EapEnvironment;
  /** Our name in challenges. */
  readonly name: string;
  /** What the peer said in its Identity response; not believed by itself. */
  readonly identity: string;
  /** How often a wrong password may be tried again. */
  readonly retries: number;
  /** Largest Type-Data of one packet. Bytes. */
  readonly mostData: number;
}

/** Who we are. */
export interface EapCredentials {
  readonly user: string;
  /** Not needed for methods with certificates. */
  readonly password?: string;
  /** Tried in this order where the server refuses the password and lets another be tried. */
  readonly otherPasswords?: readonly string[];
}

/** What a peer's method is made of. */
export interface PeerMethodParts {
  readonly env: EapEnvironment;
  readonly credentials: EapCredentials;
  readonly mostData: number;
  /** Whether a challenge is our own, sent back. */
  isOurChallenge(challenge: Uint8Array): boolean;
}

/** A method, as the table of methods declares it. */
export interface EapMethod {
  /** Its type number; all here are the IETF's. */
  readonly type: number;
  /** Whether it makes an MSK, without which its success is not believed. */
  readonly makesKeys: boolean;
  server(parts: ServerMethodParts): ServerMethod;
  peer(parts: PeerMethodParts): PeerMethod;
}

export const ignore = (code: string, reason: string): Ignored => ({ do: 'ignore', code, reason });
