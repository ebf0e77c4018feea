/** Messages 5 and 6 of Main Mode, opened: a wrong key shows in what they hold. RFC 2409 §5. */

import { Malformed } from '../../wire/index.ts';
import { find, type Message, type PayloadChain } from '../message.ts';
import type { Context } from './context.ts';
import type { Phase1Keys } from './keys.ts';
import { decryptMessage } from './message.ts';
import { breach, messageTable } from './messageTable.ts';

export interface OpenedAuthentication {
  readonly chain: PayloadChain;
  readonly nextIv: Uint8Array;
}

/**
 * Decrypts and holds against the table.
 * @param proof what the agreed method of authentication brings
 * @returns why it cannot be what the peer sent under these keys
 */
export function openAuthentication(
  context: Context,
  keys: Phase1Keys,
  iv: Uint8Array,
  message: Message,
  name: 'mainMode5' | 'mainMode6',
  proof: 'HASH' | 'SIG',
): OpenedAuthentication | string {
  try {
    const { message: chain, nextIv } = decryptMessage(context.crypto, keys.cipher, iv, message);
    const missing = find(chain, proof) === undefined ? `${proof} is missing` : undefined;
    return breach(messageTable[name], chain) ?? missing ?? { chain, nextIv };
  } catch (error) {
    if (error instanceof Malformed) return 'it does not decrypt to payloads';
    throw error;
  }
}
