/**
 * AES-GCM and ChaCha20-Poly1305 for ESP over a context of OpenSSL that is keyed once: per packet only the IV changes.
 * RFC 4106 §3–5, RFC 7634 §2.
 */

import { ESP_HEADER_BYTES, type EspGeometry, NOT_EXTENDED, type PacketCipher } from '../../esp/index.ts';
import type { ActivePool } from '../activePool.ts';
import { type Address, Memory } from '../ffi.ts';
import { addressIn } from './bufferAddress.ts';
import { CallList } from './callList.ts';
import { type ContextFamily, contextFamily, KeyedContext } from './keyedContext.ts';
import { libcrypto } from './libcrypto.ts';
import { type ProvidedCipher, providedCipher } from './providedCipher.ts';

const SALT_BYTES = 4;
const IV_BYTES = 8;
const NONCE_BYTES = SALT_BYTES + IV_BYTES;

export class AeadCipher implements PacketCipher {
  readonly #keyed: KeyedContext;
  readonly #shared: Shared;

  /**
   * @param name OpenSSL's, e.g. `AES-128-GCM`
   * @throws Error where OpenSSL refuses the cipher
   */
  constructor(name: string, keyAndSalt: Uint8Array, geometry: EspGeometry, pool: ActivePool) {
    this.#shared = sharedOf(name, keyAndSalt.length - SALT_BYTES, geometry, pool);
    this.#keyed = new KeyedContext(this.#shared.family, keyAndSalt, keyAndSalt.subarray(-SALT_BYTES));
  }

  seal(bytes: Uint8Array, at: number, length: number, high = NOT_EXTENDED): void {
    const { prefixBytes, icvBytes, sealing } = this.#shared;
    const packet = addressIn(bytes, at, length + icvBytes);
    const dataBytes = this.#dataBytes(length);
    sealing.choose(this.#keyed.toEncrypt(), this.#keyed);
    sealing.takeIv(bytes, at + ESP_HEADER_BYTES);
    const data = packet + prefixBytes;
    sealing.takeHeader(bytes, at, packet, high);
    if (!sealing.run(data, data, dataBytes)) throw this.#keyed.failure('seal');
  }

  open(bytes: Uint8Array, at: number, length: number, out: Uint8Array, outAt: number, high = NOT_EXTENDED): boolean {
    const { prefixBytes, icvBytes, opening } = this.#shared;
    const dataBytes = this.#dataBytes(length);
    const target = addressIn(out, outAt, dataBytes);
    const packet = addressIn(bytes, at, length + icvBytes);
    opening.choose(this.#keyed.toDecrypt(), this.#keyed);
    opening.takeIv(bytes, at + ESP_HEADER_BYTES);
    opening.takeHeader(bytes, at, packet, high);
    if (opening.run(packet + prefixBytes, target, dataBytes)) return true;
    libcrypto().ERR_clear_error();
    return false;
  }

  close(): void {
    this.#keyed.close();
  }

  #dataBytes(length: number): number {
    const { prefixBytes } = this.#shared;
    if (length < prefixBytes) throw new RangeError(`${length} bytes are shorter than header and IV`);
    return length - prefixBytes;
  }
}

/** The calls for a packet: IV, header, data, end, and where it is sealed the tag. */
const Call = { init: 0, header: 1, data: 2, final: 3, tag: 4 } as const;
const CONTEXT = 0;
const Cipher = { out: 1, room: 3, input: 4, length: 5 } as const;

/** In the memory beside the calls: the nonce, a length that nobody reads, two OSSL_PARAM, their name. OSSL_PARAM(3). */
const LENGTH_OUT = 16;
const PARAMETERS = 24;
const PARAMETER_BYTES = 40;
const PARAMETER_TYPE = 8;
const PARAMETER_DATA = 16;
const PARAMETER_SIZE = 24;
const OCTET_STRING = 5;
const NAME = PARAMETERS + 2 * PARAMETER_BYTES;
const TAG_NAME = new TextEncoder().encode('tag\0');
/** SPI, high and low half of the sequence number: what is authenticated in place of the header. RFC 4106 §5. */
const EXTENDED = NAME + TAG_NAME.length;
const EXTENDED_BYTES = 12;

/** The calls of one cipher and direction, for all SAs of the thread: they stay in the processor's caches. */
class AeadCalls {
  readonly #seals: boolean;
  readonly #list = new CallList(5);
  readonly #memory = new Memory(EXTENDED + EXTENDED_BYTES);
  readonly #nonce = this.#memory.bytes;
  readonly #tagPointer: number;
  #context: Address = 0;
  #headerBytes = ESP_HEADER_BYTES;

