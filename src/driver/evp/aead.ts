/**
 * AES-GCM and ChaCha20-Poly1305 for ESP over a context of OpenSSL that is keyed once: per packet only the IV changes.
 * RFC 4106 §3–5, RFC 7634 §2.
 */

import { type CipherBatch, type EspGeometry, NOT_EXTENDED, type PacketCipher } from '../../esp/index.ts';
import { viewOf } from '../../wire/index.ts';
import type { ActivePool } from '../activePool.ts';
import type { Address } from '../ffi.ts';
import { GcmJobs, vaesGcm } from '../vaes/index.ts';
import { type AeadBatch, SALT_BYTES } from './aeadBatch.ts';
import { AeadCalls } from './aeadCalls.ts';
import { addressIn } from './bufferAddress.ts';
import { type ContextFamily, contextFamily, KeyedContext } from './keyedContext.ts';
import { libcrypto } from './libcrypto.ts';
import { providedCipher } from './providedCipher.ts';

export const CHACHA = 'ChaCha20-Poly1305';

export class AeadCipher implements PacketCipher, CipherBatch {
  readonly #keyed: KeyedContext;
  readonly #shared: Shared;
  #toSeal = 0;
  #toOpen = 0;

  /**
   * @param name OpenSSL's, e.g. `AES-128-GCM`
   * @param vectors whether code of our own may do it, where the processor can
   * @throws Error where OpenSSL refuses the cipher
   */
  constructor(name: string, keyAndSalt: Uint8Array, geometry: EspGeometry, pool: ActivePool, vectors = true) {
    this.#shared = sharedOf(name, keyAndSalt.length - SALT_BYTES, geometry, pool, vectors);
    this.#keyed = new KeyedContext(this.#shared.family, keyAndSalt, keyAndSalt.subarray(-SALT_BYTES));
  }

  get batch(): CipherBatch {
    return this;
  }

  seal(bytes: Uint8Array, at: number, length: number, high = NOT_EXTENDED): void {
    this.discardAdded();
    this.addToSeal(bytes, at, length, high);
    this.sealAdded();
  }

  open(bytes: Uint8Array, at: number, length: number, out: Uint8Array, outAt: number, high = NOT_EXTENDED): boolean {
    const target = addressIn(out, outAt, this.#dataBytes(length));
    this.discardAdded();
    this.#addToOpen(bytes, at, length, high, target);
    return this.openAdded() === 1;
  }

  addToSeal(bytes: Uint8Array, at: number, length: number, high: number): void {
    const { prefixBytes, icvBytes, sealing } = this.#shared;
    const packet = addressIn(bytes, at, length + icvBytes);
    const dataBytes = this.#dataBytes(length);
    sealing.add(this.#keyed, this.#keyed.toEncrypt(), viewOf(bytes), at, packet, packet + prefixBytes, dataBytes, high);
    this.#toSeal++;
  }

  sealAdded(): void {
    const count = this.#toSeal;
    this.#toSeal = 0;
    if (this.#shared.sealing.run() !== count) throw this.#keyed.failure('seal');
  }

  addToOpen(bytes: Uint8Array, at: number, length: number, high: number): void {
    this.#addToOpen(bytes, at, length, high);
  }

  openAdded(): number {
    const count = this.#toOpen;
    this.#toOpen = 0;
    const opened = this.#shared.opening.run();
    if (opened < count) libcrypto().ERR_clear_error();
    return opened;
  }

  discardAdded(): void {
    this.#toSeal = 0;
    this.#toOpen = 0;
    this.#shared.sealing.discard();
    this.#shared.opening.discard();
  }

  close(): void {
    this.#keyed.close();
  }

  /** @param target elsewhere; absent: in place */
  #addToOpen(bytes: Uint8Array, at: number, length: number, high: number, target?: Address): void {
    const { prefixBytes, icvBytes, opening } = this.#shared;
    const packet = addressIn(bytes, at, length + icvBytes);
    const dataBytes = this.#dataBytes(length);
    const to = target ?? packet + prefixBytes;
    opening.add(this.#keyed, this.#keyed.toDecrypt(), viewOf(bytes), at, packet, to, dataBytes, high);
    this.#toOpen++;
  }

  #dataBytes(length: number): number {
    const { prefixBytes } = this.#shared;
    if (length < prefixBytes) throw new RangeError(`${length} bytes are shorter than header and IV`);
    return length - prefixBytes;
  }
}

/** What the SAs of one cipher have in common. */
interface Shared {
  readonly prefixBytes: number;
  readonly icvBytes: number;
  readonly sealing: AeadBatch;
  readonly opening: AeadBatch;
  readonly family: ContextFamily;
}

const ciphers = new WeakMap<ActivePool, Map<string, Shared>>();

/** A cipher has but one geometry here: its ICV cannot be shortened. */
function sharedOf(
  name: string,
  keyBytes: number,
  { prefixBytes, icvBytes }: EspGeometry,
  pool: ActivePool,
  vectors: boolean,
): Shared {
  let known = ciphers.get(pool);
  if (known === undefined) {
    known = new Map();
    ciphers.set(pool, known);
  }
  let shared = known.get(name);
  if (shared === undefined) {
    const vaes = name === CHACHA || !vectors ? undefined : vaesGcm(keyBytes * 8);
    const cipher = vaes ?? providedCipher(name);
    const batch = (seals: boolean): AeadBatch =>
      vaes === undefined
        ? new AeadCalls(providedCipher(name), seals, prefixBytes, icvBytes)
        : new GcmJobs(seals ? vaes.seal : vaes.open, vaes.room, prefixBytes);
    const [sealing, opening] = [batch(true), batch(false)];
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
