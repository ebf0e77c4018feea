/** `Buffer` stays inside the provider: its `slice` shares memory where that of `Uint8Array` copies. */

export function plain(buffer: Uint8Array): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}
