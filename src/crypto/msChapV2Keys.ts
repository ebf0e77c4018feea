/** The keys that MS-CHAP version 2 leaves behind. RFC 3079 §3.4, and the MSK that EAP makes of them. */

import { concat, utf8 } from '../wire/index.ts';
import type { Crypto } from './crypto.ts';

const KEY_BYTES = 16;
const MSK_BYTES = 64;

/**
 * GetMasterKey(): 16 bytes. Both ends of an authentication know them.
 * @param ntHash 16 bytes
 * @param ntResponse the 24 bytes that the peer sent
 */
export function msChapV2MasterKey(crypto: Crypto, ntHash: Uint8Array, ntResponse: Uint8Array): Uint8Array {
  return crypto.hash('sha1', crypto.md4(ntHash), ntResponse, MAGIC_1).slice(0, KEY_BYTES);
}

/** GetAsymmetricStartKey() for 128 bits, of the key that the client (or the server) sends by. */
export function msChapV2StartKey(crypto: Crypto, masterKey: Uint8Array, sender: 'client' | 'server'): Uint8Array {
  const magic = sender === 'client' ? MAGIC_2 : MAGIC_3;
  return crypto.hash('sha1', masterKey, PAD_1, magic, PAD_2).slice(0, KEY_BYTES);
}

/** The 64-byte MSK of EAP-MSCHAPv2: what the server receives by, what it sends by, and zeros. */
export function msChapV2Msk(crypto: Crypto, masterKey: Uint8Array): Uint8Array {
  const keys = (['client', 'server'] as const).map((sender) => msChapV2StartKey(crypto, masterKey, sender));
  return concat(...keys, new Uint8Array(MSK_BYTES - 2 * KEY_BYTES));
}

const MAGIC_1 = utf8('This is the MPPE Master Key');
const MAGIC_2 = utf8('On the client side, this is the send key; on the server side, it is the receive key.');
const MAGIC_3 = utf8('On the client side, this is the receive key; on the server side, it is the send key.');
const PAD_1 = new Uint8Array(40);
const PAD_2 = new Uint8Array(40).fill(0xf2);
