/** An SA to send on: numbers, pads and seals packets. RFC 4303 §3.3. */

import { viewOf } from '../wire/index.ts';
import { BATCH_PACKETS, type NewPacketCipher, NOT_EXTENDED, type PacketCipher } from './cipher.ts';
import { EspError } from './errors.ts';
import { espLength, paddingLength } from './overhead.ts';
import type { RandomPool } from './randomPool.ts';
import type { EspKeys, EspSuite } from './suite.ts';
import { ESP_HEADER_BYTES, ESP_TRAILER_BYTES, type EspGeometry, espGeometry, mustFit } from './transforms.ts';

/** Sequence numbers never wrap: after this one the SA sends no more. RFC 4303 §3.3.3. */
export const SEQUENCE_LAST = 0xffff_ffff;
/** Extended numbers (RFC 4304) end here, where JavaScript no longer counts exactly: after 2^53 packets. */
export const EXTENDED_SEQUENCE_LAST = Number.MAX_SAFE_INTEGER;
/** From here on a successor is wanted. */
const WARNING_SHARE = 0.9;
export const SEQUENCE_WARNING = Math.floor(SEQUENCE_LAST * WARNING_SHARE);
const TWO_TO_32 = 2 ** 32;

export interface OutboundSaOptions {
  readonly spi: number;
  readonly suite: EspSuite;
  readonly keys: EspKeys;
  readonly newCipher: NewPacketCipher;
  /** Where the IVs of CBC come from, which nobody may foretell (RFC 3602 §3). */
  readonly random: RandomPool;
  /** See `espGeometry`. */
  readonly icvBytes?: number;
  /** The last sequence number that was used under these keys; 0 for a fresh SA. */
  readonly sequence?: number;
  /** Sequence numbers of 64 bits: RFC 4304. Default false. */
  readonly extendedSequence?: boolean;
}

export class OutboundSa {
  readonly spi: number;
  readonly suite: EspSuite;
  readonly geometry: EspGeometry;
  readonly #cipher: PacketCipher;
  readonly #random: RandomPool;
  readonly #isAead: boolean;
  readonly #isExtended: boolean;
  readonly #last: number;
  readonly #warning: number;
  #sequence: number;
  /** Packets of a train that are not encrypted yet. */
  #added = 0;

  /** @throws RangeError for keys or an ICV length that are not the suite's */
  constructor(options: OutboundSaOptions) {
    const { spi, suite, keys, newCipher, random, icvBytes, sequence, extendedSequence = false } = options;
    this.#isExtended = extendedSequence;
    this.#last = extendedSequence ? EXTENDED_SEQUENCE_LAST : SEQUENCE_LAST;
    this.#warning = Math.floor(this.#last * WARNING_SHARE);
    this.spi = spi;
    this.suite = suite;
    this.geometry = espGeometry(suite, icvBytes);
    mustFit(suite, keys);
    this.#cipher = newCipher(suite, keys, this.geometry);
    this.#random = random;
    this.#isAead = suite.integrity === undefined;
    this.#sequence = sequence ?? 0;
  }

  /** The last sequence number used; 0 before the first packet. */
  get sequence(): number {
    return this.#sequence;
  }

  /** 90 % of the sequence numbers are used: time for a successor. */
  get expiring(): boolean {
    return this.#sequence >= this.#warning;
  }

  /** All of them are used: `seal` refuses. */
  get exhausted(): boolean {
    return this.#sequence >= this.#last;
  }

  /**
   * Seals `length` bytes of `input` at `at` into an ESP packet in `out` at `outAt`. The two may be one buffer; nothing
   * is moved where the payload already stands `geometry.prefixBytes` behind `outAt`.
   * @param nextHeader IP protocol of the payload
   * @returns length of the packet from SPI to ICV, or `EspError.exhausted` or `.noRoom`, and then `out` is untouched
   */
  seal(nextHeader: number, input: Uint8Array, at: number, length: number, out: Uint8Array, outAt: number): number {
    if (this.#sequence >= this.#last) return EspError.exhausted;
    const packetLength = espLength(this.geometry, length);
    if (outAt + packetLength > out.length) return EspError.noRoom;
    const from = outAt + this.geometry.prefixBytes;
    move(input, at, length, out, from);
    const sealed = this.#layOut(nextHeader, out, viewOf(out), outAt, length);
    this.#cipher.seal(out, outAt, sealed, this.#high);
    return packetLength;
  }

  /** How many packets may still be sent before a successor is wanted. */
  get left(): number {
    return this.#warning - this.#sequence;
  }

  /** Length of the packet that a payload of `length` bytes becomes. */
  lengthOf(length: number): number {
    return espLength(this.geometry, length);
  }

  /** Begins a train of packets: `add` each, then `finish`. */
  begin(): void {
    this.#added = 0;
    this.#cipher.batch?.discardAdded();
  }

  /**
   * As `seal` for a packet of a train, of which there are at most `left`: its payload stands in its place, with room
   * behind it. It is sealed when `finish` was called.
   * @param view of `out`
   * @returns length of the packet
   */
  add(nextHeader: number, out: Uint8Array, view: DataView, outAt: number, length: number): number {
    const sealed = this.#layOut(nextHeader, out, view, outAt, length);
    const { batch } = this.#cipher;
    if (batch === undefined) this.#cipher.seal(out, outAt, sealed, this.#high);
    else {
      batch.addToSeal(out, outAt, sealed, this.#high);
      if (++this.#added === BATCH_PACKETS) this.finish();
    }
    return sealed + this.geometry.icvBytes;
  }

  /** Seals all that was added. */
  finish(): void {
    if (this.#added === 0) return;
    this.#added = 0;
    this.#cipher.batch?.sealAdded();
  }

  /** The SA sends no more; its keys and its cipher are given back. */
  close(): void {
    this.#sequence = this.#last;
    this.#cipher.close();
  }

  /** The high half of the last sequence number. */
  get #high(): number {
    return this.#isExtended ? Math.floor(this.#sequence / TWO_TO_32) : NOT_EXTENDED;
  }

  /**
   * Numbers the next packet, and writes what stands around its payload.
   * @returns length of what is sealed, from the SPI on
   */
  #layOut(nextHeader: number, out: Uint8Array, view: DataView, outAt: number, length: number): number {
    const { geometry } = this;
    const padding = paddingLength(geometry, length);
    const end = outAt + geometry.prefixBytes + length;
    for (let i = 1; i <= padding; i++) out[end + i - 1] = i;
    const trailer = end + padding;
    view.setUint16(trailer, (padding << 8) | nextHeader);
    const sequence = ++this.#sequence;
    view.setUint32(outAt, this.spi);
    view.setUint32(outAt + 4, sequence);
    const ivAt = outAt + ESP_HEADER_BYTES;
    if (this.#isAead) {
      // The sequence number never repeats under a key, so it is the IV. RFC 4106 §3.1.
      view.setUint32(ivAt, this.#isExtended ? this.#high : 0);
      view.setUint32(ivAt + 4, sequence);
    } else this.#random.write(out, ivAt, geometry.ivBytes);
    return trailer + ESP_TRAILER_BYTES - outAt;
  }
}

function move(input: Uint8Array, at: number, length: number, out: Uint8Array, outAt: number): void {
  if (input === out) {
    if (at !== outAt) out.copyWithin(outAt, at, at + length);
    return;
  }
  out.set(input.subarray(at, at + length), outAt);
}
