/** Packets for the machine code of `packetCode.ts`: laid out one after the other, then sealed or opened with one crossing. */

import { BATCH_PACKETS, ESP_HEADER_BYTES, NOT_EXTENDED } from '../../esp/index.ts';
import { type AeadBatch, EXTENDED_BYTES, SALT_BYTES, type Salted } from '../evp/aeadBatch.ts';
import { type Address, type FunctionAt, Memory } from '../ffi.ts';
import { Job, TURN } from './layout.ts';

const BYTE_BITS = 8;
const JOB_WORDS = Job.bytes / 4;

/** A number below 2^32 as the four bytes of a machine word that stand in network order. */
const networkOrder = (number: number) =>
  (number << 24) | ((number & 0xff00) << 8) | ((number >>> 8) & 0xff00) | (number >>> 24);

const HEADER_BITS = networkOrder(ESP_HEADER_BYTES * BYTE_BITS);
const EXTENDED_BITS = networkOrder(EXTENDED_BYTES * BYTE_BITS);

/** The context of a key is the block that `keyCode` has filled in. */
export class GcmJobs implements AeadBatch {
  readonly #code: FunctionAt;
  readonly #room: Address;
  readonly #prefixBytes: number;
  readonly #jobs = new Memory(BATCH_PACKETS * Job.bytes);
  readonly #words = new Uint32Array(this.#jobs.bytes.buffer);
  /** Whose packet stood in each place last, and in which buffer: mostly the same as the next. */
  readonly #keys = new Float64Array(BATCH_PACKETS);
  readonly #inputs = new Float64Array(BATCH_PACKETS);
  readonly #outputs = new Float64Array(BATCH_PACKETS);
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

  add(
    salted: Salted,
    key: Address,
    view: DataView,
    at: number,
    packet: Address,
    target: Address,
    dataBytes: number,
    high: number,
  ): void {
    const number = this.#count++;
    const job = number * JOB_WORDS;
    const words = this.#words;
    const offset = at + this.#prefixBytes;
    // Mostly one buffer, in place, for one SA: then no address is written, and all numbers are small.
    if (packet - at !== this.#inputs[number]) this.#setBase(number, this.#inputs, Job.input, packet - at);
    if (target - offset !== this.#outputs[number]) this.#setBase(number, this.#outputs, Job.output, target - offset);
    if (key !== this.#keys[number]) this.#choose(number, salted, key);
    words[job + Job.offset / 4] = offset;
    words[job + Job.hasRoom / 4] =
      target - offset === packet - at && offset + dataBytes + TURN <= view.byteLength ? 1 : 0;
    words[job + Job.length / 4] = dataBytes;
    words[job + Job.counter / 4 + 1] = view.getUint32(at + ESP_HEADER_BYTES, true);
    words[job + Job.counter / 4 + 2] = view.getUint32(at + ESP_HEADER_BYTES + 4, true);
    words[job + Job.header / 4] = view.getUint32(at, true);
    words[job + Job.lengths / 4 + 3] = networkOrder(dataBytes * BYTE_BITS);
    const low = view.getUint32(at + 4, true);
    if (high === NOT_EXTENDED) {
      words[job + Job.header / 4 + 1] = low;
      words[job + Job.header / 4 + 2] = 0;
      words[job + Job.lengths / 4 + 1] = HEADER_BITS;
    } else {
      words[job + Job.header / 4 + 1] = networkOrder(high);
      words[job + Job.header / 4 + 2] = low;
      words[job + Job.lengths / 4 + 1] = EXTENDED_BITS;
    }
  }

  run(): number {
    const count = this.#count;
    this.#count = 0;
    return count === 0 ? 0 : count - this.#code(this.#jobs.base, count, this.#room);
  }

  discard(): void {
    this.#count = 0;
  }

  forget(key: Address): void {
    for (let number = 0; number < BATCH_PACKETS; number++) {
      if (key !== this.#keys[number]) continue;
      this.#keys[number] = 0;
      this.#jobs.bytes.fill(0, number * Job.bytes + Job.counter, number * Job.bytes + Job.counter + 12);
    }
  }

  #setBase(number: number, bases: Float64Array, field: number, base: Address): void {
    bases[number] = base;
    this.#jobs.setWord(number * Job.bytes + field, base);
  }

  #choose(number: number, salted: Salted, key: Address): void {
    const job = number * Job.bytes;
    this.#keys[number] = key;
    this.#jobs.setWord(job + Job.key, key);
    salted.copyRest(this.#jobs.bytes.subarray(job + Job.counter, job + Job.counter + SALT_BYTES));
  }
}
