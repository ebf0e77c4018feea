/** Fixed wire structures declared once: the declaration reads, writes, types and dumps. */

import { Reader } from './reader.ts';
import { Writer } from './writer.ts';

/** How one kind of value stands on the wire. */
export interface Codec<Value> {
  read(from: Reader): Value;
  write(to: Writer, value: Value): void;
}

export type Infer<C> = C extends Codec<infer Value> ? Value : never;

export const u8: Codec<number> = { read: (r) => r.u8(), write: (w, v) => w.u8(v) };
export const u16: Codec<number> = { read: (r) => r.u16(), write: (w, v) => w.u16(v) };
export const u32: Codec<number> = { read: (r) => r.u32(), write: (w, v) => w.u32(v) };

/** Exactly `length` bytes. Writing another number of bytes is a programming error and throws `RangeError`. */
export function bytes(length: number): Codec<Uint8Array> {
  return {
    read: (r) => r.bytes(length),
    write: (w, v) => {
      if (v.length !== length) throw new RangeError(`field takes ${length} bytes, given ${v.length}`);
      w.bytes(v);
    },
  };
}

/** All bytes to the end of the enclosing reader. */
export const rest: Codec<Uint8Array> = { read: (r) => r.rest(), write: (w, v) => w.bytes(v) };

type Fields = Readonly<Record<string, Codec<unknown>>>;
type StructOf<F extends Fields> = { readonly [K in keyof F]: Infer<F[K]> };

export interface Struct<Value> extends Codec<Value> {
  readonly fields: readonly string[];
  decode(bytes: Uint8Array, what?: string): Value;
  encode(value: Value): Uint8Array;
}

/** A structure whose fields stand on the wire in the order of declaration. */
export function struct<const F extends Fields>(fields: F): Struct<StructOf<F>> {
  const entries = Object.entries(fields);
  const read = (from: Reader) => {
    const value: Record<string, unknown> = {};
    for (const [name, codec] of entries) value[name] = codec.read(from);
    return value as StructOf<F>;
  };
  const write = (to: Writer, value: StructOf<F>) => {
    for (const [name, codec] of entries) codec.write(to, (value as Record<string, unknown>)[name]);
  };
  return {
    fields: entries.map(([name]) => name),
    read,
    write,
    decode: (input, what) => read(new Reader(input, what)),
    encode: (value) => {
      const to = new Writer();
      write(to, value);
      return to.finish();
    },
  };
}
