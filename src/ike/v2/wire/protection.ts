/** Sealing and opening of Encrypted and Encrypted Fragment payloads. RFC 7296 §3.14, RFC 5282, RFC 7634, RFC 7383 §2.5. */

import type { Crypto } from '../../../crypto/index.ts';
import { integrityTransforms } from '../../../esp/transforms.ts';
import { concat, Malformed } from '../../../wire/index.ts';
import { type DirectionKeys, ikeCiphers } from '../keys.ts';
import { type Payload, PayloadType } from '../payloads/index.ts';
import { HEADER_BYTES, IKE_SPI_BYTES, type IkeHeader } from './header.ts';
import {
  decodePayloads,
  encodeHeader,
  encodePayloads,
  firstNumber,
  GENERIC_HEADER_BYTES,
  type Message,
  type MessageHead,
  type PayloadChain,
} from './message.ts';

/** What sealing needs beside the keys. */
export interface Sealing {
  readonly crypto: Crypto;
  random(length: number): Uint8Array;
}

/** A protected message whose integrity was verified. */
export interface Opened extends PayloadChain {
  readonly header: IkeHeader;
  /** A for RFC 9242, see `intermediateOctets`. */
  readonly intermediate: Uint8Array;
  /** Number of fragments it came in; 1 for a whole message. */
  readonly fragments: number;
}

/** What stood encrypted in one SK or SKF payload. */
export interface OpenedPart {
  readonly first: number;
  readonly plain: Uint8Array;
}

const AEAD_ICV_BYTES = 16;
/** Fragment number and total fragments. RFC 7383 §2.5. */
const FRAGMENT_HEADER_BYTES = 4;
/** Both fields have 16 bits; nobody puts more together. */
const MOST_FRAGMENTS = 255;

/**
 * A message as it is sent: one datagram, or fragments of at most `maxBytes` where it is longer than that.
 * @param keys of our direction
 * @param maxBytes of the IKE message, without UDP and non-ESP marker; undefined: never fragmented
 * @throws RangeError where it takes more than 255 fragments
 */
export function sealMessage(
  by: Sealing,
  keys: DirectionKeys,
  head: MessageHead,
  payloads: readonly Payload[],
  maxBytes?: number,
): readonly Uint8Array[] {
  const plain = encodePayloads(payloads);
  const first = firstNumber(payloads);
  const whole = HEADER_BYTES + GENERIC_HEADER_BYTES + sealedBytes(keys, plain.length);
  if (maxBytes === undefined || whole <= maxBytes) {
    return [seal(by, keys, head, { number: PayloadType.SK, first, plain })];
  }
  const room = plainRoom(keys, maxBytes - HEADER_BYTES - GENERIC_HEADER_BYTES - FRAGMENT_HEADER_BYTES);
  const total = room > 0 ? Math.ceil(plain.length / room) : Number.POSITIVE_INFINITY;
  if (total > MOST_FRAGMENTS) throw new RangeError(`${plain.length} bytes do not fit into fragments of ${maxBytes}`);
  return Array.from({ length: total }, (_, i) =>
    seal(by, keys, head, {
      number: PayloadType.SKF,
      first: i === 0 ? first : PayloadType.NONE,
      plain: plain.subarray(i * room, (i + 1) * room),
      fragment: { number: i + 1, total },
    }),
  );
}

/**
 * Opens a whole message.
 * @param keys of the peer's direction
 * @returns undefined where its integrity does not verify: to be dropped without a word
 * @throws Malformed for what a peer that holds the keys wrote wrongly
 */
export function openMessage(crypto: Crypto, keys: DirectionKeys, message: Message): Opened | undefined {
  if (message.sealed?.payload.kind !== 'SK') return undefined;
  const part = openPart(crypto, keys, message);
  return part && openedFrom(message, part, 1);
}

