export { concat, fromHex, fromUtf8, printable, sameBytes, toHex, utf8 } from './bytes.ts';
export { Malformed, Truncated } from './malformed.ts';
export { nameOf } from './names.ts';
export { type Packed, pack, unpack } from './packed.ts';
export { Reader } from './reader.ts';
export { bytes, type Codec, type Infer, rest, type Struct, struct, u8, u16, u32 } from './struct.ts';
export { viewOf } from './viewOf.ts';
export { Writer } from './writer.ts';
