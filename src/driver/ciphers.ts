/** Which packet ciphers a data plane uses: the fastest that this machine has, OpenSSL's contexts, or node:crypto. */

import { nodeCrypto } from '../crypto/node/index.ts';
import { type NewPacketCipher, packetCiphers } from '../esp/index.ts';
import { ActivePool } from './activePool.ts';
import { evpCiphers } from './evp/index.ts';

/**
 * `fastest` unless told: OpenSSL's through FFI, and for AES-GCM our own code where the processor has VAES. `openssl` leaves
 * that out. `node` is some twenty times slower and works everywhere.
 */
export type CipherChoice = 'fastest' | 'openssl' | 'node';

export interface Ciphers {
  readonly newCipher: NewPacketCipher;
  /** Why it is node:crypto, a sentence; undefined where it is not. */
  readonly slowBecause?: string;
}

/** Probed once a thread. */
export function ciphersFor(choice: CipherChoice): Ciphers {
  const slow = packetCiphers(nodeCrypto);
  if (choice === 'node') return { newCipher: slow, slowBecause: 'the configuration asks for node:crypto' };
  let ciphers = probed.get(choice);
  if (ciphers === undefined) {
    ciphers = probe(slow, choice === 'fastest');
    probed.set(choice, ciphers);
  }
  return ciphers;
}

const probed = new Map<CipherChoice, Ciphers>();

function probe(slow: NewPacketCipher, vectors: boolean): Ciphers {
  const ciphers = evpCiphers(slow, new ActivePool(), vectors);
  if ('newCipher' in ciphers) return ciphers;
  // What fails may be our own code alone.
  return vectors ? probe(slow, false) : { newCipher: slow, slowBecause: ciphers.missing };
}
