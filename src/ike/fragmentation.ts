/** Splitting IKEv1 messages into the vendors' fragments and putting them together, within bounds. Payload 132, no RFC. */

import type { Instant, Milliseconds } from '../core/index.ts';
import { concat } from '../wire/index.ts';
import { decodeHeader, HEADER_BYTES } from './header.ts';
import { encodeMessage } from './message.ts';
import { type FragmentPayload, HeaderFlag, LAST_FRAGMENT } from './payloads/index.ts';

/** Bounds of reassembly; all optional, the defaults are below. */
export interface ReassemblyLimits {
  readonly fragments: number;
  readonly bytes: number;
  /** Unfinished messages at a time, over all peers. */
  readonly sets: number;
  readonly lifetime: Milliseconds;
}

export const DEFAULT_REASSEMBLY_LIMITS: ReassemblyLimits = {
  fragments: 32,
  bytes: 32_768,
  sets: 256,
  lifetime: 15_000,
};

/** Largest datagram that is sent whole to a peer that can reassemble: fits into 1280 bytes with IPv6, UDP and marker. */
export const DEFAULT_FRAGMENT_SIZE = 1_228;

const FRAGMENT_OVERHEAD = HEADER_BYTES + 8;
const MAX_FRAGMENTS = 255;

/**
 * The datagrams that carry a message: itself where it is not above `size` bytes, else fragments of at most `size`.
 * @param id of this message; another one than of the messages before it to the same peer
 * @throws RangeError where it takes more than 255 fragments
 */
export function splitMessage(message: Uint8Array, id: number, size = DEFAULT_FRAGMENT_SIZE): readonly Uint8Array[] {
  if (message.length <= size) return [message];
  const room = size - FRAGMENT_OVERHEAD;
  const count = room > 0 ? Math.ceil(message.length / room) : Number.POSITIVE_INFINITY;
  if (count > MAX_FRAGMENTS) throw new RangeError(`${message.length} bytes do not fit into fragments of ${size}`);
  const header = decodeHeader(message);
  const head = { ...header, flags: header.flags & ~HeaderFlag.encryption };
  return Array.from({ length: count }, (_, i) => {
    const flags = i === count - 1 ? LAST_FRAGMENT : 0;
    const data = message.subarray(i * room, (i + 1) * room);
    return encodeMessage(head, [{ kind: 'FRAGMENT', id, index: i + 1, flags, data }]);
  });
}

/** What became of a fragment. A `message` is a whole ISAKMP message, still to be decoded. */
export type Reassembled =
  | { readonly type: 'message'; readonly bytes: Uint8Array }
  | { readonly type: 'waiting' }
  | { readonly type: 'refused'; readonly reason: string };

interface FragmentSet {
  readonly id: number;
  readonly expiresAt: Instant;
  readonly pieces: Map<number, Uint8Array>;
  bytes: number;
  last: number | undefined;
}

const WAITING: Reassembled = { type: 'waiting' };

/** One unfinished message for each key; the key names the peer and the IKE SA, e.g. its endpoint and cookies. */
export class FragmentReassembly {
  readonly #limits: ReassemblyLimits;
  /** In order of expiry, as all live equally long. */
  readonly #sets = new Map<string, FragmentSet>();

  constructor(limits: Partial<ReassemblyLimits> = {}) {
    this.#limits = { ...DEFAULT_REASSEMBLY_LIMITS, ...limits };
  }

  /** Takes a fragment in. A fragment of another id replaces the unfinished message of the same key. */
  add(key: string, fragment: FragmentPayload, now: Instant): Reassembled {
    this.expire(now);
    const { id, index, flags, data } = fragment;
    if (index < 1 || index > this.#limits.fragments)
      return refused(`fragment ${index} of at most ${this.#limits.fragments}`);
    const set = this.#setFor(key, id, now);
    if (set.pieces.has(index)) return WAITING;
    set.bytes += data.length;
    if (set.bytes > this.#limits.bytes) return this.#refuse(key, `more than ${this.#limits.bytes} bytes`);
    if ((flags & LAST_FRAGMENT) !== 0) set.last ??= index;
    if (set.last !== undefined && Math.max(index, ...set.pieces.keys()) > set.last) {
      return this.#refuse(key, `a fragment behind the last one, ${set.last}`);
    }
    set.pieces.set(index, data.slice());
    if (set.pieces.size !== set.last) return WAITING;
    this.#sets.delete(key);
    const { pieces, last } = set;
    return { type: 'message', bytes: concat(...Array.from({ length: last }, (_, i) => pieces.get(i + 1)!)) };
  }

  /** Forgets what a key had sent so far. */
  drop(key: string): void {
    this.#sets.delete(key);
  }

  expire(now: Instant): void {
    for (const [key, { expiresAt }] of this.#sets) {
      if (expiresAt > now) return;
      this.#sets.delete(key);
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

  #setFor(key: string, id: number, now: Instant): FragmentSet {
    const current = this.#sets.get(key);
    if (current?.id === id) return current;
    this.#sets.delete(key);
    if (this.#sets.size >= this.#limits.sets) {
      for (const oldest of this.#sets.keys()) {
        this.#sets.delete(oldest);
        break;
      }
    }
    const set = { id, expiresAt: now + this.#limits.lifetime, pieces: new Map(), bytes: 0, last: undefined };
    this.#sets.set(key, set);
    return set;
  }

  #refuse(key: string, reason: string): Reassembled {
    this.#sets.delete(key);
    return refused(reason);
  }
}

const refused = (reason: string): Reassembled => ({ type: 'refused', reason });
