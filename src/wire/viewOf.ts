/** A DataView over a packet's buffer, at the price of one comparison for the buffer used last: words cost less than bytes. */

let lastBytes: Uint8Array | undefined;
let lastView: DataView = new DataView(new ArrayBuffer(0));

export function viewOf(bytes: Uint8Array): DataView {
  if (bytes === lastBytes) return lastView;
  lastBytes = bytes;
  lastView = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return lastView;
}
