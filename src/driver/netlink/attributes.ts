/**
 * Netlink attributes declared as tables: one declaration encodes, decodes and types a family of them.
 * Integers are in the byte order of the (little-endian) host unless a codec says big-endian; see include/uapi/linux/netlink.h.
 */

/** How one attribute's payload stands on the wire. */
export interface ValueCodec<Value> {
  encode(value: Value): Uint8Array;
  /** @throws RangeError when there are too few bytes */
  decode(bytes: Uint8Array): Value;
  readonly nested?: true;
}

export interface Attribute<Value> {
  readonly type: number;
  readonly codec: ValueCodec<Value>;
}

export type AttributeTable = Readonly<Record<string, Attribute<unknown>>>;
export type ValuesOf<T> = { readonly [K in keyof T]?: T[K] extends Attribute<infer Value> ? Value : never };

const HEADER_BYTES = 4;
const NESTED = 0x8000;
const TYPE_MASK = 0x3fff;

export const attribute = <Value>(type: number, codec: ValueCodec<Value>): Attribute<Value> => ({ type, codec });

/** Attributes in the order of the table; absent ones are left out. */
export function encodeAttributes<const T extends Readonly<Record<string, Attribute<unknown>>>>(
  table: T,
  values: ValuesOf<T>,
): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const [name, declared] of Object.entries(table)) {
    const value = (values as Record<string, unknown>)[name];
    if (value === undefined) continue;
    const { type, codec } = declared as Attribute<unknown>;
    parts.push(encodeAttribute(codec.nested ? type | NESTED : type, codec.encode(value)));
  }
  return joinBytes(parts);
}

/** Attributes that the table does not name are skipped: newer kernels say more. */
export function decodeAttributes<const T extends Readonly<Record<string, Attribute<unknown>>>>(
  table: T,
  bytes: Uint8Array,
): ValuesOf<T> {
  const values: Record<string, unknown> = {};
  for (const [type, payload] of eachAttribute(bytes)) {
    for (const name in table) {
      const declared = table[name] as Attribute<unknown> | undefined;
      if (declared?.type === type) values[name] = declared.codec.decode(payload);
    }
  }
  return values as ValuesOf<T>;
}

/** One attribute with its header and padding. */
export function encodeAttribute(type: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(align4(HEADER_BYTES + payload.length));
  const view = new DataView(bytes.buffer);
  view.setUint16(0, HEADER_BYTES + payload.length, true);
  view.setUint16(2, type, true);
  bytes.set(payload, HEADER_BYTES);
  return bytes;
}

export const align4 = (length: number): number => (length + 3) & ~3;

export function joinBytes(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

export const u8: ValueCodec<number> = integer(1, (v, n) => v.setUint8(0, n), (v) => v.getUint8(0)); // biome-ignore format: one line each
export const u16: ValueCodec<number> = integer(2, (v, n) => v.setUint16(0, n, true), (v) => v.getUint16(0, true)); // biome-ignore format: one line each
export const u16be: ValueCodec<number> = integer(2, (v, n) => v.setUint16(0, n), (v) => v.getUint16(0)); // biome-ignore format: one line each
export const u32: ValueCodec<number> = integer(4, (v, n) => v.setUint32(0, n, true), (v) => v.getUint32(0, true)); // biome-ignore format: one line each
export const u32be: ValueCodec<number> = integer(4, (v, n) => v.setUint32(0, n), (v) => v.getUint32(0)); // biome-ignore format: one line each
export const i32be: ValueCodec<number> = integer(4, (v, n) => v.setInt32(0, n), (v) => v.getInt32(0)); // biome-ignore format: one line each

/** Text that ends with a zero byte. */
export const text: ValueCodec<string> = {
  encode: (value) => joinBytes([new TextEncoder().encode(value), Uint8Array.of(0)]),
  decode: (bytes) => {
    const end = bytes.indexOf(0);
    return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
  },
};

export const raw: ValueCodec<Uint8Array> = { encode: (value) => value, decode: (bytes) => bytes.slice() };

export function nested<const T extends Readonly<Record<string, Attribute<unknown>>>>(
  table: T,
): ValueCodec<ValuesOf<T>> & { readonly nested: true } {
  return {
    nested: true,
    encode: (value) => encodeAttributes(table, value),
    decode: (bytes) => decodeAttributes(table, bytes),
  };
}

/** A nest that holds the same attribute again and again. */
export function list<Value>(element: Attribute<Value>): ValueCodec<readonly Value[]> & { readonly nested: true } {
  const type = element.codec.nested ? element.type | NESTED : element.type;
  return {
    nested: true,
    encode: (values) => joinBytes(values.map((value) => encodeAttribute(type, element.codec.encode(value)))),
    decode: (bytes) => {
      const values: Value[] = [];
      for (const [at, payload] of eachAttribute(bytes)) {
        if (at === element.type) values.push(element.codec.decode(payload));
      }
      return values;
    },
  };
}

function integer(
  length: number,
  set: (view: DataView, value: number) => void,
  get: (view: DataView) => number,
): ValueCodec<number> {
  return {
    encode: (value) => {
      const bytes = new Uint8Array(length);
      set(new DataView(bytes.buffer), value);
      return bytes;
    },
    decode: (bytes) => get(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)),
  };
}

/** Type (without the nesting and byte-order flags) and payload of each attribute; stops where the bytes make no sense. */
function* eachAttribute(bytes: Uint8Array): Generator<readonly [type: number, payload: Uint8Array]> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + HEADER_BYTES <= bytes.length; ) {
    const length = view.getUint16(at, true);
    if (length < HEADER_BYTES || at + length > bytes.length) return;
    yield [view.getUint16(at + 2, true) & TYPE_MASK, bytes.subarray(at + HEADER_BYTES, at + length)];
    at += align4(length);
  }
}
