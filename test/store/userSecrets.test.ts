import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after, before } from 'node:test';
import { loadKey, makeUser, type StoredUser, unsealUser, verifyPassword } from '../../src/store/index.ts';
import { toHex, utf8 } from '../../src/wire/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'sallyport-secrets-'));
after(() => rmSync(folder, { recursive: true }));

const KEY = new Uint8Array(32).fill(7);
const PASSWORD = 'clientPass';
/** Hashing is slow on purpose, so the tests share what was hashed. */
let ann: StoredUser;
before(() => {
  ann = makeUser(KEY, 'ann', PASSWORD, 1_772_000_000, '10.87.0.50');
});

test('a password is verified by its hash alone', async () => {
  assert.match(ann.passwordHash, /^scrypt\$32768\$8\$1\$[A-Za-z0-9+/]{22}==\$[A-Za-z0-9+/]{43}=$/);
  assert.equal(await verifyPassword(ann.passwordHash, utf8(PASSWORD)), true);
  assert.equal(await verifyPassword(ann.passwordHash, utf8('clientpass')), false);
  assert.equal(await verifyPassword('plain$x', utf8('x')), false);
  assert.equal(await verifyPassword('', utf8('')), false);
});

test('sealed secrets give the password and its NT hash (RFC 2759 §9.2) to the key, and to no other', () => {
  assert.deepEqual(unsealUser(KEY, ann), {
    password: PASSWORD,
    ntHash: Uint8Array.from(Buffer.from('44EBBA8D5312B8D611474411F56989AE', 'hex')),
  });
  const remedy = /sealed with another key file\. Restore the key file, or give the user a new password\./;
  assert.throws(() => unsealUser(new Uint8Array(32), ann), remedy);
});

test('sealed secrets cannot be given to another user, nor changed', () => {
  assert.throws(() => unsealUser(KEY, { ...ann, name: 'eve' }));
  for (const at of [0, 12, ann.sealedSecrets.length - 1]) {
    const sealedSecrets = ann.sealedSecrets.slice();
    sealedSecrets[at]! ^= 1;
    assert.throws(() => unsealUser(KEY, { ...ann, sealedSecrets }), `byte ${at}`);
  }
  for (const length of [0, 11, 20]) {
    assert.throws(() => unsealUser(KEY, { ...ann, sealedSecrets: ann.sealedSecrets.slice(0, length) }));
  }
});

test('what is stored does not hold the password', () => {
  const stored = ann.passwordHash + toHex(ann.sealedSecrets) + Buffer.from(ann.sealedSecrets).toString('latin1');
  assert.ok(!stored.includes(PASSWORD));
  assert.ok(!stored.includes(toHex(utf8(PASSWORD))));
});

test('names and passwords that cannot work are refused, saying why', () => {
  assert.throws(() => makeUser(KEY, '', 'x', 0), { message: 'A user name may not be empty.' });
  assert.throws(() => makeUser(KEY, 'ann', '', 0), { message: 'A password may not be empty.' });
  assert.throws(() => makeUser(KEY, 'a\nb', 'x', 0), { message: 'A user name may not hold control characters.' });
  assert.throws(() => makeUser(KEY, 'a', 'x'.repeat(129), 0), {
    message: 'A password may have 128 characters at most.',
  });
});

test('the key file is made once, for its owner alone', () => {
  const file = join(folder, 'secret.key');
  const key = loadKey(file);
  assert.equal(key.length, 32);
  assert.ok(key.some((byte) => byte !== 0));
  chmodSync(file, 0o644);
  assert.deepEqual(loadKey(file), key);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(folder), ['secret.key'], 'no draft is left');
});

test('a key file of another length is not used', () => {
  const file = join(folder, 'short.key');
  writeFileSync(file, 'x');
  assert.throws(() => loadKey(file), /short\.key does not hold a key of 32 bytes\. Restore it from a backup/);
});
