/** Which packet ciphers a data plane uses: OpenSSL's contexts through FFI where they work, else node:crypto. */

import { nodeCrypto } from '../crypto/node/index.ts';
import { type NewPacketCipher, packetCiphers } from '../esp/index.ts';
import { evpCiphers } from './evp/index.ts';

/** `fastest` unless told. `node` is some twenty times slower and works everywhere. */
export type CipherChoice = 'fastest' | 'node';

export interface Ciphers {
  readonly newCipher: NewPacketCipher;
  /** Why it is node:crypto, a sentence; undefined where it is not. */
  readonly slowBecause?: string;
}

/** Probed once a thread. */
export function ciphersFor(choice: CipherChoice): Ciphers {
  const slow = packetCiphers(nodeCrypto);
  if (choice === 'node') return { newCipher: slow, slowBecause: 'the configuration asks for node:crypto' };
  fastest ??= probe(slow);
  return fastest;
}

let fastest: Ciphers | undefined;

function probe(slow: NewPacketCipher): Ciphers {
  const ciphers = evpCiphers(slow);
  return 'newCipher' in ciphers ? ciphers : { newCipher: slow, slowBecause: ciphers.missing };
}