/** Verifies and decrypts one SK or SKF payload. @returns undefined where its integrity does not verify @throws Malformed */
export function openPart(crypto: Crypto, keys: DirectionKeys, message: Message): OpenedPart | undefined {
  const { sealed, bytes } = message;
  if (sealed === undefined) return undefined;
  const { data } = sealed.payload;
  const { ivBytes, blockBytes, aead } = ikeCiphers[keys.encryption];
  const icv = icvBytes(keys);
  const length = data.length - ivBytes - icv;
  // At least one byte, the pad length.
  if (length < 1 || length % blockBytes !== 0) return undefined;
  const iv = data.subarray(0, ivBytes);
  const padded = aead
    ? openAead(crypto, keys, iv, bytes.subarray(0, bytes.length - data.length), data.subarray(ivBytes))
    : openCbc(crypto, keys, iv, bytes, data.subarray(ivBytes, ivBytes + length), icv);
  if (padded === undefined) return undefined;
  const padding = padded.at(-1)!;
  if (padding + 1 > padded.length) throw new Malformed(`${padding} bytes of padding in ${padded.length} bytes`);
  return { first: sealed.first, plain: padded.subarray(0, padded.length - padding - 1) };
}

/** Reads what was decrypted. @param message the one that it came in, or the first fragment's @throws Malformed */
export function openedFrom(message: Message, { first, plain }: OpenedPart, fragments: number): Opened {
  const outer = concat(...message.raw);
  return {
    header: message.header,
    ...decodePayloads(first, plain),
    intermediate: intermediateBytes(message.bytes.subarray(0, HEADER_BYTES), outer, first, plain),
    fragments,
  };
}

/**
 * What an intermediate exchange contributes to AUTH: the message as if it were neither encrypted nor fragmented, its
 * lengths without IV, padding and ICV. RFC 9242 §3.3.2.
 */
export function intermediateOctets(head: MessageHead, payloads: readonly Payload[]): Uint8Array {
  const header = encodeHeader(head, PayloadType.SK, 0);
  return intermediateBytes(header, new Uint8Array(0), firstNumber(payloads), encodePayloads(payloads));
}

function intermediateBytes(header: Uint8Array, outer: Uint8Array, first: number, plain: Uint8Array): Uint8Array {
  const before = HEADER_BYTES + outer.length;
  const octets = concat(header, outer, new Uint8Array(GENERIC_HEADER_BYTES), plain);
  const view = new DataView(octets.buffer);
  if (outer.length === 0) octets[NEXT_PAYLOAD_AT] = PayloadType.SK;
  else octets[lastPayloadAt(octets, before)] = PayloadType.SK;
  view.setUint32(LENGTH_AT, octets.length);
  octets[before] = first;
  view.setUint16(before + 2, GENERIC_HEADER_BYTES + plain.length);
  return octets;
}

const NEXT_PAYLOAD_AT = 2 * IKE_SPI_BYTES;
const LENGTH_AT = HEADER_BYTES - 4;

/** Where the last payload before `end` begins, which is where it says what follows it. */
function lastPayloadAt(octets: Uint8Array, end: number): number {
  let at = HEADER_BYTES;
  for (;;) {
    const next = at + octets[at + 2]! * 256 + octets[at + 3]!;
    if (next >= end) return at;
    at = next;
  }
}

interface Piece {
  readonly number: typeof PayloadType.SK | typeof PayloadType.SKF;
  readonly first: number;
  readonly plain: Uint8Array;
  readonly fragment?: { readonly number: number; readonly total: number };
}

