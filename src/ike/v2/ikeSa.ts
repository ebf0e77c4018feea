/** The record of one IKE SA, whatever generation of keys it is in: who the peer is, where it is, what hangs on it. */

import { type Endpoint, type Failure, type Instant, ObservedTimers, type Timers } from '../../core/index.ts';
import type { GroupName } from '../../crypto/index.ts';
import type { RemoteConfiguration } from '../ask.ts';
import type { DeadPeer } from '../deadPeer.ts';
import type { ChildSaId, Identity, IkeSaId, NatSituation, Selector } from '../output.ts';
import type { AuthenticationMethod } from '../signature.ts';
import { Association } from './association.ts';
import type { IntermediateAuthentication } from './authentication.ts';
import type { Child } from './childSa.ts';
import type { AuthRun } from './exchanges/authRun.ts';
import type { FollowUp } from './exchanges/followupKe.ts';
import type { IkeRekey } from './exchanges/rekeyIke.ts';
import type { KeptTicket } from './exchanges/resumption.ts';
import type { SaInit } from './exchanges/saInitInitiator.ts';

/** What the exchanges before the IKE SA stands leave for AUTH to cover, and what they have agreed on. */
export interface Opening {
  /** The IKE_SA_INIT request and answer that count, byte for byte. */
  message1: Uint8Array;
  message2: Uint8Array;
  initiatorNonce: Uint8Array;
  responderNonce: Uint8Array;
  /** What IKE_INTERMEDIATE exchanges add to AUTH. RFC 9242 §3.3. */
  intermediate: Partial<IntermediateAuthentication>;
  /** Key exchanges that are still to be made, in order. RFC 9370. */
  furtherGroups: GroupName[];
  /** Hash algorithms that the peer takes for digital signatures. RFC 7427 §4. */
  peerHashes: readonly number[] | undefined;
  /** SHA-1 hashes of the keys of the authorities that the peer trusts; undefined where it did not say. */
  peerAuthorities: readonly Uint8Array[] | undefined;
  /** Both can use a post-quantum pre-shared key. RFC 8784. */
  postquantumKeys: boolean;
  /** Message id of the first IKE_AUTH, once it is known. */
  authMessageId?: number;
  /** The keys come from an earlier session. RFC 5723. */
  resumed: boolean;
}

/** Where it stands. */
export type Phase =
  /** An answer to IKE_SA_INIT is awaited, or public-key work is under way. */
  | 'init'
  /** Keys stand, AUTH does not. */
  | 'authenticating'
  | 'established'
  /** We said goodbye; the answer is awaited. */
  | 'closing'
  | 'gone';

export type TimerName =
  | 'halfOpen'
  | 'hint'
  | 'keepalive'
  | 'deadPeer'
  | 'probe'
  | 'renew'
  | 'lifetime'
  | 'forget'
  | 'redirected'
  | 'create'
  | `retransmit:${number}`
  | `retire:${number}`
  | `confirm:${ChildSaId}`
  | `child:${ChildSaId}`
  | `renewChild:${ChildSaId}`;

/** The child SA that an initiator wants once the IKE SA stands. */
export interface WantedChild {
  readonly localSelector: Selector;
  readonly remoteSelector: Selector;
}

export class IkeSa {
  readonly id: IkeSaId;
  /** Of the first exchange. */
  readonly role: 'initiator' | 'responder';
  local: Endpoint;
  remote: Endpoint;
  phase: Phase = 'init';
  readonly timers: Timers<TimerName>;

  /** The generation that requests go to. */
  association: Association;
  /** All that may still hear something, oldest first. */
  readonly associations: Association[] = [];
  #serials = 0;

