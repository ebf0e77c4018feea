/** All suites, seeded randomness, and pairs of SAs. */

import { nodeCrypto } from '../../src/crypto/node/index.ts';
import {
  type EspEncryption,
  type EspIntegrity,
  type EspKeys,
  type EspSuite,
  encryptionTransforms,
  espKeyBytes,
  InboundSa,
  type InboundSaOptions,
  integrityTransforms,
  OutboundSa,
  type OutboundSaOptions,
  packetCiphers,
  RandomPool,
} from '../../src/esp/index.ts';

export const SPI = 0xc0ffee01;

export const suites: readonly EspSuite[] = (Object.keys(encryptionTransforms) as EspEncryption[]).flatMap(
  (encryption) =>
    encryptionTransforms[encryption].keyBits.flatMap((keyBits): EspSuite[] =>
      encryptionTransforms[encryption].icvBytes > 0
        ? [{ encryption, keyBits }]
        : (Object.keys(integrityTransforms) as EspIntegrity[]).map((integrity) => ({ encryption, keyBits, integrity })),
    ),
);

/** The same bytes in every run: a counter hashed. */
export function seededRandom(seed: number): (length: number) => Uint8Array {
  let block = 0;
  return (length) => {
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length; at += 32) {
      const digest = nodeCrypto.hash('sha256', Uint8Array.of(seed, block >> 8, block & 0xff));
      bytes.set(digest.subarray(0, Math.min(32, length - at)), at);
      block++;
    }
    return bytes;
  };
}

export function keysFor(suite: EspSuite, seed = 1): EspKeys {
  const random = seededRandom(seed);
  const { encryption, integrity } = espKeyBytes(suite);
  return { encryption: random(encryption), integrity: random(integrity) };
}

export function outbound(suite: EspSuite, options: Partial<OutboundSaOptions> = {}): OutboundSa {
  const random = new RandomPool({ random: seededRandom(2) });
  return new OutboundSa({ spi: SPI, suite, keys: keysFor(suite), newCipher, random, ...options });
}

export function inbound(suite: EspSuite, options: Partial<InboundSaOptions> = {}): InboundSa {
  return new InboundSa({ spi: SPI, suite, keys: keysFor(suite), newCipher, ...options });
}

/** The ESP packet of `payload` in a buffer of its own. */
export function sealed(sa: OutboundSa, nextHeader: number, payload: Uint8Array): Uint8Array {
  const out = new Uint8Array(payload.length + 128);
  const length = sa.seal(nextHeader, payload, 0, payload.length, out, 0);
  if (length < 0) throw new Error(`not sealed: ${length}`);
  return out.slice(0, length);
}

export const newCipher = packetCiphers(nodeCrypto);
