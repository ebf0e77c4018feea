/** What the exchanges of one endpoint share: configuration, cryptography, the tables of SAs, and the way out. */

import type { Instant } from '../../core/index.ts';
import type { Crypto } from '../../crypto/index.ts';
import type { ConfigurationAsk, KeyAsk, SignatureAsk } from '../ask.ts';
import type { ChildSaId, IkeAnswer, IkeOutput, IkeSaId } from '../output.ts';
import type { PeerTable } from '../peerTable.ts';
import type { HalfOpenTable, OncePer } from '../v1/halfOpen.ts';
import type { Association } from './association.ts';
import type { Child } from './childSa.ts';
import type { ResolvedConfig } from './config.ts';
import type { CookieJar } from './cookie.ts';
import type { KeptTicket } from './exchanges/resumption.ts';
import type { IkeSa } from './ikeSa.ts';
import type { TicketSealer } from './ticket.ts';
import type { FragmentReassembly } from './wire/index.ts';

type WithoutId<Ask> = Ask extends unknown ? Omit<Ask, 'id'> : never;

/** Any work that is done outside. */
export type Question = WithoutId<KeyAsk | SignatureAsk | ConfigurationAsk>;

/** The kind of answer that a question gets. */
type KindOf<Q> = Q extends { readonly ask: { readonly kind: infer Kind } } ? Kind : 'configuration';
type AnswerTo<Q> = Extract<IkeAnswer, { readonly kind: KindOf<Q> }>;

export interface Context {
  readonly config: ResolvedConfig;
  readonly crypto: Crypto;
  random(length: number): Uint8Array;
  emit(output: IkeOutput): void;
  /** Nobody reads traces, and summaries of messages are left empty. */
  readonly untraced: boolean;

  /** Lets work be done; `then` is not called where the IKE SA is gone by the time of the answer. */
  ask<const Q extends Question>(sa: IkeSa, question: Q, then: (answer: AnswerTo<Q>, now: Instant) => void): void;

  /** An id for an IKE SA that the owner did not name. */
  nextIkeSaId(): IkeSaId;
  nextChildId(): ChildSaId;
  /** Makes a generation findable by its SPI. */
  index(association: Association): void;
  unindex(association: Association): void;
  /** Takes the whole IKE SA out of all tables. */
  remove(sa: IkeSa): void;
  isFreeSpi(spi: Uint8Array): boolean;
  /** To be called when a timer of the SA was armed or disarmed. */
  onTimer(sa: IkeSa): void;

  readonly sas: ReadonlyMap<IkeSaId, IkeSa>;
  readonly children: Map<ChildSaId, Child>;
  readonly childByInboundSpi: Map<number, Child>;
  /** Those whose Delete had to wait. */
  readonly parting: Set<IkeSa>;
  readonly halfOpen: HalfOpenTable<IkeSa>;
  readonly cookies: CookieJar;
  readonly tickets: TicketSealer;
  /** As initiator, by the gateway's address. */
  readonly keptTickets: Map<string, KeptTicket>;
  readonly fragments: FragmentReassembly;
  /** Established SAs by peer, see `peers.ts`. */
  readonly peers: PeerTable<IkeSa>;
  /** Clear-text notifications that answer unverified sources. */
  readonly notifyLimit: OncePer;
  /** Hints in the clear that are looked at. */
  readonly hintLimit: OncePer;
  /** Refused first messages that the owner is told of. */
  readonly refusalLimit: OncePer;
}
