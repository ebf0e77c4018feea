/** Packets for the machine code of `gcmCode.ts`: laid out one after the other, then sealed or opened with one crossing. */

import { BATCH_PACKETS, ESP_HEADER_BYTES, NOT_EXTENDED } from '../../esp/index.ts';
import { type Address, type FunctionAt, Memory } from '../ffi.ts';
import { Job } from './gcmCode.ts';

const SALT_BYTES = 4;
const BYTE_BITS = 8;
const EXTENDED_BITS = 12 * BYTE_BITS;
const WORD = 2 ** 32;

/** For one key length and direction, and all SAs of the thread. RFC 4106 §4 and §5. */
export class GcmJobs {
  readonly #code: FunctionAt;
  readonly #room: Address;
  readonly #prefixBytes: number;
  readonly #jobs = new Memory(BATCH_PACKETS * Job.bytes);
  /** Whose packet stood in each place last: mostly the same SA's as the next. */
  readonly #keys = new Float64Array(BATCH_PACKETS);
  #count = 0;

  /**
   * @param code `packetCode`
   * @param room `Room.bytes` with its constants
   */
  constructor(code: FunctionAt, room: Address, prefixBytes: number) {
    this.#code = code;
    this.#room = room;
    this.#prefixBytes = prefixBytes;
    for (let i = 0; i < BATCH_PACKETS; i++) this.#jobs.view.setUint32(i * Job.bytes + Job.counter + 12, 1);
  }

  /** See `AeadCalls.add`. @param key address of the block that `keyCode` has filled in */
  add(
    keyed: { copyRest(to: Uint8Array): void },
    key: Address,
    view: DataView,
    at: number,
    packet: Address,
    target: Address,
    dataBytes: number,
    high: number,
  ): void {
    const number = this.#count++;
    const job = number * Job.bytes;
    if (key !== this.#keys[number]) this.#choose(number, keyed, key);
    const own = this.#jobs.view;
    const input = packet + this.#prefixBytes;
    own.setUint32(job + Job.input, input, true);
    own.setUint32(job + Job.input + 4, input / WORD, true);
    own.setUint32(job + Job.output, target, true);
    own.setUint32(job + Job.output + 4, target / WORD, true);
    own.setUint32(job + Job.length, dataBytes, true);
    own.setUint32(job + Job.counter + SALT_BYTES, view.getUint32(at + ESP_HEADER_BYTES));
    own.setUint32(job + Job.counter + SALT_BYTES + 4, view.getUint32(at + ESP_HEADER_BYTES + 4));
    own.setUint32(job + Job.header, view.getUint32(at));
    const low = view.getUint32(at + 4);
    const isExtended = high !== NOT_EXTENDED;
    own.setUint32(job + Job.header + 4, isExtended ? high : low);
    own.setUint32(job + Job.header + 8, isExtended ? low : 0);
    own.setUint32(job + Job.lengths + 4, isExtended ? EXTENDED_BITS : ESP_HEADER_BYTES * BYTE_BITS);
    own.setUint32(job + Job.lengths + 12, dataBytes * BYTE_BITS);
  }

  /** @returns how many packets went through before one that does not verify */
  run(): number {
    const count = this.#count;
    this.#count = 0;
    return count === 0 ? 0 : count - this.#code(this.#jobs.base, count, this.#room);
  }

  discard(): void {
    this.#count = 0;
  }

  /** The block of a key is another's from now on. */
  forget(key: Address): void {
    for (let number = 0; number < BATCH_PACKETS; number++) {
      if (key !== this.#keys[number]) continue;
      this.#keys[number] = 0;
      this.#jobs.bytes.fill(0, number * Job.bytes + Job.counter, number * Job.bytes + Job.counter + 12);
    }
  }

  #choose(number: number, keyed: { copyRest(to: Uint8Array): void }, key: Address): void {
    const job = number * Job.bytes;
    this.#keys[number] = key;
    this.#jobs.setWord(job + Job.key, key);
    keyed.copyRest(this.#jobs.bytes.subarray(job + Job.counter, job + Job.counter + SALT_BYTES));
  }
}
