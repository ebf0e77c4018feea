/** What the exchanges of one endpoint share: configuration, cryptography, the tables of SAs, and the way out. */

import type { Instant } from '../../core/index.ts';
import type { Crypto } from '../../crypto/index.ts';
import type { ChildSaId, IkeAnswer, IkeOutput, IkeSaId, KeyAsk, SignatureAsk } from '../output.ts';
import type { PeerTable } from '../peerTable.ts';
import type { Child } from './childSa.ts';
import type { ResolvedConfig } from './config.ts';
import type { HalfOpenTable, OncePer } from './halfOpen.ts';
import type { IkeSa } from './ikeSa.ts';

export interface Context {
  readonly config: ResolvedConfig;
  readonly crypto: Crypto;
  random(length: number): Uint8Array;
  emit(output: IkeOutput): void;
  /** Nobody reads traces, and summaries of messages are left empty. */
  readonly untraced: boolean;

  /** Lets public-key work be done; `then` is not called where the SA is gone by the time of the answer. */
  ask<Kind extends KeyAsk['ask']['kind']>(
    sa: IkeSa,
    ask: Extract<KeyAsk['ask'], { readonly kind: Kind }>,
    then: (answer: Extract<IkeAnswer, { readonly kind: Kind }>, now: Instant) => void,
  ): void;
  /** The same for work with certificates and their keys. */
  askSignature<Kind extends SignatureAsk['ask']['kind']>(
    sa: IkeSa,
    ask: Extract<SignatureAsk['ask'], { readonly kind: Kind }>,
    then: (answer: Extract<IkeAnswer, { readonly kind: Kind }>, now: Instant) => void,
  ): void;
  /** Feeds the messages that came during public-key work. */
  resume(sa: IkeSa, now: Instant): void;

  /** An id for an IKE SA that the owner did not name. */
  nextIkeSaId(): IkeSaId;
  nextChildId(): ChildSaId;
  /** Makes an SA findable by its cookies. Call again when the responder's cookie is known. */
  index(sa: IkeSa): void;
  unindex(sa: IkeSa): void;
  /** To be called when a timer of the SA was armed or disarmed. */
  onTimer(sa: IkeSa): void;

  readonly sas: ReadonlyMap<IkeSaId, IkeSa>;
  readonly children: Map<ChildSaId, Child>;
  readonly childByInboundSpi: Map<number, Child>;
  readonly halfOpen: HalfOpenTable<IkeSa>;
  /** Established SAs by peer, see `peers.ts`. */
  readonly peers: PeerTable<IkeSa>;
  /** Clear-text notifications that answer unverified sources. */
  readonly notifyLimit: OncePer;
  /** Hints in the clear that are looked at. */
  readonly hintLimit: OncePer;
  /** Refused first messages that the owner is told of. */
  readonly refusalLimit: OncePer;
}