function seal(
  by: Sealing,
  keys: DirectionKeys,
  head: MessageHead,
  { number, first, plain, fragment }: Piece,
): Uint8Array {
  const { crypto } = by;
  const { ivBytes, blockBytes, aead } = ikeCiphers[keys.encryption];
  const sealedLength = sealedBytes(keys, plain.length);
  const fields =
    fragment === undefined ? [] : [fragment.number >>> 8, fragment.number, fragment.total >>> 8, fragment.total];
  const payloadLength = GENERIC_HEADER_BYTES + fields.length + sealedLength;
  const associated = concat(
    encodeHeader(head, number, HEADER_BYTES + payloadLength),
    Uint8Array.of(first, 0, payloadLength >>> 8, payloadLength, ...fields),
  );
  const padding = paddingFor(plain.length, blockBytes);
  const padded = new Uint8Array(plain.length + padding + 1);
  padded.set(plain);
  padded[padded.length - 1] = padding;
  const serial = ++keys.sealed.count;
  if (aead) {
    const iv = counterIv(serial, ivBytes);
    const nonce = concat(keys.salt, iv);
    const sealed =
      keys.encryption === 'aes-gcm-16'
        ? crypto.gcmSeal(keys.key, nonce, associated, padded)
        : crypto.chachaSeal(keys.key, nonce, associated, padded);
    return concat(associated, iv, sealed);
  }
  const iv = by.random(ivBytes);
  const covered = concat(associated, iv, crypto.cbcEncrypt(cbcName(keys), keys.key, iv, padded));
  return concat(covered, hmacIcv(crypto, keys, covered));
}

function openAead(crypto: Crypto, keys: DirectionKeys, iv: Uint8Array, associated: Uint8Array, sealed: Uint8Array) {
  const nonce = concat(keys.salt, iv);
  return keys.encryption === 'aes-gcm-16'
    ? crypto.gcmOpen(keys.key, nonce, associated, sealed)
    : crypto.chachaOpen(keys.key, nonce, associated, sealed);
}

function openCbc(
  crypto: Crypto,
  keys: DirectionKeys,
  iv: Uint8Array,
  bytes: Uint8Array,
  ciphertext: Uint8Array,
  icv: number,
): Uint8Array | undefined {
  const at = bytes.length - icv;
  if (!crypto.equal(hmacIcv(crypto, keys, bytes.subarray(0, at)), bytes.subarray(at))) return undefined;
  return crypto.cbcDecrypt(cbcName(keys), keys.key, iv, ciphertext);
}

const cbcName = ({ encryption }: DirectionKeys) => (encryption === '3des-cbc' ? '3des-cbc' : 'aes-cbc');

function hmacIcv(crypto: Crypto, { integrity }: DirectionKeys, covered: Uint8Array): Uint8Array {
  const { hash, icvBytes } = integrityTransforms[integrity!.name];
  return crypto.hmac(hash, integrity!.key, covered).subarray(0, icvBytes);
}

const icvBytes = ({ integrity }: DirectionKeys) =>
  integrity === undefined ? AEAD_ICV_BYTES : integrityTransforms[integrity.name].icvBytes;

/** IV, ciphertext with padding and pad length, ICV. */
function sealedBytes(keys: DirectionKeys, plainLength: number): number {
  const { ivBytes, blockBytes } = ikeCiphers[keys.encryption];
  return ivBytes + plainLength + paddingFor(plainLength, blockBytes) + 1 + icvBytes(keys);
}

/** The longest payloads of a whole message of at most `maxBytes`; negative where there is no room for any. */
export const plainRoomOf = (keys: DirectionKeys, maxBytes: number): number =>
  plainRoom(keys, maxBytes - HEADER_BYTES - GENERIC_HEADER_BYTES);

/** The longest plaintext that `sealedBytes` brings to at most `bytes`. */
function plainRoom(keys: DirectionKeys, bytes: number): number {
  const { ivBytes, blockBytes } = ikeCiphers[keys.encryption];
  const padded = bytes - ivBytes - icvBytes(keys);
  return padded - (((padded % blockBytes) + blockBytes) % blockBytes) - 1;
}

const paddingFor = (length: number, blockBytes: number) => (blockBytes - ((length + 1) % blockBytes)) % blockBytes;

function counterIv(serial: number, bytes: number): Uint8Array {
  const iv = new Uint8Array(bytes);
  const view = new DataView(iv.buffer);
  view.setUint32(bytes - 8, Math.floor(serial / 2 ** 32));
  view.setUint32(bytes - 4, serial % 2 ** 32);
  return iv;
}