  /** As initiator: what our first request says. */
  init: SaInit | undefined;
  /** As initiator: the ticket that we come with. */
  resuming:
    | {
        readonly kept: KeptTicket;
        readonly nonce: Uint8Array;
        readonly cookie: Uint8Array | undefined;
        readonly request: Uint8Array | undefined;
      }
    | undefined;
  /** As responder: whom the ticket was given to. */
  resumedFrom:
    | {
        readonly initiatorId: Uint8Array;
        readonly user: string | undefined;
        readonly credential: string | undefined;
        readonly method: AuthenticationMethod;
        readonly expiresAt: Instant;
      }
    | undefined;
  /** A post-quantum pre-shared key is mixed into the keys, or was into those of the session that is resumed. RFC 8784. */
  usesPostquantumKey = false;
  /** As responder: where the peer was sent. RFC 5685. */
  redirectedTo: string | undefined;
  opening: Opening | undefined;
  nat: NatSituation = { localBehindNat: false, remoteBehindNat: false };
  /** The peer told where it is: NAT detection was done. */
  natTraversal = false;
  peer: PeerAbilities = UNKNOWN_PEER;
  localIdentity: Identity | undefined;
  remoteIdentity: Identity | undefined;
  authentication: { local: AuthenticationMethod; remote: AuthenticationMethod } | undefined;
  /** Whom EAP proved, and as responder how. */
  user: string | undefined;
  eapMethod: string | undefined;
  /** What the peer was given, or what we were given. */
  configuration: RemoteConfiguration | undefined;
  /** IKE_AUTH, while it runs. */
  auth: AuthRun | undefined;

  readonly wanted: readonly WantedChild[];
  readonly children = new Map<ChildSaId, Child>();
  /** SPIs of what we have ended and told the peer of, until it answers. */
  readonly closingSpis = new Set<number>();
  /** How many requests of ours that make or renew a child await their answer. */
  creating = 0;
  /** Child SAs that the peer could not take for the moment. */
  readonly wantedLater: WantedChild[] = [];
  /** The peer's CREATE_CHILD_SA that waits for its further key exchanges. */
  followUp: FollowUp | undefined;
  /** Our own attempt to rekey this IKE SA. */
  rekey: IkeRekey | undefined;
  /** When the peer first said TEMPORARY_FAILURE to what we try again and again. */
  temporarySince: Instant | undefined;
  /** And when it said so last. */
  temporaryAt: Instant | undefined;

  /** An unauthenticated word of why this will fail. */
  hint: Failure | undefined;
  /** Times that we have moved; only the last move counts. */
  updates = 0;
  /** How the peer last saw us, as a hash. */
  mappedAs: string | undefined;
  /** Where the peer may be, and is asked as well. */
  askedAt: { readonly local: Endpoint; readonly remote: Endpoint } | undefined;
  /** What the path is asked for next: bytes of the outer IP packet. */
  probeSize = 0;
  /** Times that IKE_SA_INIT was begun anew. */
  restarts = 0;

  lastAlive: Instant;
  readonly deadPeer: DeadPeer = { ownerAsked: false, askedSince: undefined, probe: undefined };
  /** Key in the table of peers, while established. */
  peerKey: string | undefined;
  /** Key in the table of first messages, of a responder. */
  newcomerKey: string | undefined;

  constructor(given: {
    readonly id: IkeSaId;
    readonly role: 'initiator' | 'responder';
    readonly initiatorSpi: Uint8Array;
    readonly responderSpi: Uint8Array;
    readonly local: Endpoint;
    readonly remote: Endpoint;
    readonly wanted?: readonly WantedChild[];
    readonly now: Instant;
    /** Is called when a timer was armed or disarmed. */
    readonly onTimer: (sa: IkeSa) => void;
  }) {
    this.id = given.id;
    this.role = given.role;
    this.local = given.local;
    this.remote = given.remote;
    this.wanted = given.wanted ?? [];
    this.lastAlive = given.now;
    this.timers = new ObservedTimers(this, given.onTimer);
    const { initiatorSpi, responderSpi } = given;
    this.association = this.generation(given.role === 'initiator', initiatorSpi, responderSpi);
    this.associations.push(this.association);
  }

  /** A further generation, not yet in use. */
  generation(initiated: boolean, initiatorSpi: Uint8Array, responderSpi: Uint8Array): Association {
    return new Association({ sa: this, serial: this.#serials++, initiated, initiatorSpi, responderSpi });
  }

  get established(): boolean {
    return this.phase === 'established';
  }
}

/** What the peer has shown that it can do. */
export interface PeerAbilities {
  readonly fragmentation: boolean;
  readonly mobike: boolean;
  readonly childless: boolean;
  readonly intermediate: boolean;
  readonly redirect: boolean;
  readonly vendorIds: readonly string[];
  /** What it offered for the IKE SA, each in one line. */
  readonly offers: readonly string[];
  /** Its other addresses. RFC 4555 §3.6. */
  readonly additionalAddresses: readonly string[];
}

export const UNKNOWN_PEER: PeerAbilities = {
  fragmentation: false,
  mobike: false,
  childless: false,
  intermediate: false,
  redirect: false,
  vendorIds: [],
  offers: [],
  additionalAddresses: [],
};
