/** Putting protected messages together from their fragments, within bounds. RFC 7383 §2.6. */

import type { Instant, Milliseconds } from '../../../core/index.ts';
import type { Crypto } from '../../../crypto/index.ts';
import { concat } from '../../../wire/index.ts';
import type { DirectionKeys } from '../keys.ts';
import { isResponse } from './header.ts';
import type { Message } from './message.ts';
import { type Opened, type OpenedPart, openedFrom, openPart } from './protection.ts';

/** Bounds of reassembly; all optional, the defaults are below. */
export interface FragmentLimits {
  /** Of one message. */
  readonly fragments: number;
  /** Of one message, decrypted. */
  readonly bytes: number;
  /** Unfinished messages at a time, over all peers. */
  readonly sets: number;
  readonly lifetime: Milliseconds;
}

export const DEFAULT_FRAGMENT_LIMITS: FragmentLimits = {
  fragments: 128,
  bytes: 65_535,
  sets: 256,
  lifetime: 15_000,
};

/** What became of a fragment. */
export type FragmentResult =
  | { readonly type: 'message'; readonly opened: Opened }
  | { readonly type: 'waiting' }
  | { readonly type: 'refused'; readonly reason: string };

interface FragmentSet {
  readonly messageId: number;
  readonly exchange: number;
  readonly total: number;
  readonly expiresAt: Instant;
  readonly pieces: Map<number, OpenedPart>;
  /** The message that the first fragment came in. */
  head: Message | undefined;
  bytes: number;
}

const WAITING: FragmentResult = { type: 'waiting' };

/**
 * One unfinished message for each key and direction of exchange. Only fragments whose integrity was verified are kept,
 * so that nobody but the peer can fill or disturb a set.
 */
export class FragmentReassembly {
  readonly #limits: FragmentLimits;
  /** In order of expiry, as all live equally long. */
  readonly #sets = new Map<string, FragmentSet>();

  constructor(limits: Partial<FragmentLimits> = {}) {
    this.#limits = { ...DEFAULT_FRAGMENT_LIMITS, ...limits };
  }

  /**
   * Takes a fragment in.
   * @param key names the IKE SA, e.g. our SPI
   * @param keys of the peer's direction
   * @throws Malformed for what a peer that holds the keys wrote wrongly
   */
  add(key: string, crypto: Crypto, keys: DirectionKeys, message: Message, now: Instant): FragmentResult {
    this.expire(now);
    const { sealed, header } = message;
    if (sealed?.payload.kind !== 'SKF') return refused('no fragment');
    const { fragment, total } = sealed.payload;
    const { fragments: most } = this.#limits;
    if (fragment < 1 || total < 1 || fragment > total || total > most) {
      return refused(`fragment ${fragment} of ${total}, at most ${most}`);
    }
    const slot = `${key} ${isResponse(header) ? 'response' : 'request'}`;
    const current = this.#sets.get(slot);
    if (current !== undefined && header.messageId < current.messageId) return refused('of an earlier message');
    const same = current?.messageId === header.messageId && current.exchange === header.exchange;
    if (same && current.total > total) return refused(`of ${total} fragments, after one of ${current.total}`);
    if (same && current.total === total && current.pieces.has(fragment)) return WAITING;
    const part = openPart(crypto, keys, message);
    if (part === undefined) return refused(`fragment ${fragment} of ${total}: its integrity check failed`);
    if (fragment > 1 && sealed.first !== 0) return refused(`fragment ${fragment} names a first payload`);
    // More fragments for the same message: the peer has tried again with smaller ones.
    const set = same && current.total === total ? current : this.#begin(slot, message, total, now);
    set.bytes += part.plain.length;
    if (set.bytes > this.#limits.bytes) {
      this.#sets.delete(slot);
      return refused(`more than ${this.#limits.bytes} bytes`);
    }
    set.pieces.set(fragment, { first: part.first, plain: part.plain.slice() });
    if (fragment === 1) set.head = message;
    if (set.pieces.size < total) return WAITING;
    this.#sets.delete(slot);
    const pieces = Array.from({ length: total }, (_, i) => set.pieces.get(i + 1)!);
    const plain = concat(...pieces.map((piece) => piece.plain));
    return { type: 'message', opened: openedFrom(set.head!, { first: pieces[0]!.first, plain }, total) };
  }

  /** Forgets what an IKE SA had sent so far. */
  drop(key: string): void {
    this.#sets.delete(`${key} request`);
    this.#sets.delete(`${key} response`);
  }

  expire(now: Instant): void {
    for (const [slot, { expiresAt }] of this.#sets) {
      if (expiresAt > now) return;
      this.#sets.delete(slot);
    }
  }

  /** When the oldest unfinished message expires. */
  get deadline(): Instant | undefined {
    for (const { expiresAt } of this.#sets.values()) return expiresAt;
    return undefined;
  }

  /** Unfinished messages. */
  get size(): number {
    return this.#sets.size;
  }

  #begin(slot: string, { header }: Message, total: number, now: Instant): FragmentSet {
    this.#sets.delete(slot);
    if (this.#sets.size >= this.#limits.sets) {
      for (const oldest of this.#sets.keys()) {
        this.#sets.delete(oldest);
        break;
      }
    }
    const set: FragmentSet = {
      messageId: header.messageId,
      exchange: header.exchange,
      total,
      expiresAt: now + this.#limits.lifetime,
      pieces: new Map(),
      head: undefined,
      bytes: 0,
    };
    this.#sets.set(slot, set);
    return set;
  }
}

const refused = (reason: string): FragmentResult => ({ type: 'refused', reason });
