/** The slow twin of the ESP codec: the packet as RFC 4303 §2 draws it, with a `Reader`, a `Writer` and a `Crypto`. */

import type { Crypto } from '../../src/crypto/index.ts';
import type { EspKeys, EspSuite } from '../../src/esp/index.ts';
import { concat, Reader, rest, struct, u32, Writer } from '../../src/wire/index.ts';

const EspPacket = struct({ spi: u32, sequence: u32, rest });

const numbers = {
  'aes-cbc': { iv: 16, block: 16 },
  '3des-cbc': { iv: 8, block: 8 },
  'aes-gcm-16': { iv: 8, block: 4 },
  'chacha20-poly1305': { iv: 8, block: 4 },
};
const hmacs = {
  'hmac-md5-96': ['md5', 12],
  'hmac-sha1-96': ['sha1', 12],
  'hmac-sha2-256-128': ['sha256', 16],
  'hmac-sha2-384-192': ['sha384', 24],
  'hmac-sha2-512-256': ['sha512', 32],
} as const;

export interface Opened {
  readonly sequence: number;
  readonly nextHeader: number;
  readonly payload: Uint8Array;
}

export interface TwinSa {
  readonly crypto: Crypto;
  readonly spi: number;
  readonly suite: EspSuite;
  readonly keys: EspKeys;
}

export function slowSeal(sa: TwinSa, sequence: number, iv: Uint8Array, nextHeader: number, payload: Uint8Array) {
  const plaintext = new Writer().bytes(payload);
  let padding = 0;
  while ((plaintext.length + 2) % numbers[sa.suite.encryption].block !== 0) plaintext.u8(++padding);
  plaintext.u8(padding).u8(nextHeader);

  const header = new Writer().u32(sa.spi).u32(sequence).finish();
  if (sa.suite.encryption === 'aes-gcm-16' || sa.suite.encryption === 'chacha20-poly1305') {
    const [key, salt] = keyAndSalt(sa);
    const seal = sa.suite.encryption === 'aes-gcm-16' ? sa.crypto.gcmSeal : sa.crypto.chachaSeal;
    return concat(header, iv, seal(key, concat(salt, iv), header, plaintext.finish()));
  }
  const encrypted = sa.crypto.cbcEncrypt(sa.suite.encryption, sa.keys.encryption, iv, plaintext.finish());
  const covered = concat(header, iv, encrypted);
  return concat(covered, icv(sa, covered));
}

export function slowOpen(sa: TwinSa, packet: Uint8Array): Opened | undefined {
  const { sequence, rest: behind } = EspPacket.decode(packet);
  const from = new Reader(behind);
  const iv = from.bytes(numbers[sa.suite.encryption].iv);
  const plaintext = sa.suite.integrity === undefined ? openAead(sa, packet, iv, from.rest()) : openCbc(sa, packet);
  if (plaintext === undefined) return undefined;
  const padding = plaintext.at(-2)!;
  const payload = plaintext.subarray(0, plaintext.length - 2 - padding);
  const expected = Uint8Array.from({ length: padding }, (_, i) => i + 1);
  if (String(plaintext.subarray(payload.length, -2)) !== String(expected)) return undefined;
  return { sequence, nextHeader: plaintext.at(-1)!, payload };
}

function openAead(sa: TwinSa, packet: Uint8Array, iv: Uint8Array, sealed: Uint8Array): Uint8Array | undefined {
  const [key, salt] = keyAndSalt(sa);
  const open = sa.suite.encryption === 'aes-gcm-16' ? sa.crypto.gcmOpen : sa.crypto.chachaOpen;
  return open(key, concat(salt, iv), packet.subarray(0, 8), sealed);
}

function openCbc(sa: TwinSa, packet: Uint8Array): Uint8Array | undefined {
  if (sa.suite.encryption === 'aes-gcm-16' || sa.suite.encryption === 'chacha20-poly1305') return undefined;
  const icvAt = packet.length - hmacs[sa.suite.integrity!][1];
  if (!sa.crypto.equal(icv(sa, packet.subarray(0, icvAt)), packet.subarray(icvAt))) return undefined;
  const ivEnd = 8 + numbers[sa.suite.encryption].iv;
  const [iv, ciphertext] = [packet.subarray(8, ivEnd), packet.subarray(ivEnd, icvAt)];
  return sa.crypto.cbcDecrypt(sa.suite.encryption, sa.keys.encryption, iv, ciphertext);
}

function icv(sa: TwinSa, covered: Uint8Array): Uint8Array {
  const [hash, length] = hmacs[sa.suite.integrity!];
  return sa.crypto.hmac(hash, sa.keys.integrity, covered).slice(0, length);
}

function keyAndSalt(sa: TwinSa): [Uint8Array, Uint8Array] {
  const at = sa.suite.keyBits / 8;
  return [sa.keys.encryption.subarray(0, at), sa.keys.encryption.subarray(at)];
}
