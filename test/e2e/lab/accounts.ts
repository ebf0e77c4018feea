/** What a gateway's state directory holds, made and read without starting a program. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { StateDirectory } from '../../../src/process/stateDirectory.ts';
import { CARD_USER, loadKey, makeUser, openSqliteStore, unsealUser } from '../../../src/store/index.ts';

/** Puts users into a state directory. */
export function putUsers(path: string, users: Readonly<Record<string, string>>): void {
  const state = new StateDirectory(path);
  const key = loadKey(state.keyFile);
  const store = openSqliteStore(state.database);
  for (const [name, password] of Object.entries(users)) store.putUser(makeUser(key, name, password, 0));
  store.close();
}

/** The first user, which the gateway has made by itself. */
export function firstUser(path: string): { readonly user: string; readonly password: string } {
  const state = new StateDirectory(path);
  const store = openSqliteStore(state.database);
  const user = store.setting(CARD_USER) ?? '';
  const stored = store.user(user);
  const password = stored === undefined ? '' : unsealUser(loadKey(state.keyFile), stored).password;
  store.close();
  return { user, password };
}

/** Writes a file that only its owner reads. @returns its path */
export function secretFile(folder: string, name: string, text: string): string {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, name);
  writeFileSync(file, text, { mode: 0o600 });
  return file;
}
