/** Both directions of one option negotiation: what we ask, what the peer asks, and what was agreed. RFC 1661 §5.1-5.4. */

import { Malformed, type Packed, pack, Reader, sameBytes, unpack, Writer } from '../wire/index.ts';
import type { AnyOption, Option, Verdict } from './options/option.ts';
import { Code, decodeOptions, encodeOptions, type RawOption } from './packet.ts';

/** The answer to a Configure-Request. */
export interface ConfigureReply {
  readonly code: typeof Code.configureAck | typeof Code.configureNak | typeof Code.configureReject;
  readonly options: Uint8Array;
}

const NONE: readonly number[] = [];

export class Negotiation<Context> {
  readonly #options: readonly AnyOption<Context>[];
  readonly #context: Context;
  readonly #maxFailure: number;
  /** Types that the peer rejected. */
  #dropped: readonly number[] = NONE;
  /** Option lists as they stood on the wire: few are looked at again, and the lists of a thousand links weigh. */
  #requested: Packed = '';
  #agreedLocal: Packed = '';
  #agreedPeer: Packed = '';
  /** Configure-Naks sent since the last Configure-Ack. */
  #naksSent = 0;

  constructor(options: readonly AnyOption<Context>[], context: Context, maxFailure: number) {
    this.#options = options;
    this.#context = context;
    this.#maxFailure = maxFailure;
  }

  /** The option list of a new Configure-Request. */
  request(): Uint8Array {
    const requested: RawOption[] = [];
    for (const option of this.#options) {
      const value = this.#dropped.includes(option.type) ? undefined : option.request(this.#context);
      if (value !== undefined) requested.push(encode(option, value));
    }
    const options = encodeOptions(requested);
    this.#requested = pack(options);
    return options;
  }

  /**
   * Judges the peer's Configure-Request.
   * @throws Malformed when the option list does not parse
   */
  judge(data: Uint8Array): ConfigureReply {
    const asked = decodeOptions(data);
    const naks: RawOption[] = [];
    const rejects: RawOption[] = [];
    const seen = new Set<number>();
    const patient = this.#naksSent < this.#maxFailure;
    for (const raw of asked) {
      const option = seen.has(raw.type) ? undefined : this.#options.find(({ type }) => type === raw.type);
      seen.add(raw.type);
      const verdict = option === undefined ? 'reject' : this.#verdict(option, raw);
      if (verdict === 'ack') continue;
      if (verdict === 'reject' || !(patient || verdict.alone)) {
        rejects.push(raw);
        continue;
      }
      const nak = encode(option!, verdict.nak);
      if (verdict.alone) return this.#nak([nak]);
      naks.push(nak);
    }
    if (rejects.length > 0) return { code: Code.configureReject, options: encodeOptions(rejects) };
    if (patient) naks.push(...this.#missing(seen));
    if (naks.length > 0) return this.#nak(naks);
    this.#naksSent = 0;
    this.#agreedPeer = pack(data);
    return { code: Code.configureAck, options: data.slice() };
  }

  /** @returns whether a Configure-Ack repeats our request exactly; only then it counts */
  acked(data: Uint8Array): boolean {
    if (pack(data) !== this.#requested) return false;
    this.#agreedLocal = this.#requested;
    return true;
  }

  /** Takes the suggestions of a Configure-Nak. Options that we did not ask for are not ours to add. */
  naked(data: Uint8Array): void {
    const requested = decodeOptions(unpack(this.#requested));
    for (const raw of decodeOptions(data)) {
      const option = this.#options.find(({ type }) => type === raw.type);
      if (option === undefined || !requested.some(({ type }) => type === raw.type)) continue;
      const value = decode(option, raw);
      if (value !== undefined) option.naked?.(this.#context, value);
    }
  }

  /** @returns false for a Configure-Reject of what we did not ask; it does not count */
  rejected(data: Uint8Array): boolean {
    const rejected = decodeOptions(data);
    const requested = decodeOptions(unpack(this.#requested));
    const ours = ({ type, data }: RawOption) =>
      requested.some((option) => option.type === type && sameBytes(option.data, data));
    if (rejected.length === 0 || !rejected.every(ours)) return false;
    for (const { type } of rejected) {
      this.#dropped = [...this.#dropped, type];
      this.#options.find((option) => option.type === type)?.rejected?.(this.#context);
    }
    return true;
  }

  /** The value that the peer acknowledged of ours; undefined where the default holds. */
  local<Value>(option: Option<Context, Value>): Value | undefined {
    return find(option, this.#agreedLocal);
  }

  /** The value that we acknowledged of the peer's; undefined where the default holds. */
  peer<Value>(option: Option<Context, Value>): Value | undefined {
    return find(option, this.#agreedPeer);
  }

  /** Whether `data` is the option list of the peer's that was acknowledged last. */
  isAgreed(data: Uint8Array): boolean {
    return pack(data) === this.#agreedPeer;
  }

  #verdict(option: AnyOption<Context>, raw: RawOption): Verdict<unknown> {
    const value = decode(option, raw);
    return value === undefined ? 'reject' : option.judge(this.#context, value);
  }

  #missing(seen: ReadonlySet<number>): RawOption[] {
    const missing: RawOption[] = [];
    for (const option of this.#options) {
      const value = seen.has(option.type) ? undefined : option.missing?.(this.#context);
      if (value !== undefined) missing.push(encode(option, value));
    }
    return missing;
  }

  #nak(options: readonly RawOption[]): ConfigureReply {
    this.#naksSent++;
    return { code: Code.configureNak, options: encodeOptions(options) };
  }
}

function encode<Context>(option: AnyOption<Context>, value: unknown): RawOption {
  const to = new Writer();
  option.codec.write(to, value);
  return { type: option.type, data: to.finish() };
}

/** @returns undefined for a value whose length is not the option's */
function decode<Context, Value>(option: Option<Context, Value>, raw: RawOption): Value | undefined {
  const from = new Reader(raw.data, option.name);
  try {
    const value = option.codec.read(from);
    return from.left === 0 ? value : undefined;
  } catch (error) {
    if (error instanceof Malformed) return undefined;
    throw error;
  }
}

function find<Context, Value>(option: Option<Context, Value>, agreed: Packed): Value | undefined {
  const raw = decodeOptions(unpack(agreed)).find(({ type }) => type === option.type);
  return raw === undefined ? undefined : decode(option, raw);
}
