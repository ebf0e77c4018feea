/**
 * One generation of an IKE SA: its SPIs, its keys and its two windows of message ids. Rekeying makes a new one under
 * the same IKE SA, so that the owner sees one IKE SA for as long as the peer is the same. RFC 7296 §2.2, §2.3, §2.18.
 */

import type { Failure, Instant } from '../../core/index.ts';
import { toHex } from '../../wire/index.ts';
import type { IkeDatagram } from '../output.ts';
import type { IkeSa } from './ikeSa.ts';
import type { IkeKeys } from './keys.ts';
import type { Payload } from './payloads/index.ts';
import type { IkeV2Proposal } from './proposal.ts';
import type { PayloadChain } from './wire/index.ts';

export const IKE_SPI_BYTES = 8;
export const NO_SPI = new Uint8Array(IKE_SPI_BYTES);

/** One request of ours, from the wish for it to its answer. */
export interface Task {
  /** For people. */
  readonly name: string;
  /** Number of the exchange. */
  readonly exchange: number;
  /**
   * The payloads of the request, when its turn has come. Undefined: there is nothing to ask any more. `later`: they
   * are given to `sendRequest` once they are made.
   */
  begin(now: Instant): readonly Payload[] | 'later' | undefined;
  /** Takes the answer. `later`: `finishTask` is called when that is done. */
  done(answer: PayloadChain, now: Instant): 'later' | undefined;
  /** No answer will come; by default nothing is done, for the IKE SA ends too. */
  abandoned?(reason: Failure): void;
}

/** A message as it is sent, in one piece or in fragments. */
export interface Prepared {
  readonly pieces: readonly Uint8Array[];
  /** For the trace. */
  readonly summary: string;
  /** Whole or not at all. */
  readonly dontFragment?: true;
}

/** The request that awaits its answer. */
export interface CurrentRequest {
  readonly task: Task;
  readonly messageId: number;
  /** Undefined while it is being made. */
  prepared: Prepared | undefined;
  /** What it says, to be cut into smaller fragments. */
  payloads?: readonly Payload[];
  /** It asks what the path carries: the size that was wanted, and the one that an answer proves. */
  probe?: { readonly size: number; readonly proved: number } | undefined;
  sends: number;
  sentAt: Instant;
  /** The answer has come and is being worked on. */
  answered: boolean;
}

/** The last request of the peer, answered. */
export interface Answered {
  readonly messageId: number;
  readonly digest: string;
  readonly prepared: Prepared;
  repeats: number;
  last: Instant;
}

/** The request of the peer that is being worked on. */
export interface Answering {
  readonly messageId: number;
  readonly exchange: number;
  readonly datagram: IkeDatagram;
  readonly digest: string;
}

/**
 * What has happened to it. `opening`: not authenticated. `live`: all requests go here. `replaced`: another one has
 * taken over, this one only hears its end. `deleting`: our Delete awaits its answer. `gone`: kept for duplicates.
 */
export type AssociationState = 'opening' | 'live' | 'replaced' | 'deleting' | 'gone';

export class Association {
  readonly sa: IkeSa;
  /** Counts the generations of the IKE SA. */
  readonly serial: number;
  /** We are its original initiator: the flag in the header, and whose keys are whose. */
  readonly initiated: boolean;
  initiatorSpi: Uint8Array;
  responderSpi: Uint8Array;
  state: AssociationState = 'opening';
  proposal: IkeV2Proposal | undefined;
  keys: IkeKeys | undefined;

  /** Message id of our next request. */
  nextRequest = 0;
  /** Message id of the peer's next request. */
  nextExpected = 0;
  current: CurrentRequest | undefined;
  readonly queue: Task[] = [];
  /** Of the exchange that made it, where that was ours: for a rival of it that is late. RFC 7296 §2.8.2. */
  made: { readonly of: Association; readonly lowestNonce: Uint8Array } | undefined;
  answering: Answering | undefined;
  answered: Answered | undefined;
  /** Under which keys the table of endpoints knows it. */
  indexedAs: string | undefined;

  constructor(given: {
    readonly sa: IkeSa;
    readonly serial: number;
    readonly initiated: boolean;
    readonly initiatorSpi: Uint8Array;
    readonly responderSpi: Uint8Array;
  }) {
    this.sa = given.sa;
    this.serial = given.serial;
    this.initiated = given.initiated;
    this.initiatorSpi = given.initiatorSpi;
    this.responderSpi = given.responderSpi;
  }

  /** The SPI that we chose: by it what arrives is found. */
  get localSpi(): Uint8Array {
    return this.initiated ? this.initiatorSpi : this.responderSpi;
  }

  get remoteSpi(): Uint8Array {
    return this.initiated ? this.responderSpi : this.initiatorSpi;
  }
}

export const spiKey = (spi: Uint8Array): string => toHex(spi);
export const isZeroSpi = (spi: Uint8Array): boolean => spi.every((byte) => byte === 0);
