/**
 * The store in one SQLite file. The same prebuilt engine serves every Node version, so that a database never meets two;
 * it has node:sqlite's interface, to which this can move when Node 24 is the floor.
 */

import { chmodSync, closeSync, openSync } from 'node:fs';
import { DatabaseSync, type DatabaseSyncInstance } from '@photostructure/sqlite';
import type { Store, StoredUser } from './store.ts';

/** Each entry brings the schema from its index to the next version. */
const MIGRATIONS = [
  `CREATE TABLE users (
     name TEXT PRIMARY KEY,
     password_hash TEXT NOT NULL,
     sealed_secrets BLOB NOT NULL,
     address TEXT UNIQUE,
     disabled INTEGER NOT NULL DEFAULT 0,
     created_at REAL NOT NULL
   ) STRICT;
   CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;`,
  `ALTER TABLE users ADD COLUMN single_session TEXT CHECK (single_session IN ('replace', 'deny', 'allow'));
   ALTER TABLE users ADD COLUMN session_timeout REAL;
   ALTER TABLE users ADD COLUMN idle_timeout REAL;`,
  `ALTER TABLE users ADD COLUMN rate_down INTEGER;
   ALTER TABLE users ADD COLUMN rate_up INTEGER;`,
];

/** How long one process waits for another's write. */
const BUSY_MS = 3000;
const WAL_TRIES = 60;

interface UserRow {
  name: string;
  password_hash: string;
  sealed_secrets: Uint8Array;
  address: string | null;
  disabled: number;
  created_at: number;
  single_session: 'replace' | 'deny' | 'allow' | null;
  session_timeout: number | null;
  idle_timeout: number | null;
  rate_down: number | null;
  rate_up: number | null;
}

/**
 * Opens or creates the database, mode 0600.
 * @throws Error when the file is of a newer version of the program, or no database
 */
export function openSqliteStore(file: string): Store {
  closeSync(openSync(file, 'a', 0o600));
  chmodSync(file, 0o600);
  const database = new DatabaseSync(file);
  try {
    // `user add` beside a running gateway waits for its turn instead of failing.
    database.exec(`PRAGMA busy_timeout = ${BUSY_MS}; PRAGMA foreign_keys = ON`);
    toWriteAheadLog(database);
    migrate(database, file);
  } catch (error) {
    database.close();
    if (/not a database|malformed/.test((error as Error).message))
      throw new Error(
        `${file} is no database of Sallyport. Restore it from a backup, or name another state directory.`,
      );
    throw error;
  }
  return new SqliteStore(database);
}

class SqliteStore implements Store {
  readonly #database: DatabaseSyncInstance;
  /** Asked at every login, so prepared once. */
  readonly #userByName: ReturnType<DatabaseSyncInstance['prepare']>;

  constructor(database: DatabaseSyncInstance) {
    this.#database = database;
    this.#userByName = database.prepare('SELECT * FROM users WHERE name = ?');
  }

  users(): StoredUser[] {
    return this.#database
      .prepare('SELECT * FROM users ORDER BY name')
      .all()
      .map((row) => fromRow(row as unknown as UserRow));
  }

  user(name: string): StoredUser | undefined {
    const row = this.#userByName.get(name);
    return row === undefined ? undefined : fromRow(row as unknown as UserRow);
  }

  putUser(user: StoredUser): void {
    this.#database
      .prepare(
        `INSERT INTO users (name, password_hash, sealed_secrets, address, disabled, created_at,
           single_session, session_timeout, idle_timeout, rate_down, rate_up)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (name) DO UPDATE SET password_hash = excluded.password_hash, sealed_secrets = excluded.sealed_secrets,
           address = excluded.address, disabled = excluded.disabled, single_session = excluded.single_session,
           session_timeout = excluded.session_timeout, idle_timeout = excluded.idle_timeout,
           rate_down = excluded.rate_down, rate_up = excluded.rate_up`,
      )
      .run(
        user.name,
        user.passwordHash,
        user.sealedSecrets,
        user.address ?? null,
        user.disabled ? 1 : 0,
        user.createdAt,
        user.singleSession ?? null,
        user.sessionTimeout ?? null,
        user.idleTimeout ?? null,
        user.rateDown ?? null,
        user.rateUp ?? null,
      );
  }

  removeUser(name: string): boolean {
    return Number(this.#database.prepare('DELETE FROM users WHERE name = ?').run(name).changes) > 0;
  }

  setting(name: string): string | undefined {
    return (
      this.#database.prepare('SELECT value FROM settings WHERE name = ?').get(name) as { value: string } | undefined
    )?.value;
  }

  putSetting(name: string, value: string): void {
    this.#database
      .prepare(
        'INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value',
      )
      .run(name, value);
  }

  removeSetting(name: string): void {
    this.#database.prepare('DELETE FROM settings WHERE name = ?').run(name);
  }

  close(): void {
    // Statements may keep the log of writes beyond the end: so the database is whole without it, for who copies it alone.
    this.#database.exec('PRAGMA wal_checkpoint(PASSIVE)');
    this.#database.close();
  }
}

function fromRow(row: UserRow): StoredUser {
  return {
    name: row.name,
    passwordHash: row.password_hash,
    sealedSecrets: new Uint8Array(row.sealed_secrets),
    ...(row.address === null ? {} : { address: row.address }),
    disabled: row.disabled !== 0,
    createdAt: row.created_at,
    ...(row.single_session === null ? {} : { singleSession: row.single_session }),
    ...(row.session_timeout === null ? {} : { sessionTimeout: row.session_timeout }),
    ...(row.idle_timeout === null ? {} : { idleTimeout: row.idle_timeout }),
    ...(row.rate_down === null ? {} : { rateDown: row.rate_down }),
    ...(row.rate_up === null ? {} : { rateUp: row.rate_up }),
  };
}

/** SQLite does not wait for a lock where it changes the journal mode: one of two first starts must try again. */
function toWriteAheadLog(database: DatabaseSyncInstance): void {
  for (let tries = 1; ; tries++) {
    try {
      database.exec('PRAGMA journal_mode = WAL');
      return;
    } catch (error) {
      if (tries === WAL_TRIES || !/locked|busy/i.test((error as Error).message)) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, BUSY_MS / WAL_TRIES);
    }
  }
}

function migrate(database: DatabaseSyncInstance, file: string): void {
  const version = () => (database.prepare('PRAGMA user_version').get() as { user_version: number }).user_version;
  if (version() > MIGRATIONS.length) {
    throw new Error(
      `${file} was written by a newer version of Sallyport (schema ${version()}, this one knows ${MIGRATIONS.length}). Update Sallyport, or choose another state directory.`,
    );
  }
  while (version() < MIGRATIONS.length) {
    database.exec('BEGIN IMMEDIATE');
    try {
      // Read again under the lock: another process may have been quicker.
      const next = version();
      if (next < MIGRATIONS.length) database.exec(`${MIGRATIONS[next]} PRAGMA user_version = ${next + 1}`);
      database.exec('COMMIT');
    } catch (error) {
      database.exec('ROLLBACK');
      throw error;
    }
  }
}
