/** TLS flights cut into EAP packets and put together again, the same for both ends. RFC 5216 §2.1.5, §3. */

import { concat, Malformed, Reader, Writer } from '../../wire/index.ts';
import { MOST_TLS_MESSAGE_BYTES } from '../limits.ts';

/** RFC 5216 §3.1. The low three bits are the version of the methods that borrow the format. */
export const TlsFlag = { length: 0x80, more: 0x40, start: 0x20 } as const;

const FLAGS_AND_LENGTH_BYTES = 5;
/** Acknowledges a fragment, or the last flight. */
export const ACK = Uint8Array.of(0);
export const START = Uint8Array.of(TlsFlag.start);

export type TlsInput =
  | { readonly kind: 'start' }
  /** No data: an acknowledgement. */
  | { readonly kind: 'ack' }
  /** More is to come; it wants an acknowledgement. */
  | { readonly kind: 'fragment' }
  | { readonly kind: 'message'; readonly bytes: Uint8Array };

export class TlsFragments {
  readonly #most: number;
  #outgoing: Uint8Array | undefined;
  #sent = 0;
  #incoming: Uint8Array[] = [];
  #received = 0;
  /** The whole length that the first fragment named. */
  #total: number | undefined;

  /** @param mostData Type-Data of one packet. Bytes */
  constructor(mostData: number) {
    this.#most = mostData - FLAGS_AND_LENGTH_BYTES;
  }

  /** Whether fragments of ours are still to go. */
  get sending(): boolean {
    return this.#outgoing !== undefined;
  }

  /** Whether the peer is in the middle of a flight. */
  get receiving(): boolean {
    return this.#total !== undefined;
  }

  /** @returns the first packet's Type-Data of a flight */
  send(flight: Uint8Array): Uint8Array {
    // RFC 9190 §2.4: what fits into one packet bears no length.
    if (flight.length <= this.#most) return concat(Uint8Array.of(0), flight);
    this.#outgoing = flight;
    this.#sent = this.#most;
    return new Writer(this.#most + FLAGS_AND_LENGTH_BYTES)
      .u8(TlsFlag.length | TlsFlag.more)
      .u32(flight.length)
      .bytes(flight.subarray(0, this.#most))
      .finish();
  }

  /** The next fragment, as the last was acknowledged. Only while `sending`. */
  next(): Uint8Array {
    const flight = this.#outgoing!;
    const fragment = flight.subarray(this.#sent, this.#sent + this.#most);
    this.#sent += fragment.length;
    const more = this.#sent < flight.length;
    if (!more) this.#outgoing = undefined;
    return concat(Uint8Array.of(more ? TlsFlag.more : 0), fragment);
  }

  /** @throws Malformed for lengths and flags that contradict each other, or a flight beyond the bound */
  receive(data: Uint8Array): TlsInput {
    const from = new Reader(data, 'EAP-TLS');
    // An acknowledgement without even the flags is seen in the field.
    const flags = from.left === 0 ? 0 : from.u8();
    const has = (flag: number) => (flags & flag) !== 0;
    const length = has(TlsFlag.length) ? from.u32() : undefined;
    const fragment = from.rest();
    if (has(TlsFlag.start)) {
      if (fragment.length > 0 || has(TlsFlag.more) || this.receiving) throw new Malformed('EAP-TLS: a Start with data');
      return { kind: 'start' };
    }
    if (length !== undefined && length > MOST_TLS_MESSAGE_BYTES) {
      throw new Malformed(`EAP-TLS: a message of ${length} bytes`);
    }
    if (!this.receiving) {
      if (has(TlsFlag.more) && length === undefined) throw new Malformed('EAP-TLS: a first fragment without a length');
      if (fragment.length === 0 && !has(TlsFlag.more)) return { kind: 'ack' };
    } else if (length !== undefined && length !== this.#total) {
      throw new Malformed('EAP-TLS: fragments of different lengths');
    }
    const total = this.#total ?? length ?? fragment.length;
    const received = this.#received + fragment.length;
    const complete = received === total;
    if (fragment.length === 0 || received > total || complete === has(TlsFlag.more)) {
      throw new Malformed(`EAP-TLS: ${received} of ${total} bytes with${has(TlsFlag.more) ? '' : 'out'} more to come`);
    }
    this.#incoming.push(fragment.slice());
    this.#received = received;
    this.#total = total;
    if (!complete) return { kind: 'fragment' };
    const bytes = concat(...this.#incoming);
    this.#incoming = [];
    this.#received = 0;
    this.#total = undefined;
    return { kind: 'message', bytes };
  }
}
