/** The OpenSSL calls that seal or open packets with an AEAD, several packets with one crossing. RFC 4106 §3–5. */

import { BATCH_PACKETS, ESP_HEADER_BYTES, NOT_EXTENDED } from '../../esp/index.ts';
import { type Address, Memory } from '../ffi.ts';
import { type AeadBatch, EXTENDED_BYTES, SALT_BYTES, type Salted } from './aeadBatch.ts';
import { CallList } from './callList.ts';
import type { ProvidedCipher } from './providedCipher.ts';

const IV_BYTES = 8;
const NONCE_BYTES = SALT_BYTES + IV_BYTES;

/** The calls for a packet: IV, header, data, end, and where it is sealed the tag. */
const Call = { init: 0, header: 1, data: 2, final: 3, tag: 4 } as const;
const CALLS = Call.tag + 1;
const CONTEXT = 0;
const Cipher = { out: 1, room: 3, input: 4, length: 5 } as const;

/** What each packet has in the memory beside the calls: its nonce, two OSSL_PARAM, its extended header. OSSL_PARAM(3). */
const PARAMETERS = 16;
const PARAMETER_BYTES = 40;
const PARAMETER_TYPE = 8;
const PARAMETER_DATA = 16;
const PARAMETER_SIZE = 24;
const OCTET_STRING = 5;
const EXTENDED = PARAMETERS + 2 * PARAMETER_BYTES;
const SLOT_BYTES = 128;
/** Behind those of all packets: a length that nobody reads, and the name of the parameter. */
const LENGTH_OUT = BATCH_PACKETS * SLOT_BYTES;
const NAME = LENGTH_OUT + 8;
const TAG_NAME = new TextEncoder().encode('tag\0');

/** The calls stay in the processor's caches: they are one SA's as another's. */
export class AeadCalls implements AeadBatch {
  readonly #list: CallList;
  readonly #prefixBytes: number;
  readonly #memory = new Memory(NAME + TAG_NAME.length);
  /** What is called for a packet: nothing asks for the tag of one that is opened. */
  readonly #perPacket: number;
  /** Whose packet stood in each place last: mostly the same SA's as the next. */
  readonly #contexts = new Float64Array(BATCH_PACKETS);
  readonly #headerBytes = new Uint8Array(BATCH_PACKETS).fill(ESP_HEADER_BYTES);
  #count = 0;

  constructor(cipher: ProvidedCipher, seals: boolean, prefixBytes: number, icvBytes: number) {
    this.#prefixBytes = prefixBytes;
    const memory = this.#memory;
    const { base } = memory;
    this.#perPacket = seals ? CALLS : CALLS - 1;
    this.#list = new CallList(BATCH_PACKETS * this.#perPacket);
    memory.bytes.set(TAG_NAME, NAME);
    const init = seals ? cipher.encryptInit : cipher.decryptInit;
    const lengthOut = base + LENGTH_OUT;
    for (let packet = 0; packet < BATCH_PACKETS; packet++) {
      const nonce = base + packet * SLOT_BYTES;
      const parameters = packet * SLOT_BYTES + PARAMETERS;
      memory.setWord(parameters, base + NAME);
      memory.view.setUint32(parameters + PARAMETER_TYPE, OCTET_STRING, true);
      memory.setWord(parameters + PARAMETER_SIZE, icvBytes);
      const first = packet * this.#perPacket;
      this.#list.set(first + Call.init, init, 0, 0, 0, nonce, NONCE_BYTES, seals ? 0 : base + parameters);
      this.#list.set(first + Call.header, cipher.cipher, 0, 0, lengthOut, ESP_HEADER_BYTES, 0, ESP_HEADER_BYTES);
      this.#list.set(first + Call.data, cipher.cipher, 0, 0, lengthOut);
      this.#list.set(first + Call.final, cipher.final, 0, lengthOut, lengthOut, 0);
      if (seals) this.#list.set(first + Call.tag, cipher.getParameters, 0, base + parameters);
    }
  }

  add(
    salted: Salted,
    context: Address,
    view: DataView,
    at: number,
    packet: Address,
    target: Address,
    dataBytes: number,
    high: number,
  ): void {
    const number = this.#count++;
    const data = packet + this.#prefixBytes;
    const slot = number * SLOT_BYTES;
    const first = number * this.#perPacket;
    const list = this.#list;
    const own = this.#memory.view;
    if (context !== this.#contexts[number]) this.#choose(number, salted, context);
    const iv = at + ESP_HEADER_BYTES;
    own.setUint32(slot + SALT_BYTES, view.getUint32(iv));
    own.setUint32(slot + SALT_BYTES + 4, view.getUint32(iv + 4));
    this.#takeHeader(number, first + Call.header, view, at, packet, high);
    list.put(first + Call.data, Cipher.out, target);
    list.putSmall(first + Call.data, Cipher.room, dataBytes);
    list.put(first + Call.data, Cipher.input, data);
    list.putSmall(first + Call.data, Cipher.length, dataBytes);
    this.#memory.setWord(slot + PARAMETERS + PARAMETER_DATA, data + dataBytes);
  }

  run(): number {
    const count = this.#count;
    this.#count = 0;
    return Math.floor(this.#list.made(0, count * this.#perPacket) / this.#perPacket);
  }

  discard(): void {
    this.#count = 0;
  }

  forget(context: Address): void {
    for (let number = 0; number < BATCH_PACKETS; number++) {
      if (context !== this.#contexts[number]) continue;
      this.#contexts[number] = 0;
      this.#memory.bytes.fill(0, number * SLOT_BYTES, number * SLOT_BYTES + NONCE_BYTES);
    }
  }

  #choose(number: number, salted: Salted, context: Address): void {
    this.#contexts[number] = context;
    const first = number * this.#perPacket;
    for (let call = 0; call < this.#perPacket; call++) this.#list.put(first + call, CONTEXT, context);
    salted.copyRest(this.#memory.bytes.subarray(number * SLOT_BYTES, number * SLOT_BYTES + SALT_BYTES));
  }

  #takeHeader(number: number, call: number, view: DataView, at: number, packet: Address, high: number): void {
    const isExtended = high !== NOT_EXTENDED;
    const headerBytes = isExtended ? EXTENDED_BYTES : ESP_HEADER_BYTES;
    if (headerBytes !== this.#headerBytes[number]) {
      this.#headerBytes[number] = headerBytes;
      this.#list.putSmall(call, Cipher.room, headerBytes);
      this.#list.putSmall(call, Cipher.length, headerBytes);
    }
    const extended = number * SLOT_BYTES + EXTENDED;
    this.#list.put(call, Cipher.input, isExtended ? this.#memory.base + extended : packet);
    if (!isExtended) return;
    const own = this.#memory.view;
    own.setUint32(extended, view.getUint32(at));
    own.setUint32(extended + 4, high);
    own.setUint32(extended + 8, view.getUint32(at + 4));
  }
}
