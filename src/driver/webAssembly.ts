/**
 * What the modules are written out with that are made here byte by byte, and the way to the engine.
 * WebAssembly core specification 2.0 §5.
 */

/** The few words of the JavaScript API that are needed here, which TypeScript's own declarations have with the DOM. */
export interface WebAssemblyApi {
  readonly Memory: new (size: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer };
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: Record<string, unknown> };
}

/** @returns undefined where this process has none */
export function webAssembly(): WebAssemblyApi | undefined {
  return (globalThis as { readonly WebAssembly?: WebAssemblyApi }).WebAssembly;
}

export const leb128 = (value: number): number[] =>
  value < 128 ? [value] : [(value & 127) | 128, ...leb128(value >>> 7)];
export const vector = (items: readonly number[]): number[] => [...leb128(items.length), ...items];
export const section = (id: number, content: readonly number[]): number[] => [id, ...vector(content)];

// Types, locals and instructions, by the names of the specification.
export const I32 = 0x7f;
export const V128 = 0x7b;
export const get = (local: number): number[] => [0x20, local];
export const set = (local: number): number[] => [0x21, local];
export const tee = (local: number): number[] => [0x22, local];
/** A constant below 2^31, as a signed LEB128. */
export const i32 = (value: number): number[] => {
  const bytes = leb128(value);
  const last = bytes.length - 1;
  return (bytes[last]! & 0x40) === 0 ? [0x41, ...bytes] : [0x41, ...bytes.slice(0, last), bytes[last]! | 128, 0];
};
/** i32.lt_u */
export const LESS = [0x49];
