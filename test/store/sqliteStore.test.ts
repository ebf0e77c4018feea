import assert from 'node:assert/strict';
import {
  chmodSync,
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { DatabaseSync } from '@photostructure/sqlite';
import { openSqliteStore } from '../../src/store/index.ts';
import { ANN, storeContract } from './contract.ts';

const folder = mkdtempSync(join(tmpdir(), 'sallyport-store-'));
after(() => rmSync(folder, { recursive: true }));
let files = 0;
const newFile = () => join(folder, `${files++}.db`);

storeContract('the SQLite store', () => {
  const file = newFile();
  return () => openSqliteStore(file);
});

const modes = (file: string) =>
  readdirSync(folder)
    .map((name) => join(folder, name))
    .filter((path) => path.startsWith(file))
    .map((path) => (statSync(path).mode & 0o777).toString(8));

test('nobody else reads the database, nor what SQLite puts beside it', () => {
  const file = newFile();
  const store = openSqliteStore(file);
  store.putUser(ANN);
  assert.deepEqual(modes(file), ['600', '600', '600'], 'database, write-ahead log, shared memory');
  store.close();
  chmodSync(file, 0o644);
  openSqliteStore(file).close();
  assert.deepEqual([...new Set(modes(file))], ['600'], 'a mode that was loosened is put right');
});

test('the database is whole by itself once it is closed, whatever lies beside it', () => {
  const file = newFile();
  const store = openSqliteStore(file);
  store.putUser(ANN);
  assert.equal(store.user(ANN.name)?.name, ANN.name, 'a statement that is kept');
  store.close();
  const copy = newFile();
  copyFileSync(file, copy);
  const again = openSqliteStore(copy);
  assert.deepEqual(again.users(), [ANN]);
  again.close();
});

test('a database of a newer version is left alone', () => {
  const file = newFile();
  const database = new DatabaseSync(file);
  database.exec('PRAGMA user_version = 99');
  database.close();
  assert.throws(() => openSqliteStore(file), /newer version of Sallyport \(schema 99, this one knows 3\).*Update/);
  const again = new DatabaseSync(file);
  assert.deepEqual({ ...(again.prepare('PRAGMA user_version').get() as object) }, { user_version: 99 });
  again.close();
});

test('a file that is no database is named and left alone', () => {
  const file = newFile();
  const text = 'this is no database, but somebody’s notes. '.repeat(200);
  writeFileSync(file, text);
  assert.throws(() => openSqliteStore(file), /is no database of Sallyport\. Restore it from a backup/);
  assert.equal(readFileSync(file, 'utf8'), text);
});

test('the schema is made once and then left', () => {
  const file = newFile();
  const first = openSqliteStore(file);
  first.putUser(ANN);
  first.close();
  for (let i = 0; i < 3; i++) {
    const store = openSqliteStore(file);
    assert.equal(store.users().length, 1);
    store.close();
  }
});

test('who writes while another holds the lock is told so after a while, and nothing is lost', (t) => {
  const file = newFile();
  const store = openSqliteStore(file);
  t.after(() => store.close());
  const other = new DatabaseSync(file);
  other.exec('PRAGMA busy_timeout = 10; BEGIN IMMEDIATE');
  other.exec("INSERT INTO settings VALUES ('a', '1')");
  assert.equal(store.setting('a'), undefined, 'reading goes on meanwhile');
  other.exec('COMMIT');
  store.putSetting('a', '2');
  other.close();
  assert.equal(store.setting('a'), '2');
});

test('a database of the first version gains the rules of single users', () => {
  const file = newFile();
  const database = new DatabaseSync(file);
  database.exec(
    `CREATE TABLE users (name TEXT PRIMARY KEY, password_hash TEXT NOT NULL, sealed_secrets BLOB NOT NULL,
       address TEXT UNIQUE, disabled INTEGER NOT NULL DEFAULT 0, created_at REAL NOT NULL) STRICT;
     CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
     INSERT INTO users VALUES ('old', 'hash', x'00', NULL, 0, 1);
     PRAGMA user_version = 1`,
  );
  database.close();
  const store = openSqliteStore(file);
  assert.equal(store.user('old')?.singleSession, undefined);
  const rules = {
    singleSession: 'deny',
    sessionTimeout: 3600,
    idleTimeout: 0,
    rateDown: 20_000_000,
    rateUp: 0,
  } as const;
  store.putUser({ ...ANN, ...rules });
  assert.deepEqual(store.user(ANN.name), { ...ANN, ...rules });
  store.close();
});

test('a database of the second version gains the rates of single users, and keeps their other rules', () => {
  const file = newFile();
  const database = new DatabaseSync(file);
  database.exec(
    `CREATE TABLE users (name TEXT PRIMARY KEY, password_hash TEXT NOT NULL, sealed_secrets BLOB NOT NULL,
       address TEXT UNIQUE, disabled INTEGER NOT NULL DEFAULT 0, created_at REAL NOT NULL,
       single_session TEXT, session_timeout REAL, idle_timeout REAL) STRICT;
     CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
     INSERT INTO users VALUES ('old', 'hash', x'00', NULL, 0, 1, 'deny', 60, NULL);
     PRAGMA user_version = 2`,
  );
  database.close();
  const store = openSqliteStore(file);
  const old = store.user('old')!;
  assert.deepEqual(
    [old.singleSession, old.sessionTimeout, old.rateDown, old.rateUp],
    ['deny', 60, undefined, undefined],
  );
  store.putUser({ ...old, rateUp: 5_000_000 });
  assert.deepEqual(store.user('old'), { ...old, rateUp: 5_000_000 });
  store.putUser(old);
  assert.deepEqual(store.user('old'), old);
  store.close();
});
