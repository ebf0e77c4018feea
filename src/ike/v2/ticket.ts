/**
 * Tickets for session resumption by value: what the gateway needs to know again, sealed with a key that only it has.
 * RFC 5723 §4 and §6.
 */

import type { Instant, Milliseconds } from '../../core/index.ts';
import type { Crypto } from '../../crypto/index.ts';
import { concat, fromUtf8, Malformed, Reader, utf8, Writer } from '../../wire/index.ts';
import type { IkeV2Proposal } from './proposal.ts';

/** What a ticket holds. Times are of the clock of the endpoint that made it: a ticket does not outlive its process. */
export interface TicketState {
  readonly expiresAt: Instant;
  /** Body of the initiator's ID payload and of ours. */
  readonly initiatorId: Uint8Array;
  readonly responderId: Uint8Array;
  readonly proposal: IkeV2Proposal;
  readonly skD: Uint8Array;
  /** The user whom EAP proved, and how. */
  readonly user?: string;
  readonly eapMethod?: string;
  /** What the owner said of the user's credential. */
  readonly credential?: string;
  /** How the initiator proved itself the first time. */
  readonly method: string;
  /** A post-quantum pre-shared key is in `skD`. RFC 8784. */
  readonly usesPostquantumKey: boolean;
}

/** Longest ticket that is read. */
export const MAX_TICKET_BYTES = 2_048;

/** How long a key seals tickets. */
export const TICKET_KEY_LIFETIME: Milliseconds = 24 * 3_600_000;

/** Used tickets that are remembered until they would have expired; where there are more, none is taken. */
export const MAX_USED_TICKETS = 65_536;

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const LABEL = utf8('sallyport ticket 1');

interface Key {
  readonly id: Uint8Array;
  readonly key: Uint8Array;
  readonly until: Instant;
}

const KEY_ID_BYTES = 4;

/** Seals tickets and opens them again. Two keys are known at a time; a ticket is used once (RFC 5723 §5.3). */
export class TicketSealer {
  readonly #crypto: Crypto;
  readonly #random: (length: number) => Uint8Array;
  #keys: Key[] = [];
  /** Nonces of tickets that came back, with when they would have expired; in the order of their use. */
  readonly #used = new Map<string, Instant>();

  constructor(crypto: Crypto, random: (length: number) => Uint8Array) {
    this.#crypto = crypto;
    this.#random = random;
  }

  /** TICKET_OPAQUE of a session. */
  seal(state: TicketState, now: Instant): Uint8Array {
    const { id, key } = this.#key(now);
    const nonce = this.#random(NONCE_BYTES);
    const sealed = this.#crypto.gcmSeal(key, nonce, concat(LABEL, id), utf8(JSON.stringify(state, replaceBytes)));
    return concat(id, nonce, sealed);
  }

  /** @returns undefined for a ticket that is not ours, has expired, or was used before: TICKET_NACK */
  open(ticket: Uint8Array, now: Instant): TicketState | undefined {
    if (ticket.length > MAX_TICKET_BYTES || ticket.length < KEY_ID_BYTES + NONCE_BYTES) return undefined;
    const id = ticket.subarray(0, KEY_ID_BYTES);
    const nonce = ticket.subarray(KEY_ID_BYTES, KEY_ID_BYTES + NONCE_BYTES);
    const known = this.#keys.find((candidate) => this.#crypto.equal(candidate.id, id));
    const serial = nonce.join('.');
    this.#forget(now);
    if (known === undefined || this.#used.has(serial) || this.#used.size >= MAX_USED_TICKETS) return undefined;
    const sealed = ticket.subarray(KEY_ID_BYTES + NONCE_BYTES);
    const plain = this.#crypto.gcmOpen(known.key, nonce, concat(LABEL, id), sealed);
    if (plain === undefined) return undefined;
    // Sealed by us: it has the form that `seal` gave it.
    const state = JSON.parse(fromUtf8(plain), reviveBytes) as TicketState;
    if (state.expiresAt <= now) return undefined;
    this.#used.set(serial, state.expiresAt);
    return state;
  }

  #key(now: Instant): Key {
    const [newest] = this.#keys;
    if (newest !== undefined && newest.until > now) return newest;
    const key = { id: this.#random(KEY_ID_BYTES), key: this.#random(KEY_BYTES), until: now + TICKET_KEY_LIFETIME };
    this.#keys = [key, ...this.#keys.slice(0, 1)];
    return key;
  }

  /** Looks at no more than has to go: tickets that live equally long expire nearly in the order of their use. */
  #forget(now: Instant): void {
    for (const [serial, expiresAt] of this.#used) {
      if (expiresAt > now) return;
      this.#used.delete(serial);
    }
  }
}

/** TICKET_LT_OPAQUE: lifetime in seconds, then the ticket. RFC 5723 §7.2. */
export const ticketData = (lifetimeSeconds: number, ticket: Uint8Array): Uint8Array =>
  new Writer().u32(lifetimeSeconds).bytes(ticket).finish();

/** @throws Malformed */
export function readTicketData(data: Uint8Array): { readonly lifetimeSeconds: number; readonly ticket: Uint8Array } {
  const from = new Reader(data, 'TICKET_LT_OPAQUE');
  const lifetimeSeconds = from.u32();
  const ticket = from.rest().slice();
  if (ticket.length === 0) throw new Malformed('TICKET_LT_OPAQUE without a ticket');
  return { lifetimeSeconds, ticket };
}

const BYTES = 'bytes:';

const replaceBytes = (_: string, value: unknown) =>
  value instanceof Uint8Array ? BYTES + Array.from(value, (byte) => String.fromCharCode(byte)).join('') : value;

/** Texts of others may begin so. */
const TEXTS: readonly string[] = ['user', 'credential'] satisfies (keyof TicketState)[];

/** Texts of the state itself never begin so: identities are bytes. */
const reviveBytes = (key: string, value: unknown) =>
  !TEXTS.includes(key) && typeof value === 'string' && value.startsWith(BYTES)
    ? Uint8Array.from(value.slice(BYTES.length), (letter) => letter.charCodeAt(0))
    : value;
