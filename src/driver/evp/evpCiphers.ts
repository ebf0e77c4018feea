/** Packet ciphers over OpenSSL contexts, offered only after they have agreed with the slow ones on this machine. */

import {
  type EspIntegrity,
  type EspSuite,
  encryptionTransforms,
  espGeometry,
  espKeyBytes,
  integrityTransforms,
  type NewPacketCipher,
} from '../../esp/index.ts';
import { ActivePool } from '../activePool.ts';
import { AeadCipher, CHACHA } from './aead.ts';
import { CbcHmacCipher } from './cbcHmac.ts';
import { isBareHash } from './hmac.ts';

export type EvpCiphers = { readonly newCipher: NewPacketCipher } | { readonly missing: string };

/**
 * Ciphers that allocate nothing per packet, for packets in memory that is not shared between threads. Before they are
 * given out, each suite seals and opens a packet and is compared with `slow`, which also takes the suites that are
 * not fast.
 * @param pool which SAs hold contexts; one for the thread
 * @param vectors whether AES-GCM may be code of our own (`driver/vaes`), where the processor can
 * @returns `missing`, a sentence, where this node has no FFI, no OpenSSL 3, or one that computes something else
 */
export function evpCiphers(slow: NewPacketCipher, pool = new ActivePool(), vectors = true): EvpCiphers {
  const newCipher: NewPacketCipher = (suite, keys, geometry) => {
    if (!isFast(suite)) return slow(suite, keys, geometry);
    const { integrity, keyBits } = suite;
    if (suite.encryption === 'chacha20-poly1305')
      return new AeadCipher(CHACHA, keys.encryption, geometry, pool, vectors);
    if (integrity === undefined) return new AeadCipher(`AES-${keyBits}-GCM`, keys.encryption, geometry, pool, vectors);
    return new CbcHmacCipher(keyBits, integrityTransforms[integrity].hash, keys, geometry, pool);
  };
  try {
    for (const suite of fastSuites()) mustAgree(suite, newCipher, slow);
    return { newCipher };
  } catch (error) {
    return { missing: (error as Error).message.split('\n')[0]! };
  }
}

/** Every suite that does not go to the slow ciphers. */
export function fastSuites(): EspSuite[] {
  const integrities = Object.keys(integrityTransforms) as EspIntegrity[];
  return [
    ...(['aes-gcm-16', 'chacha20-poly1305'] as const).flatMap((encryption) =>
      encryptionTransforms[encryption].keyBits.map((keyBits): EspSuite => ({ encryption, keyBits })),
    ),
    ...encryptionTransforms['aes-cbc'].keyBits.flatMap((keyBits) =>
      integrities.map((integrity): EspSuite => ({ encryption: 'aes-cbc', keyBits, integrity })),
    ),
  ].filter(isFast);
}

/** 3DES and MD5 are rare and slow whatever one does: they stay with the slow ciphers. */
function isFast({ encryption, integrity }: EspSuite): boolean {
  if (integrity === undefined) return true;
  return encryption === 'aes-cbc' && isBareHash(integrityTransforms[integrity].hash);
}

/** Enough for whole turns of eight blocks and what is left. */
const PROBE_BLOCKS = 21;

/** @throws Error where both do not make the same packet, or the fast one takes a forged packet or refuses a true one */
function mustAgree(suite: EspSuite, fast: NewPacketCipher, slow: NewPacketCipher): void {
  const geometry = espGeometry(suite);
  const bytes = espKeyBytes(suite);
  const keys = { encryption: counting(bytes.encryption, 1), integrity: counting(bytes.integrity, 7) };
  const length = geometry.prefixBytes + PROBE_BLOCKS * 16;
  const plain = counting(length + geometry.icvBytes, 3);
  const ciphers = [fast, slow].map((newCipher) => newCipher(suite, keys, geometry));
  try {
    const [fastPacket, slowPacket] = ciphers.map((cipher) => {
      const packet = plain.slice();
      cipher.seal(packet, 0, length);
      return packet;
    });
    const opened = fastPacket!.slice();
    const isOpened = ciphers[0]!.open(opened, 0, length, opened, geometry.prefixBytes);
    const forged = fastPacket!.slice();
    forged[geometry.prefixBytes]! ^= 1;
    const isForgedOpened = ciphers[0]!.open(forged, 0, length, forged, geometry.prefixBytes);
    const samePlain = same(opened.subarray(geometry.prefixBytes, length), plain.subarray(geometry.prefixBytes, length));
    if (!same(fastPacket!, slowPacket!) || !isOpened || !samePlain || isForgedOpened) {
      throw new Error(`OpenSSL computes something else for ${suite.encryption}-${suite.keyBits} than expected`);
    }
  } finally {
    for (const cipher of ciphers) cipher.close();
  }
}

const counting = (length: number, step: number) => Uint8Array.from({ length }, (_, i) => i * step + 1);

const same = (a: Uint8Array, b: Uint8Array) => a.length === b.length && a.every((byte, i) => byte === b[i]);
