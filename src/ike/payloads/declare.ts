/** What every declaration of an ISAKMP payload consists of. RFC 2408 §3.2. */

import type { Codec, Reader, Writer } from '../../wire/index.ts';

type Names = Readonly<Record<string, Readonly<Record<string, number>>>>;

/** A payload as it is decoded: its kind, its fields and, where its kind has several numbers, a number that is not the first. */
export type PayloadOf<D> =
  D extends PayloadDeclaration<infer Kind, infer Fields>
    ? { readonly kind: Kind; readonly number?: number } & Fields
    : never;

export interface PayloadDeclaration<Kind extends string, Fields> {
  readonly kind: Kind;
  /** The payload's number and then its other numbers (those of drafts). */
  readonly numbers: readonly [number, ...number[]];
  /** What stands between this payload's generic header and the next one. */
  readonly body: Codec<Fields>;
  /** Tables that name the values of fields in the dump. */
  readonly names: Names;
}

/** Declares one payload; the declaration reads, writes, types and dumps. */
export function payload<const Kind extends string, Fields>(
  kind: Kind,
  numbers: readonly [number, ...number[]],
  body: Codec<Fields>,
  names: Names = {},
): PayloadDeclaration<Kind, Fields> {
  return { kind, numbers, body, names };
}

/** A codec from its two functions. */
export const codec = <Value>(
  read: (from: Reader) => Value,
  write: (to: Writer, value: Value) => void,
): Codec<Value> => ({
  read,
  write,
});
