/** Encryption of IKEv1 message bodies with CBC and chained IVs. RFC 2409 Appendix B. */

import type { Crypto } from '../../crypto/index.ts';
import { concat, Malformed } from '../../wire/index.ts';
import { assemble, decodePayloads, encodePayloads, type Message, type MessageHead } from '../message.ts';
import { HeaderFlag, type Payload } from '../payloads/index.ts';
import type { IkeCipher } from './keys.ts';

/** A message and the IV of the next one in the same exchange, which is its last block of ciphertext. */
export interface Encrypted {
  readonly bytes: Uint8Array;
  readonly nextIv: Uint8Array;
}

export interface Decrypted {
  readonly message: Message;
  readonly nextIv: Uint8Array;
}

/** Encodes, pads with zeros to a whole block, encrypts, and sets the encryption flag. */
export function encryptMessage(
  crypto: Crypto,
  cipher: IkeCipher,
  iv: Uint8Array,
  head: MessageHead,
  payloads: readonly Payload[],
): Encrypted {
  const plain = encodePayloads(payloads);
  const padding = (cipher.blockBytes - (plain.length % cipher.blockBytes)) % cipher.blockBytes;
  const body = crypto.cbcEncrypt(cipher.name, cipher.key, iv, concat(plain, new Uint8Array(padding)));
  const flags = (head.flags ?? 0) | HeaderFlag.encryption;
  return { bytes: assemble({ ...head, flags }, payloads, body), nextIv: body.slice(-cipher.blockBytes) };
}

/**
 * Decrypts a message that `decodeMessage` left encrypted. Nothing is verified: a wrong key shows as `Malformed`
 * (or, rarely, as payloads that make no sense), which is how a wrong pre-shared key is noticed in Main Mode.
 * @throws Malformed
 */
export function decryptMessage(crypto: Crypto, cipher: IkeCipher, iv: Uint8Array, message: Message): Decrypted {
  const { header, body } = message;
  if (body.length === 0 || body.length % cipher.blockBytes !== 0) {
    throw new Malformed(`ciphertext of ${body.length} bytes is not whole blocks`);
  }
  const plain = crypto.cbcDecrypt(cipher.name, cipher.key, iv, body);
  const chain = decodePayloads(header.nextPayload, plain, 'padded');
  return { message: { header, body, ...chain }, nextIv: body.slice(-cipher.blockBytes) };
}
