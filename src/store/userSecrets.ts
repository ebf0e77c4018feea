/**
 * Users' secrets at rest. PAP needs only a scrypt hash, but MS-CHAPv2 needs the NT hash and CHAP-MD5 the password
 * itself: those are sealed with AES-256-GCM under a key file (0600) beside the database, so that a copy of the database
 * alone gives nothing away. Who reads both files reads the passwords.
 */

import {
  createCipheriv,
  createDecipheriv,
  createHash,
  randomBytes,
  type ScryptOptions,
  scrypt,
  scryptSync,
  timingSafeEqual,
} from 'node:crypto';
import { chmodSync, existsSync, linkSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { ntPasswordHash } from '../crypto/index.ts';
import { nodeCrypto } from '../crypto/node/index.ts';
import type { StoredUser } from './store.ts';

/** What a user's secrets are once unsealed. */
export interface UserSecrets {
  /** 16 bytes. */
  readonly ntHash: Uint8Array;
  readonly password: string;
}

/** scrypt N, r, p: 32 MiB and about 0.1 s a try. */
const SCRYPT: ScryptOptions & { N: number; r: number; p: number } = { N: 32_768, r: 8, p: 1, maxmem: 64 * 1024 * 1024 };
const HASH_BYTES = 32;
const SALT_BYTES = 16;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** 96 bits. */
const CREDENTIAL_CHARACTERS = 16;
export const KEY_BYTES = 32;

/** Longest user name and password taken, characters. */
export const MOST_CHARACTERS = 128;

/** Reads the key file, or makes it (0600). Two processes that make it at once agree on one key. */
export function loadKey(file: string): Uint8Array {
  if (!existsSync(file)) makeKey(file);
  const key = readFileSync(file);
  if (key.length !== KEY_BYTES)
    throw new Error(
      `${file} does not hold a key of ${KEY_BYTES} bytes. Restore it from a backup; without it users must be given new passwords.`,
    );
  chmodSync(file, 0o600);
  return new Uint8Array(key);
}

/** The file appears whole or not at all, and never replaces another. */
function makeKey(file: string): void {
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, randomBytes(KEY_BYTES), { mode: 0o600 });
  try {
    linkSync(draft, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    unlinkSync(draft);
  }
}

/** @throws Error for a name or password that cannot be used, saying why */
export function makeUser(
  key: Uint8Array,
  name: string,
  password: string,
  createdAt: number,
  address?: string,
): StoredUser {
  checkText('user name', name);
  checkText('password', password);
  const salt = randomBytes(SALT_BYTES);
  const hash = scryptSync(password, salt, HASH_BYTES, SCRYPT);
  const passwordHash = ['scrypt', SCRYPT.N, SCRYPT.r, SCRYPT.p, salt.toString('base64'), hash.toString('base64')].join(
    '$',
  );
  const sealedSecrets = seal(key, name, JSON.stringify({ password }));
  return {
    name,
    passwordHash,
    sealedSecrets,
    disabled: false,
    createdAt,
    ...(address === undefined ? {} : { address }),
  };
}

/** Whether `password` is the one that `passwordHash` was made of. */
export function verifyPassword(passwordHash: string, password: Uint8Array): Promise<boolean> {
  const [scheme, n, r, p, salt, hash] = passwordHash.split('$');
  if (scheme !== 'scrypt' || salt === undefined || hash === undefined) return Promise.resolve(false);
  const expected = Buffer.from(hash, 'base64');
  const options = { N: Number(n), r: Number(r), p: Number(p), maxmem: SCRYPT.maxmem! };
  return new Promise((resolve, reject) => {
    scrypt(password, Buffer.from(salt, 'base64'), expected.length, options, (error, actual) => {
      if (error) reject(error);
      else resolve(timingSafeEqual(actual, expected));
    });
  });
}

/**
 * Another text after each new password, and of a user made anew, though the password be the same one. It is made of the
 * salt, which is drawn each time, and so tells nothing of the password.
 */
export function credentialOf({ passwordHash }: Pick<StoredUser, 'passwordHash'>): string {
  const [, , , , salt = ''] = passwordHash.split('$');
  return createHash('sha256').update('credential ').update(salt).digest('base64').slice(0, CREDENTIAL_CHARACTERS);
}

/** @throws Error when the key file is not the one that sealed the user */
export function unsealUser(key: Uint8Array, user: StoredUser): UserSecrets {
  const { password } = JSON.parse(unseal(key, user.name, user.sealedSecrets)) as { password: string };
  return { password, ntHash: ntPasswordHash(nodeCrypto, password) };
}

function seal(key: Uint8Array, name: string, text: string): Uint8Array {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  cipher.setAAD(Buffer.from(name));
  return new Uint8Array(Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]));
}

function unseal(key: Uint8Array, name: string, sealed: Uint8Array): string {
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAAD(Buffer.from(name));
  decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]).toString(
      'utf8',
    );
  } catch {
    throw new Error(
      `The secrets of user ${JSON.stringify(name)} were sealed with another key file. Restore the key file, or give the user a new password.`,
    );
  }
}

function checkText(what: string, text: string): void {
  if (text.length === 0) throw new Error(`A ${what} may not be empty.`);
  if (text.length > MOST_CHARACTERS) throw new Error(`A ${what} may have ${MOST_CHARACTERS} characters at most.`);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  if (/[\u0000-\u001f\u007f]/.test(text)) throw new Error(`A ${what} may not hold control characters.`);
}