  constructor(cipher: ProvidedCipher, seals: boolean, icvBytes: number) {
    const memory = this.#memory;
    const { base } = memory;
    const parameters = base + PARAMETERS;
    this.#seals = seals;
    this.#tagPointer = PARAMETERS + PARAMETER_DATA;
    memory.bytes.set(TAG_NAME, NAME);
    memory.setWord(PARAMETERS, base + NAME);
    memory.view.setUint32(PARAMETERS + PARAMETER_TYPE, OCTET_STRING, true);
    memory.setWord(PARAMETERS + PARAMETER_SIZE, icvBytes);
    const lengthOut = base + LENGTH_OUT;
    const init = seals ? cipher.encryptInit : cipher.decryptInit;
    this.#list.set(Call.init, init, 0, 0, 0, base, NONCE_BYTES, seals ? 0 : parameters);
    this.#list.set(Call.header, cipher.cipher, 0, 0, lengthOut, ESP_HEADER_BYTES, 0, ESP_HEADER_BYTES);
    this.#list.set(Call.data, cipher.cipher, 0, 0, lengthOut);
    this.#list.set(Call.final, cipher.final, 0, lengthOut, lengthOut, 0);
    this.#list.set(Call.tag, cipher.getParameters, 0, parameters);
  }

  /** Whose packet is next: mostly the same SA's as before. */
  choose(context: Address, keyed: KeyedContext): void {
    if (context === this.#context) return;
    this.#context = context;
    for (let call = 0; call <= Call.tag; call++) this.#list.put(call, CONTEXT, context);
    keyed.copyRest(this.#nonce);
  }

  takeIv(bytes: Uint8Array, at: number): void {
    const nonce = this.#nonce;
    for (let i = 0; i < IV_BYTES; i++) nonce[SALT_BYTES + i] = bytes[at + i]!;
  }

  /** @param high half of the sequence number, or `NOT_EXTENDED` */
  takeHeader(bytes: Uint8Array, at: number, packet: Address, high: number): void {
    const isExtended = high !== NOT_EXTENDED;
    const headerBytes = isExtended ? EXTENDED_BYTES : ESP_HEADER_BYTES;
    if (headerBytes !== this.#headerBytes) {
      this.#headerBytes = headerBytes;
      this.#list.putSmall(Call.header, Cipher.room, headerBytes);
      this.#list.putSmall(Call.header, Cipher.length, headerBytes);
    }
    this.#list.put(Call.header, Cipher.input, isExtended ? this.#memory.base + EXTENDED : packet);
    if (!isExtended) return;
    const own = this.#memory.bytes;
    for (let i = 0; i < 4; i++) {
      own[EXTENDED + i] = bytes[at + i]!;
      own[EXTENDED + 8 + i] = bytes[at + 4 + i]!;
    }
    this.#memory.view.setUint32(EXTENDED + 4, high);
  }

  /** @returns false where OpenSSL refuses, or the tag is not that of the packet */
  run(data: Address, target: Address, dataBytes: number): boolean {
    const list = this.#list;
    list.put(Call.data, Cipher.out, target);
    list.putSmall(Call.data, Cipher.room, dataBytes);
    list.put(Call.data, Cipher.input, data);
    list.putSmall(Call.data, Cipher.length, dataBytes);
    this.#memory.setWord(this.#tagPointer, data + dataBytes);
    return list.run(0, this.#seals ? 5 : 4);
  }

  /** A context that is freed may come again as another's. */
  forget(context: Address): void {
    if (context !== this.#context) return;
    this.#context = 0;
    this.#nonce.fill(0, 0, NONCE_BYTES);
  }
}

/** What the SAs of one cipher have in common. */
interface Shared {
  readonly prefixBytes: number;
  readonly icvBytes: number;
  readonly sealing: AeadCalls;
  readonly opening: AeadCalls;
  readonly family: ContextFamily;
}

const ciphers = new WeakMap<ActivePool, Map<string, Shared>>();

/** A cipher has but one geometry here: its ICV cannot be shortened. */
function sharedOf(name: string, keyBytes: number, { prefixBytes, icvBytes }: EspGeometry, pool: ActivePool): Shared {
  let known = ciphers.get(pool);
  if (known === undefined) {
    known = new Map();
    ciphers.set(pool, known);
  }
  let shared = known.get(name);
  if (shared === undefined) {
    const cipher = providedCipher(name);
    const sealing = new AeadCalls(cipher, true, icvBytes);
    const opening = new AeadCalls(cipher, false, icvBytes);
    const forget = (context: Address) => {
      sealing.forget(context);
      opening.forget(context);
    };
    const family = contextFamily({ cipher, keyBytes, restBytes: SALT_BYTES }, pool, { forget });
    shared = { prefixBytes, icvBytes, sealing, opening, family };
    known.set(name, shared);
  }
  return shared;
}
