/** AES-CBC with HMAC for ESP over OpenSSL contexts that are keyed once. RFC 3602, RFC 2404, RFC 4868. */

import type { HashName } from '../../crypto/index.ts';
import { ESP_HEADER_BYTES, type EspGeometry, type EspKeys, type PacketCipher } from '../../esp/index.ts';
import { addressIn } from './bufferAddress.ts';
import { CipherContexts } from './cipherContexts.ts';
import { EvpHmac } from './hmac.ts';
import { type Libcrypto, libcrypto } from './libcrypto.ts';

const BLOCK_BYTES = 16;

export class EvpCbcHmacCipher implements PacketCipher {
  readonly #c: Libcrypto = libcrypto();
  readonly #contexts: CipherContexts;
  readonly #hmac: EvpHmac;
  readonly #prefixBytes: number;
  readonly #icvBytes: number;

  /** @throws Error where OpenSSL refuses the cipher or the hash */
  constructor(keyBits: number, hash: HashName, keys: EspKeys, { prefixBytes, icvBytes }: EspGeometry) {
    this.#contexts = new CipherContexts(`AES-${keyBits}-CBC`, keys.encryption);
    this.#hmac = new EvpHmac(hash, keys.integrity);
    this.#prefixBytes = prefixBytes;
    this.#icvBytes = icvBytes;
  }

  seal(bytes: Uint8Array, at: number, length: number): void {
    const c = this.#c;
    const packet = addressIn(bytes, at, length + this.#icvBytes);
    const dataBytes = this.#wholeBlocks(length);
    const context = this.#contexts.toEncrypt();
    const data = packet + this.#prefixBytes;
    const encrypted =
      c.EVP_CipherInit_ex(context, 0, 0, 0, packet + ESP_HEADER_BYTES, -1) > 0 &&
      c.EVP_Cipher(context, data, data, dataBytes) >= 0;
    if (!encrypted) throw this.#contexts.failure('encrypt');
    this.#hmac.digest(packet, length);
    const { result } = this.#hmac;
    for (let i = 0; i < this.#icvBytes; i++) bytes[at + length + i] = result[i]!;
  }

  open(bytes: Uint8Array, at: number, length: number, out: Uint8Array, outAt: number): boolean {
    const c = this.#c;
    const dataBytes = this.#wholeBlocks(length);
    const target = addressIn(out, outAt, dataBytes);
    const packet = addressIn(bytes, at, length + this.#icvBytes);
    const context = this.#contexts.toDecrypt();
    this.#hmac.digest(packet, length);
    if (!this.#isIcv(bytes, at + length)) return false;
    const decrypted =
      c.EVP_CipherInit_ex(context, 0, 0, 0, packet + ESP_HEADER_BYTES, -1) > 0 &&
      c.EVP_Cipher(context, target, packet + this.#prefixBytes, dataBytes) >= 0;
    if (!decrypted) throw this.#contexts.failure('decrypt');
    return true;
  }

  close(): void {
    this.#contexts.close();
    this.#hmac.close();
  }

  /** OpenSSL writes whole blocks, so what is none would end outside of the buffer. */
  #wholeBlocks(length: number): number {
    const dataBytes = length - this.#prefixBytes;
    if (dataBytes < 0 || dataBytes % BLOCK_BYTES !== 0) throw new RangeError(`${dataBytes} bytes are no blocks of AES`);
    return dataBytes;
  }

  /** Compares every byte, whatever the first ones say, so that the time tells nothing. */
  #isIcv(bytes: Uint8Array, at: number): boolean {
    const { result } = this.#hmac;
    let difference = 0;
    for (let i = 0; i < this.#icvBytes; i++) difference |= result[i]! ^ bytes[at + i]!;
    return difference === 0;
  }
}
