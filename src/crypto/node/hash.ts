/**
 * Hashes and HMAC by one call of OpenSSL each: an object of node:crypto, and a buffer for what it gives, take several
 * times as long as what is computed for messages of control. RFC 2104.
 */

import { createHmac, hash } from 'node:crypto';
import type { HashName } from '../crypto.ts';
import { plain } from './plain.ts';

/** Bytes of the blocks that HMAC pads its key to. */
const BLOCK_BYTES: Readonly<Record<HashName, number>> = { md5: 64, sha1: 64, sha256: 64, sha384: 128, sha512: 128 };
/** Longer data go to node:crypto in parts rather than as one copy. */
const MOST_JOINED_BYTES = 8192;
const INNER = 0x36;
const OUTER = 0x5c;

const scratch = new Uint8Array(128 + MOST_JOINED_BYTES);

export function digest(name: HashName, data: Uint8Array): Uint8Array {
  return fromBinary(hash(name, data, 'binary'));
}

export function hmacOf(name: HashName, key: Uint8Array, data: readonly Uint8Array[]): Uint8Array {
  const blockBytes = BLOCK_BYTES[name];
  let length = blockBytes;
  for (const part of data) length += part.length;
  if (length > scratch.length) return inParts(name, key, data);
  const padded = key.length > blockBytes ? digest(name, key) : key;
  pad(padded, blockBytes, INNER);
  let at = blockBytes;
  for (const part of data) {
    scratch.set(part, at);
    at += part.length;
  }
  const inner = hash(name, scratch.subarray(0, length), 'binary');
  pad(padded, blockBytes, OUTER);
  for (let i = 0; i < inner.length; i++) scratch[blockBytes + i] = inner.charCodeAt(i);
  const outer = hash(name, scratch.subarray(0, blockBytes + inner.length), 'binary');
  // What was signed may be as secret as the key.
  scratch.fill(0, 0, length);
  return fromBinary(outer);
}

function inParts(name: HashName, key: Uint8Array, data: readonly Uint8Array[]): Uint8Array {
  const hmac = createHmac(name, key);
  for (const part of data) hmac.update(part);
  return plain(hmac.digest());
}

function pad(key: Uint8Array, blockBytes: number, byte: number): void {
  for (let i = 0; i < key.length; i++) scratch[i] = key[i]! ^ byte;
  scratch.fill(byte, key.length, blockBytes);
}

function fromBinary(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}
