/** An SA to receive on: refuses replays, opens packets, strips the padding. RFC 4303 §3.4. */

import { BATCH_PACKETS, type NewPacketCipher, NOT_EXTENDED, type PacketCipher } from './cipher.ts';
import { EspError } from './errors.ts';
import { DEFAULT_REPLAY_WINDOW, ReplayWindow } from './replayWindow.ts';
import type { EspKeys, EspSuite } from './suite.ts';
import { ESP_HEADER_BYTES, ESP_TRAILER_BYTES, type EspGeometry, espGeometry, mustFit } from './transforms.ts';

export interface InboundSaOptions {
  readonly spi: number;
  readonly suite: EspSuite;
  readonly keys: EspKeys;
  readonly newCipher: NewPacketCipher;
  /** Packets that the anti-replay window spans, 1024 unless told. */
  readonly replayWindow?: number;
  /** See `espGeometry`. */
  readonly icvBytes?: number;
  /** Sequence numbers of 64 bits (RFC 4304), of which JavaScript counts 53. */
  readonly extendedSequence?: boolean;
}

/** What `openSome` says of each packet. One is reused for all. */
export interface Opened {
  /** Of the payload, or one of `EspError`. */
  readonly lengths: Int32Array;
  readonly nextHeaders: Uint8Array;
  readonly sequences: Float64Array;
}

export function newOpened(): Opened {
  return {
    lengths: new Int32Array(BATCH_PACKETS),
    nextHeaders: new Uint8Array(BATCH_PACKETS),
    sequences: new Float64Array(BATCH_PACKETS),
  };
}

export class InboundSa {
  readonly spi: number;
  readonly suite: EspSuite;
  readonly geometry: EspGeometry;
  readonly replay: ReplayWindow;
  /** Of the packet that `open` returned last: the IP protocol of its payload. */
  nextHeader = 0;
  /** Of the packet that `open` returned last. */
  sequence = 0;
  readonly #cipher: PacketCipher;
  readonly #isExtended: boolean;
  #closed = false;

  /** @throws RangeError for keys, a window or an ICV length that are not possible */
  constructor(options: InboundSaOptions) {
    const { spi, suite, keys, newCipher, replayWindow, icvBytes, extendedSequence = false } = options;
    this.#isExtended = extendedSequence;
    this.spi = spi;
    this.suite = suite;
    this.geometry = espGeometry(suite, icvBytes);
    this.replay = new ReplayWindow(replayWindow ?? DEFAULT_REPLAY_WINDOW);
    mustFit(suite, keys);
    this.#cipher = newCipher(suite, keys, this.geometry);
  }

  /**
   * Opens the ESP packet of `length` bytes in `packet` at `at`. `out` is another buffer with room for the ciphertext,
   * or the same one with `outAt` where the ciphertext stands (`at + geometry.prefixBytes`).
   * @returns length of the payload, which stands in `out` at `outAt`, with `nextHeader` and `sequence` set;
   *   or one of `EspError`. A payload of next header 59 is a dummy to be discarded.
   */
  open(packet: Uint8Array, at: number, length: number, out: Uint8Array, outAt: number): number {
    const { prefixBytes, icvBytes, alignment } = this.geometry;
    const ciphertext = length - prefixBytes - icvBytes;
    if (ciphertext < alignment || ciphertext % alignment !== 0) return EspError.truncated;
    if (at + length > packet.length) return EspError.truncated;
    if (outAt + ciphertext > out.length) return EspError.noRoom;
    if (this.#closed || readU32(packet, at) !== this.spi) return EspError.unknown;
    const sequence = this.#sequenceOf(readU32(packet, at + SEQUENCE_OFFSET));
    if (sequence < 0) return EspError.replayed;
    if (!this.#cipher.open(packet, at, length - icvBytes, out, outAt, this.#highOf(sequence))) return EspError.badIcv;
    this.replay.update(sequence);
    const payload = payloadLength(out, outAt, ciphertext);
    if (payload < 0) return payload;
    this.sequence = sequence;
    this.nextHeader = out[outAt + ciphertext - 1]!;
    return payload;
  }

  /**
   * Opens, where they stand, packets of `each` bytes that follow one another from `at` to `end`; the last may be shorter.
   * At most `BATCH_PACKETS`, up to the first that `open` would refuse before it has opened it, or that does not verify.
   * @param view of `packets`
   * @returns how many were opened; what became of them is in `opened`. 0: the first is to be given to `open`
   */
  openSome(packets: Uint8Array, view: DataView, at: number, end: number, each: number, opened: Opened): number {
    const { batch } = this.#cipher;
    if (batch === undefined || this.#closed) return 0;
    const { prefixBytes, icvBytes, alignment } = this.geometry;
    const { lengths, nextHeaders, sequences } = opened;
    batch.discardAdded();
    let count = 0;
    for (let next = at; next < end && count < BATCH_PACKETS; next += each, count++) {
      const length = Math.min(each, end - next);
      const ciphertext = length - prefixBytes - icvBytes;
      if (ciphertext < alignment || ciphertext % alignment !== 0 || view.getUint32(next) !== this.spi) break;
      const sequence = this.#sequenceOf(view.getUint32(next + SEQUENCE_OFFSET));
      if (sequence < 0) break;
      sequences[count] = sequence;
      lengths[count] = ciphertext;
      batch.addToOpen(packets, next, length - icvBytes, this.#highOf(sequence));
    }
    if (count === 0) return 0;
    const verified = batch.openAdded();
    for (let i = 0; i < verified; i++) {
      const sequence = sequences[i]!;
      // The same packet may have come twice in one train.
      if (!this.replay.check(sequence)) {
        lengths[i] = EspError.replayed;
        continue;
      }
      this.replay.update(sequence);
      const ciphertext = lengths[i]!;
      const from = at + i * each + prefixBytes;
      lengths[i] = payloadLength(packets, from, ciphertext);
      nextHeaders[i] = packets[from + ciphertext - 1]!;
    }
    return verified;
  }

  /** The SA opens no more; its keys and its cipher are given back. */
  close(): void {
    this.#closed = true;
    this.#cipher.close();
  }

  /** The whole sequence number of a packet by its low half; a negative number where it is not worth the work. */
  #sequenceOf(low: number): number {
    const sequence = this.#isExtended ? this.replay.extend(low) : low;
    return sequence >= 0 && this.replay.check(sequence) ? sequence : -1;
  }

  #highOf(sequence: number): number {
    return this.#isExtended ? Math.floor(sequence / TWO_TO_32) : NOT_EXTENDED;
  }
}

/** Checks the self-describing padding 1, 2, 3, … RFC 4303 §2.4. */
function payloadLength(plaintext: Uint8Array, at: number, length: number): number {
  const trailer = at + length - ESP_TRAILER_BYTES;
  const padding = plaintext[trailer]!;
  const payload = length - ESP_TRAILER_BYTES - padding;
  if (payload < 0) return EspError.badPadding;
  const from = trailer - padding;
  for (let i = 0; i < padding; i++) if (plaintext[from + i] !== i + 1) return EspError.badPadding;
  return payload;
}

const SEQUENCE_OFFSET = ESP_HEADER_BYTES / 2;
const TWO_TO_32 = 2 ** 32;

function readU32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}
