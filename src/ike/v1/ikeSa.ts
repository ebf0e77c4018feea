/** The record of one IKE SA: what is known of it in each state, and what hangs on it. RFC 2408 §2.4. */

import { type Endpoint, type Failure, Few, type Instant, ObservedTimers, type Timers } from '../../core/index.ts';
import type { KeyPair } from '../../crypto/index.ts';
import { type Packed, pack, toHex, unpack } from '../../wire/index.ts';
import type { DeadPeer } from '../deadPeer.ts';
import type { ChildSaId, Identity, IkeDatagram, IkeSaId, NatSituation, Selector } from '../output.ts';
import type { AuthenticationMethod, IkeProposal } from '../proposal.ts';
import type { Child } from './childSa.ts';
import type { Cookies, Nonces, Phase1Keys, Phase1Transcript } from './keys.ts';
import type { PeerAbilities } from './peerAbilities.ts';
import type { QuickMode } from './quickMode.ts';
import type { Undecided } from './reboundPeer.ts';
import { AnsweredMessages, type Outstanding } from './retransmission.ts';
import { UsedMessageIds } from './usedMessageIds.ts';

export const COOKIE_BYTES = 8;
export const NO_COOKIE = new Uint8Array(COOKIE_BYTES);

const NONE_WAITING: readonly IkeDatagram[] = [];

/** Messages that wait until public-key work is done, per IKE SA. */
export const MAX_WAITING = 4;

/** What phase 1 has agreed on. */
export interface Agreement {
  readonly proposal: IkeProposal;
  readonly authentication: AuthenticationMethod;
  readonly lifetimeSeconds: number;
  /** The peer asked for more than what was agreed, and is told. */
  readonly shortened: boolean;
  /** Body of the initiator's SA payload, as it travelled. */
  readonly saBody: Uint8Array;
}

/** What both KE and NONCE payloads said. */
export interface Exchanged extends Agreement {
  readonly nonces: Nonces;
  readonly transcript: Phase1Transcript;
}

/** What has happened in phase 1. `awaits` is the message that may come; without one, public-key work is under way. */
export type Phase1State =
  /** Initiator: message 1 of Main Mode is sent. */
  | { readonly name: 'saOffered'; readonly awaits: 'mainMode2'; readonly saBody: Uint8Array }
  /** Responder: message 2 of Main Mode is sent. */
  | { readonly name: 'saAgreed'; readonly awaits: 'mainMode3'; readonly agreement: Agreement }
  /** Either: our key pair or the secret is being made. */
  | { readonly name: 'computing'; readonly awaits: undefined }
  /** Initiator: message 3 of Main Mode is sent. */
  | {
      readonly name: 'keySent';
      readonly awaits: 'mainMode4';
      readonly agreement: Agreement;
      readonly keyPair: KeyPair;
      readonly nonce: Uint8Array;
    }
  /** Responder: message 4 of Main Mode is sent and the secret is known. */
  | {
      readonly name: 'keysAgreed';
      readonly awaits: 'mainMode5';
      readonly exchanged: Exchanged;
      readonly sharedSecret: Uint8Array;
      /** A message 5 that did not verify has come. */
      readonly refused: boolean;
    }
  /** Initiator: message 5 of Main Mode is sent. */
  | {
      readonly name: 'authSent';
      readonly awaits: 'mainMode6';
      readonly exchanged: Exchanged;
      readonly keys: Phase1Keys;
      readonly iv: Uint8Array;
      readonly localIdentity: Identity;
    }
  /** Initiator: message 1 of Aggressive Mode is sent. */
  | {
      readonly name: 'aggressiveOffered';
      readonly awaits: 'aggressiveMode2';
      readonly saBody: Uint8Array;
      readonly keyPair: KeyPair;
      readonly nonce: Uint8Array;
      readonly idBody: Uint8Array;
      readonly localIdentity: Identity;
    }
  /** Responder: message 2 of Aggressive Mode is sent and the secret is known. */
  | {
      readonly name: 'aggressiveAnswered';
      readonly awaits: 'aggressiveMode3';
      readonly exchanged: Exchanged;
      readonly keys: Phase1Keys;
      readonly idBody: Uint8Array;
      readonly localIdentity: Identity;
      readonly remoteIdentity: Identity;
    }
  | { readonly name: 'established'; readonly awaits: undefined; readonly secured: Secured }
  /** Deleted by us; the keys are kept to tell a peer that has not heard of it. */
  | { readonly name: 'deleted'; readonly awaits: undefined; readonly secured: Secured }
  /** Deleted by the peer; its children wait for a successor. */
  | { readonly name: 'orphaned'; readonly awaits: undefined }
  | { readonly name: 'gone'; readonly awaits: undefined };

/** What an established IKE SA protects its messages with. */
export interface Secured {
  readonly keys: Phase1Keys;
  /** Last block of ciphertext of phase 1, from which the IVs of phase 2 start. */
  readonly lastBlock: Uint8Array;
  readonly proposal: IkeProposal;
  readonly authentication: AuthenticationMethod;
  readonly localIdentity: Identity;
  readonly remoteIdentity: Identity;
}

export type TimerName =
  | 'retransmit'
  | 'halfOpen'
  | 'keepalive'
  | 'deadPeer'
  | 'probe'
  | 'undecided'
  | 'renew'
  | 'lifetime'
  | 'superseded'
  | 'orphaned'
  | 'repeatDelete'
  | 'forget'
  | `quickMode:${number}`
  | `child:${ChildSaId}`
  | `renewChild:${ChildSaId}`;

