/** Plain twins of what the packet path does in place: each layer a function from bytes to bytes. */

import type { Crypto } from '../../src/crypto/index.ts';
import { type EspKeys, type EspSuite, espGeometry, integrityTransforms } from '../../src/esp/index.ts';
import { concat, Reader, Writer } from '../../src/wire/index.ts';

/** ESP around `payload`, RFC 4303 §2, with an IV of the sequence number's bytes. */
export function espSeal(
  crypto: Crypto,
  suite: EspSuite,
  keys: EspKeys,
  spi: number,
  sequence: number,
  payload: Uint8Array,
  nextHeader = 17,
): Uint8Array {
  const { ivBytes, alignment, icvBytes } = espGeometry(suite);
  const header = new Writer().u32(spi).u32(sequence).finish();
  const iv = new Writer()
    .zeros(ivBytes - 4)
    .u32(sequence)
    .finish();
  const padding = (alignment - ((payload.length + 2) % alignment)) % alignment;
  const trailer = Uint8Array.from([...Array.from({ length: padding }, (_, i) => i + 1), padding, nextHeader]);
  const plaintext = concat(payload, trailer);
  if (suite.encryption === 'aes-gcm-16') {
    const keyBytes = suite.keyBits / 8;
    const nonce = concat(keys.encryption.subarray(keyBytes), iv);
    return concat(header, iv, crypto.gcmSeal(keys.encryption.subarray(0, keyBytes), nonce, header, plaintext));
  }
  if (suite.encryption === 'chacha20-poly1305') throw new RangeError('not among these twins');
  const sealed = concat(header, iv, crypto.cbcEncrypt(suite.encryption, keys.encryption, iv, plaintext));
  const icv = crypto.hmac(integrityTransforms[suite.integrity!].hash, keys.integrity, sealed).subarray(0, icvBytes);
  return concat(sealed, icv);
}

export interface OpenedEsp {
  readonly spi: number;
  readonly sequence: number;
  readonly nextHeader: number;
  readonly payload: Uint8Array;
}

/** The way back; undefined where the check value is wrong. */
export function espOpen(crypto: Crypto, suite: EspSuite, keys: EspKeys, packet: Uint8Array): OpenedEsp | undefined {
  const { ivBytes, icvBytes } = espGeometry(suite);
  const from = new Reader(packet);
  const header = from.bytes(8);
  const iv = from.bytes(ivBytes);
  let plaintext: Uint8Array | undefined;
  if (suite.encryption === 'aes-gcm-16') {
    const keyBytes = suite.keyBits / 8;
    const nonce = concat(keys.encryption.subarray(keyBytes), iv);
    plaintext = crypto.gcmOpen(keys.encryption.subarray(0, keyBytes), nonce, header, from.rest());
  } else if (suite.encryption !== 'chacha20-poly1305') {
    const ciphertext = from.bytes(from.left - icvBytes);
    const covered = concat(header, iv, ciphertext);
    const icv = crypto.hmac(integrityTransforms[suite.integrity!].hash, keys.integrity, covered).subarray(0, icvBytes);
    if (!crypto.equal(icv, from.rest())) return undefined;
    plaintext = crypto.cbcDecrypt(suite.encryption, keys.encryption, iv, ciphertext);
  }
  if (plaintext === undefined) return undefined;
  const numbers = new Reader(header);
  const padding = plaintext[plaintext.length - 2]!;
  return {
    spi: numbers.u32(),
    sequence: numbers.u32(),
    nextHeader: plaintext[plaintext.length - 1]!,
    payload: plaintext.subarray(0, plaintext.length - 2 - padding),
  };
}

export interface UdpDatagram {
  readonly source: number;
  readonly destination: number;
  readonly checksum?: number;
  readonly payload: Uint8Array;
}

export function udpDatagram({ source, destination, checksum = 0, payload }: UdpDatagram): Uint8Array {
  return new Writer()
    .u16(source)
    .u16(destination)
    .u16(payload.length + 8)
    .u16(checksum)
    .bytes(payload)
    .finish();
}

export function readUdp(bytes: Uint8Array): Required<UdpDatagram> {
  const from = new Reader(bytes);
  const source = from.u16();
  const destination = from.u16();
  const length = from.u16();
  const checksum = from.u16();
  return { source, destination, checksum, payload: from.bytes(length - 8) };
}

export interface L2tpMessage {
  readonly control: boolean;
  /** Written as it is given; `true` writes the right length. */
  readonly length?: boolean | number;
  readonly sequence?: { readonly ns: number; readonly nr: number };
  /** Bytes of offset pad. */
  readonly offset?: number;
  readonly tunnel: number;
  readonly session: number;
  readonly payload: Uint8Array;
}

export function l2tpMessage(message: L2tpMessage): Uint8Array {
  const { control, length, sequence, offset, tunnel, session, payload } = message;
  const hasLength = length !== undefined && length !== false;
  const flags =
    2 |
    (control ? 0x8000 : 0) |
    (hasLength ? 0x4000 : 0) |
    (sequence ? 0x0800 : 0) |
    (offset !== undefined ? 0x0200 : 0);
  const to = new Writer().u16(flags);
  if (hasLength) to.u16(0);
  to.u16(tunnel).u16(session);
  if (sequence) to.u16(sequence.ns).u16(sequence.nr);
  if (offset !== undefined) to.u16(offset).zeros(offset);
  to.bytes(payload);
  if (hasLength) to.patchU16(2, length === true ? to.length : length);
  return to.finish();
}

/** @throws Truncated, or Error for what is no L2TPv2 */
export function readL2tp(bytes: Uint8Array): L2tpMessage {
  const whole = new Reader(bytes);
  const flags = whole.u16();
  if ((flags & 15) !== 2) throw new Error('not version 2');
  const hasLength = (flags & 0x4000) !== 0;
  const length = hasLength ? whole.u16() : bytes.length;
  const from = new Reader(bytes).sub(length);
  from.skip(hasLength ? 4 : 2);
  const tunnel = from.u16();
  const session = from.u16();
  const control = (flags & 0x8000) !== 0;
  if (control) return { control, length: hasLength && length, tunnel, session, payload: from.rest() };
  const sequence = (flags & 0x0800) !== 0 ? { ns: from.u16(), nr: from.u16() } : undefined;
  const offset = (flags & 0x0200) !== 0 ? from.u16() : undefined;
  from.skip(offset ?? 0);
  return {
    control,
    length: hasLength && length,
    ...(sequence && { sequence }),
    ...(offset !== undefined && { offset }),
    tunnel,
    session,
    payload: from.rest(),
  };
}

export interface PppFrame {
  readonly protocol: number;
  readonly payload: Uint8Array;
}

/** @throws Truncated */
export function readPpp(bytes: Uint8Array): PppFrame {
  const from = new Reader(bytes);
  if (bytes.length >= 2 && bytes[0] === 0xff && bytes[1] === 3) from.skip(2);
  const first = from.u8();
  const protocol = first & 1 ? first : (first << 8) | from.u8();
  return { protocol, payload: from.rest() };
}

export function pppFrame(payload: Uint8Array, protocol = 0x21, addressControl = true, compress = false): Uint8Array {
  const head = [...(addressControl ? [0xff, 3] : []), ...(compress ? [protocol] : [protocol >> 8, protocol & 255])];
  return concat(Uint8Array.from(head), payload);
}