/** The child SA that an initiator wants once the IKE SA stands. */
export interface WantedChild {
  readonly localSelector: Selector;
  readonly remoteSelector: Selector;
}

export class IkeSa {
  readonly id: IkeSaId;
  readonly role: 'initiator' | 'responder';
  readonly exchange: 'main' | 'aggressive';
  /** Both behind each other: the responder's may be missing yet. */
  #cookies: Packed;
  local: Endpoint;
  remote: Endpoint;
  state: Phase1State = { name: 'computing', awaits: undefined };

  readonly timers: Timers<TimerName>;
  readonly answered = new AnsweredMessages();
  /** The message of phase 1 whose answer we await. */
  outstanding: Outstanding | undefined;
  /** The last message of Aggressive Mode, repeated with what follows it until the peer shows that it has come. */
  unconfirmed: { readonly bytes: Uint8Array; readonly summary: string } | undefined;
  /** Names of the authorities that the peer trusts, DER, where it said so. */
  peerAuthorities: readonly Uint8Array[] | undefined;
  /** Certificates of the peer that were judged before one passed. */
  judgements = 0;
  /** Deletes of this SA that we have sent. */
  deletesSent = 0;
  /** Messages that came while public-key work was under way. */
  waiting: readonly IkeDatagram[] = NONE_WAITING;
  /** An unauthenticated word of why this will fail; it ends the waiting, and is no proof. */
  hint: Failure | undefined;

  nat: NatSituation = { localBehindNat: false, remoteBehindNat: false };
  abilities: PeerAbilities;
  /** Counts the messages that we sent in fragments. */
  fragmentId = 0;
  /** The peer has sent fragments: our messages of their size would not get through either. */
  sendsFragments = false;
  /** Past its lifetime, kept for the sake of its children: no new ones are taken. */
  expired = false;

  readonly wanted: readonly WantedChild[];
  /** The IKE SA that this one, which we began, is to renew; forgotten once it stands. */
  renews: IkeSa | undefined;
  /** The latest that we began to renew this one. */
  renewal: IkeSa | undefined;
  /** It stands, and its owner is told of it when it is known whose successor it is. */
  undecided: Undecided | undefined;
  /** The IKE SA that has taken over the children. */
  successor: IkeSa | undefined;
  readonly children = new Few<ChildSaId, Child>();
  readonly quickModes = new Few<number, QuickMode>();
  /** Message ids that the peer has used for a Quick Mode: none may come again. */
  readonly usedMessageIds = new UsedMessageIds();

  /** When the peer last proved that it lives. */
  lastAlive: Instant;
  /** What was agreed on. */
  lifetimeSeconds = Number.POSITIVE_INFINITY;
  /** When phase 1 was done. */
  establishedAt: Instant = Number.NEGATIVE_INFINITY;
  readonly deadPeer: DeadPeer & { sequence: number; lastReceived: number | undefined } = {
    sequence: 0,
    askedSince: undefined,
    ownerAsked: false,
    lastReceived: undefined,
    probe: undefined,
  };
  /** Key in the table of first messages, of a responder. */
  newcomerKey: string | undefined;
  /** Key in the table of peers, while established. */
  peerKey: string | undefined;

  constructor(given: {
    readonly id: IkeSaId;
    readonly role: 'initiator' | 'responder';
    readonly exchange: 'main' | 'aggressive';
    readonly initiatorCookie: Uint8Array;
    readonly local: Endpoint;
    readonly remote: Endpoint;
    readonly abilities: PeerAbilities;
    readonly wanted?: readonly WantedChild[];
    readonly renews?: IkeSa | undefined;
    readonly now: Instant;
    /** Is called when a timer was armed or disarmed. */
    readonly onTimer: (sa: IkeSa) => void;
  }) {
    this.id = given.id;
    this.role = given.role;
    this.exchange = given.exchange;
    this.#cookies = pack(given.initiatorCookie);
    this.local = given.local;
    this.remote = given.remote;
    this.abilities = given.abilities;
    this.wanted = given.wanted ?? [];
    this.renews = given.renews;
    this.lastAlive = given.now;
    this.timers = new ObservedTimers(this, given.onTimer);
  }

  get initiatorCookie(): Uint8Array {
    return unpack(this.#cookies, 0, COOKIE_BYTES);
  }

  /** Zeros until it is known. */
  get responderCookie(): Uint8Array {
    return this.#cookies.length > COOKIE_BYTES ? unpack(this.#cookies, COOKIE_BYTES) : NO_COOKIE;
  }

  set responderCookie(cookie: Uint8Array) {
    this.#cookies = this.#cookies.slice(0, COOKIE_BYTES) + pack(cookie);
  }

  get cookies(): Cookies {
    return { initiator: this.initiatorCookie, responder: this.responderCookie };
  }

  /** What protects messages, once established, also for a while after we deleted the SA. */
  get secured(): Secured | undefined {
    return this.state.name === 'established' || this.state.name === 'deleted' ? this.state.secured : undefined;
  }

  get established(): boolean {
    return this.state.name === 'established';
  }

  /** The SA that owns the children now: itself, or whoever took over. */
  get current(): IkeSa {
    let sa: IkeSa = this;
    while (sa.successor !== undefined) sa = sa.successor;
    return sa;
  }
}

export const cookieKey = (initiator: Uint8Array, responder: Uint8Array): string => toHex(initiator) + toHex(responder);
